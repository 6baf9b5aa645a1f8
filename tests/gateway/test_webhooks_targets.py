"""Targets that are slow, broken or forbidden, and what they may cost the others."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import psutil
import pytest
from receivers import Receiver, deliveries, dispatching, make_events, make_many_events, make_owner, make_run, make_webhook, statuses
from served import eventually

from gateway.context import open_gateway
from gateway.webhooks.sender import Sender


@pytest.fixture
def settings(both_databases, make_settings):
    return make_settings(webhook_private=True, **both_databases)


def test_a_slow_target_does_not_hold_up_others(make_settings):
    gateway = open_gateway(make_settings(webhook_private=True, webhook_timeout_s=20))
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(30)]
    release = threading.Event()

    async def slow(call):
        while not release.is_set():
            await asyncio.sleep(0.05)
        return 200

    with Receiver(slow) as tar, Receiver() as quick:
        slow_id, quick_id = make_webhook(gateway, tar.url), make_webhook(gateway, quick.url)
        with dispatching(gateway, concurrency=24, per_target=4):
            make_many_events(gateway, runs, 3)
            eventually(lambda: len(tar.calls) == 4)
            eventually(lambda: statuses(gateway, webhook_id=quick_id) == ["delivered"] * 90)
            assert set(statuses(gateway, webhook_id=slow_id)) == {"pending"} and len(tar.calls) == 4
            release.set()
            eventually(lambda: statuses(gateway, webhook_id=slow_id) == ["delivered"] * 90)
    gateway.close()


def raw_server(answer: bytes, trickle: bytes | None = b""):
    """A server of bytes: says ``answer`` to each call, then ``trickle`` again and again; None: nothing, and it stays connected."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(answer)
                if trickle is None:
                    while connection.recv(65536):  # until the caller has enough
                        pass
                while trickle:
                    connection.sendall(trickle)
                    time.sleep(0.01)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


@pytest.mark.parametrize(
    "answer, trickle, status, error",
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000, "delivered", None),  # a body without end
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n", b"", "delivered", None),  # a body that breaks off
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nab", None, "delivered", None),  # a body that stalls
        (b"HTTP/1.1 200 OK\r\nx-a: ", b"a", "pending", "no answer within 1 s"),  # headers without end
        (b"", b"", "pending", "the connection broke before an answer came"),
        (b"SSH-2.0-OpenSSH_9\r\n", b"", "pending", "the connection broke before an answer came"),
        (b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 1_000_000 + b"\r\n\r\n", b"", "pending", "the connection broke before an answer came"),
    ],
)
def test_what_is_read_of_an_answer_is_bounded(make_settings, answer, trickle, status, error):
    gateway = open_gateway(make_settings(webhook_private=True, webhook_timeout_s=1))
    make_owner(gateway)
    run_id = make_run(gateway)
    with raw_server(answer, trickle) as server, dispatching(gateway):
        make_webhook(gateway, f"http://127.0.0.1:{server.getsockname()[1]}/")
        make_events(gateway, run_id)
        (delivery,) = eventually(lambda: [one for one in deliveries(gateway) if one.attempts])
        server.shutdown(socket.SHUT_RDWR)
    assert (delivery.status, delivery.last_error) == (status, error)
    gateway.close()


def test_a_target_that_became_forbidden_is_not_called(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url)
        gateway.close()
        stricter = open_gateway(gateway.settings.model_copy(update={"webhook_private": False}))
        make_events(stricter, run_id)
        with dispatching(stricter):
            (delivery,) = eventually(lambda: [one for one in deliveries(stricter) if one.attempts])
        stricter.close()
        assert receiver.calls == []
    assert delivery.status == "pending" and delivery.last_error.startswith("not called: the host is in a private")


def test_a_webhook_of_a_lost_secret_key_holds_up_nobody(make_settings):
    from cryptography.fernet import Fernet

    first = open_gateway(make_settings(webhook_private=True, secret_key=Fernet.generate_key().decode()))
    make_owner(first)
    run_id = make_run(first)
    with Receiver() as receiver:
        unreadable = make_webhook(first, receiver.url + "/old")
        first.close()
        gateway = open_gateway(make_settings(webhook_private=True, secret_key=Fernet.generate_key().decode()))
        readable = make_webhook(gateway, receiver.url + "/new")
        make_events(gateway, run_id, 2)
        with dispatching(gateway):
            eventually(lambda: statuses(gateway, webhook_id=readable) == ["delivered"] * 2)
            eventually(lambda: deliveries(gateway, webhook_id=unreadable)[0].attempts)
        assert "another LLAMAFLOW_SECRET_KEY" in deliveries(gateway, webhook_id=unreadable)[0].last_error
        gateway.close()


def test_connections_that_nobody_uses_are_closed(make_settings):
    async def main(url: str) -> None:
        sender = Sender(make_settings(webhook_private=True))
        await asyncio.gather(*(sender.post(url, b"{}", {}) for _ in range(5)))
        assert connections(url) == 5
        await sender.post(url, b"{}", {})
        assert connections(url) == 5  # used again
        await sender.close_idle(0)
        assert connections(url) == 0
        await sender.close()

    def connections(url: str) -> int:
        port = int(url.rpartition(":")[2])
        return sum(bool(one.raddr) and one.raddr.port == port for one in psutil.Process().net_connections("tcp"))

    async def slow(call):
        await asyncio.sleep(0.3)
        return 200

    with Receiver(slow) as receiver:
        asyncio.run(main(receiver.url))
