"""One call to a webhook, at once and outside all queues, so that its owner sees whether it works."""

from __future__ import annotations

import uuid

from starlette.concurrency import run_in_threadpool

from ..context import Gateway
from ..queue.cloudevents import encode, envelope
from ..store.tables import Webhook, now
from . import signing
from .answers import Answer
from .sender import Sender

TYPE = "br.llamaflow.webhook.test"


async def send_test(gateway: Gateway, webhook: Webhook) -> Answer:
    """Signed as its events are."""
    time = now()
    event = envelope(gateway.settings, id=str(uuid.uuid4()), kind=TYPE, subject=webhook.id, time=time, data={"webhook_id": webhook.id})
    body = encode(event)
    secrets = signing.unseal(gateway.secrets, webhook.secret)
    sender = await run_in_threadpool(Sender, gateway.settings)  # it reads the certificates of authorities
    try:
        headers = {"content-type": webhook.content_type} | signing.signed_headers(secrets, event["id"], body, time)
        return await sender.post(gateway.secrets.open(webhook.url), body, headers)
    finally:
        await sender.close()
