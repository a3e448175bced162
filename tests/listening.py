"""A real HTTP server that hands every POST to a function and says what it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Header names are in lower case.
Answer = tuple[int, dict[str, str]] | None


@contextmanager
def listening(path: str, answer_to: Callable[[dict[str, str], bytes], Answer]) -> Iterator[str]:
    """The address of ``path``. A request that is answered None never gets an answer: its connection ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = answer_to({k.lower(): v for k, v in self.headers.items()}, body)
            if answer is None:
                self.connection.close()
                return
            status, headers = answer
            self.send_response(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
