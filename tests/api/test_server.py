"""How answers leave the server, seen from the other end of the connection."""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path
from uuid import UUID

import pytest
from tests.running import Running, serving

# Of struct tcp_info in linux/tcp.h: segments that carried data to us.
DATA_SEGMENTS_IN = 152


def data_segments(connection: socket.socket) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=I", info, DATA_SEGMENTS_IN)[0]


def opened(running: Running) -> socket.socket:
    host, port = running.addresses[0].removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one answer that says its length."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what arrived")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/api/v1/skus", 401), (f"/api/v1/inventory/{UUID(int=1)}/availability", 401)],
)
def test_an_answer_arrives_in_one_piece(running: Running, path: str, status: int) -> None:
    with opened(running) as connection:
        for answers in (1, 2, 3):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
            head, body = read_answer(connection)
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            assert body
            assert data_segments(connection) == answers


def test_requests_sent_together_are_answered_in_order(running: Running) -> None:
    with opened(running) as connection:
        paths = (b"/healthz", b"/nowhere", b"/healthz")
        connection.sendall(b"".join(b"GET %b HTTP/1.1\r\nHost: shop\r\n\r\n" % path for path in paths))
        read = b""
        while read.count(b"HTTP/1.1 ") < 3:
            read += connection.recv(65536)
    assert [part.split(b" ")[0] for part in read.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_the_whole_answer_is_sent_before_the_connection_is_closed(running: Running) -> None:
    with opened(running) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        _, body = read_answer(connection)
        assert body
        assert connection.recv(1) == b""


def test_an_answer_does_not_name_the_software_that_served_it(running: Running) -> None:
    with running.client() as client:
        assert "server" not in client.get(f"{running.addresses[0]}/healthz").headers


@pytest.mark.parametrize(("asked_by", "is_secure"), [("http", False), ("https", True)])
def test_behind_a_trusted_proxy_cookies_are_as_safe_as_the_connection_to_it(
    running: Running, asked_by: str, is_secure: bool
) -> None:
    with running.client() as client:
        answer = client.get(f"{running.addresses[0]}/sign-in", headers={"X-Forwarded-Proto": asked_by})
        cookies = answer.headers.get_list("set-cookie")
        assert cookies
        assert all(("; Secure" in cookie) == is_secure for cookie in cookies)


def test_who_is_no_trusted_proxy_cannot_say_how_it_was_asked(api_url: str) -> None:
    with serving(api_url, FORWARDED_ALLOW_IPS="192.0.2.1") as running, running.client() as client:
        answer = client.get(f"{running.addresses[0]}/sign-in", headers={"X-Forwarded-Proto": "https"})
        assert answer.headers.get_list("set-cookie")
        assert "; Secure" not in answer.headers["set-cookie"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how its processes are run")
def test_several_workers_answer_on_one_port_and_do_not_interrupt_one_another(api_url: str) -> None:
    with serving(api_url, workers=2) as running, running.client() as client:
        assert client.get(f"{running.addresses[0]}/healthz").status_code == 200
        (serve,) = running.processes
        children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split()
        workers = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert [os.sched_getscheduler(pid) for pid in workers] == [os.SCHED_BATCH] * 2
