"""Heads of requests that never end, or never begin: closed and audited; honest slow ones are served."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
import uvicorn

from gateway.protocol import limited

OK = b"HTTP/1.1 200 OK\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    """Answers when the body is there."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def site():
    """A server that gives heads a second: its port, and what it refused."""
    refused: list[tuple[str, int, str]] = []
    config = uvicorn.Config(
        app, port=0, http=limited(lambda *what: refused.append(what), head_s=1), lifespan="off", log_config=None, timeout_keep_alive=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1], refused
    server.should_exit = True
    thread.join()


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(4096):
            answer += chunk
    return answer


@pytest.mark.parametrize("pieces", [[], [b"G"], [b"GET / HTTP/1.1\r\n"], [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 20]])
def test_head_that_does_not_end_is_closed(site, pieces):
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in pieces:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(piece)
            time.sleep(0.1)
        answer = read_all(connection)
    assert OK not in answer
    assert refused == [("127.0.0.1", 408, "the head of a request came too slowly")]


def test_second_request_of_a_connection_has_its_own_time(site):
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(ASK)
        time.sleep(1.5)  # idle for longer than a head may take: that is no offence
        connection.sendall(ASK)
        time.sleep(0.2)
        connection.sendall(ASK[:10])
        answer = read_all(connection)
    assert answer.count(OK) == 2 and b" 408 " in answer
    assert len(refused) == 1


def test_head_in_pieces_is_served_within_its_time(site):
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for at in range(0, len(ASK), 9):
            connection.sendall(ASK[at : at + 9])
            time.sleep(0.02)
        assert connection.recv(4096).startswith(OK)
    assert refused == []


def test_slow_body_is_not_the_head_s_affair(site):
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        time.sleep(1.4)
        connection.sendall(b"b")
        assert connection.recv(4096).startswith(OK)
    assert refused == []


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"EHLO x\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n"])
def test_what_is_no_http_is_told(site, sent):
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        assert OK not in read_all(connection)
    assert [(status, why) for _, status, why in refused] == [(400, "not HTTP")]


def test_who_goes_on_after_no_http_reads_the_answer(site):
    """Not a connection reset."""
    port, refused = site
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost x\r\n\r\n")
        time.sleep(0.3)
        connection.sendall(b"more")
        time.sleep(0.3)
        connection.sendall(b"more")
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")
    assert len(refused) == 1
