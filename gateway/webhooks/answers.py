"""What an answer means: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"  # trying again cannot help
    GONE = "gone"  # dead, and the receiver wants no more


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP; None: none came, and error says why. body: its first bytes. retry_after: that header."""

    status: int | None
    body: bytes = b""
    retry_after: str | None = None
    error: str | None = None

    @property
    def target_failed(self) -> bool:
        """Whether it speaks against the target as a whole: it is down, overloaded or broken. A 404 says that it is up."""
        return self.status is None or self.status >= 500 or self.status == 429


def meaning(kind: str, answer: Answer) -> Meaning:
    """kind: of the webhook."""
    return _of_resume(answer) if kind == "resume" else _of_webhook(answer)


def _of_webhook(answer: Answer) -> Meaning:
    """Standard Webhooks: 2xx is success, 410 ends the subscription, all else (redirects, too) is tried again."""
    if answer.status is None:
        return Meaning.RETRY
    if 200 <= answer.status < 300:
        return Meaning.DELIVERED
    return Meaning.GONE if answer.status == 410 else Meaning.RETRY


def _of_resume(answer: Answer) -> Meaning:
    """n8n's answers at $execution.resumeUrl (seen with 2.41)."""
    if answer.status is None:
        return Meaning.RETRY  # n8n is down
    if 200 <= answer.status < 300:
        # Seen while it starts: this sentence with a 200, and Express' own 404 before the routes are there.
        return Meaning.RETRY if b"starting up" in answer.body else Meaning.DELIVERED
    if answer.status == 404:
        return Meaning.DEAD if b"does not exist" in answer.body else Meaning.RETRY  # an execution that is gone
    if answer.status == 409:
        # "is running already": the run ended before the flow reached its Wait node. "has finished already": it was resumed before.
        return Meaning.DELIVERED if b"finished" in answer.body else Meaning.RETRY
    if answer.status in (401, 410):
        return Meaning.DEAD  # a wrong signature
    return Meaning.RETRY


def describe(answer: Answer) -> str | None:
    """For the delivery's row and for people; never what the receiver wrote, it may be personal."""
    if answer.error:
        return answer.error
    return None if 200 <= (answer.status or 0) < 300 else f"the target answered {answer.status}"
