"""The console's own files, addressed by a fingerprint of their content, so browsers may keep them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SERVED: Final = (".css", ".js", ".svg", ".woff2", ".png", ".ico")


@dataclass(frozen=True, slots=True)
class Asset:
    path: str
    media_type: str
    content: bytes
    packed: bytes
    fingerprint: str

    @property
    def url(self) -> str:
        return f"/static/{self.fingerprint}/{self.path}"


@cache
def asset(path: str) -> Asset:
    """Read one file of `static/` and remember it. KeyError for anything that is not a served file there."""
    parts = path.split("/")
    if not path.endswith(SERVED) or any(part in ("", ".", "..") for part in parts):
        raise KeyError(path)
    file = resources.files("holdfast.web").joinpath("static", *parts)
    if not file.is_file():
        raise KeyError(path)
    content = file.read_bytes()
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    fingerprint = hashlib.sha256(content).hexdigest()[:12]
    return Asset(path, media_type, content, gzip.compress(content, 6, mtime=0), fingerprint)


def asset_url(path: str) -> str:
    """The address of a file for templates; an unknown file is a mistake in the template, so it raises."""
    return asset(path).url


async def serve_asset(request: Request) -> Response:
    try:
        found = asset(request.path_params["path"])
    except KeyError:
        return Response(status_code=404)
    # An address with an old fingerprint gets the present file, but nobody may keep it under that name.
    current = request.path_params["fingerprint"] == found.fingerprint
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


ROUTE: Final = Route("/static/{fingerprint}/{path:path}", serve_asset, name="static")
