"""The pure parts: back-off, Retry-After, what an answer means, signatures."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import random
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.webhooks import schedule, signing
from gateway.webhooks.answers import Answer, Meaning, describe, meaning

TIME = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@given(st.integers(1, 500), st.integers(), st.sampled_from(["webhook", "resume"]))
def test_backoff_has_full_jitter_below_a_doubling_bound(attempts, seed, kind):
    delay = schedule.backoff(attempts, kind, random.Random(seed))
    assert 0 <= delay <= min(schedule.CAP_S[kind], 0.5 * 2 ** min(attempts - 1, 60))


def test_backoff_uses_the_whole_range():
    chance = random.Random(1)
    delays = [schedule.backoff(5, "webhook", chance) for _ in range(2000)]
    assert min(delays) < 0.1 and max(delays) > 7.9 and 3.8 < sum(delays) / len(delays) < 4.2


@pytest.mark.parametrize(
    "value, seconds",
    [
        (None, 0), ("", 0), ("120", 120), (" 7 ", 7), ("0", 0), ("-5", 0), ("1.5", 0), ("soon", 0), ("99999999999999999999", 86_400),
        ("²", 0),
        (format_datetime(TIME + dt.timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(TIME - dt.timedelta(hours=1), usegmt=True), 0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30), ("Sun Mar  1 12:00:40 2026", 40), ("Sun, 99 Foo 2026", 0),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60),
        (format_datetime(TIME + dt.timedelta(days=9), usegmt=True), 86_400),
    ],
)  # fmt: skip
def test_retry_after(value, seconds):
    assert schedule.retry_after(value, TIME) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored(value):
    assert 0 <= schedule.retry_after(value, TIME) <= 86_400


def test_retry_after_never_hastens_an_attempt_nor_takes_the_last_chance():
    give_up = schedule.give_up_at(TIME, "webhook", 24)
    chance = random.Random(3)
    assert schedule.next_attempt(1, "webhook", 120, TIME, give_up, chance) == TIME + dt.timedelta(seconds=120)
    late = give_up - dt.timedelta(seconds=5)
    assert schedule.next_attempt(3, "webhook", 3600, late, give_up, chance) == give_up
    assert schedule.next_attempt(3, "webhook", 3600, give_up, give_up, chance) is None


def test_attempts_go_on_for_a_day_and_for_a_week_where_a_flow_waits():
    chance = random.Random(4)
    for kind, days in (("webhook", 1), ("resume", 7)):
        time, attempts, give_up = TIME, 0, schedule.give_up_at(TIME, kind, 24)
        while (again := schedule.next_attempt(attempts + 1, kind, 0, time, give_up, chance)) is not None:
            time, attempts = again, attempts + 1
        assert time == give_up == TIME + dt.timedelta(days=days)
        assert attempts > 20


@pytest.mark.parametrize(
    "status, body, result",
    [
        (200, b"", Meaning.DELIVERED), (204, b"", Meaning.DELIVERED), (301, b"", Meaning.RETRY), (400, b"", Meaning.RETRY),
        (404, b"", Meaning.RETRY),
        (410, b"", Meaning.GONE), (429, b"", Meaning.RETRY), (500, b"", Meaning.RETRY), (None, b"", Meaning.RETRY),
    ],
)  # fmt: skip
def test_what_a_webhooks_answer_means(status, body, result):
    assert meaning("webhook", Answer(status, body)) == result


@pytest.mark.parametrize(
    "status, body, result",
    [  # the table of n8n's resume URLs
        (200, b'{"message":"Workflow was started"}', Meaning.DELIVERED),
        (409, b'{"code":409,"message":"The execution \\"17\\" is running already."}', Meaning.RETRY),
        (409, b'{"code":409,"message":"The execution \\"17\\" has finished already."}', Meaning.DELIVERED),
        (200, b"n8n is starting up. Please wait", Meaning.RETRY), (404, b"<pre>Cannot POST /webhook-waiting/17</pre>", Meaning.RETRY),
        (404, b'{"code":404,"message":"The execution \\"17\\" does not exist."}', Meaning.DEAD),
        (401, b'{"error":"Invalid token"}', Meaning.DEAD), (None, b"", Meaning.RETRY), (503, b"", Meaning.RETRY),
        (409, b"", Meaning.RETRY), (429, b"", Meaning.RETRY),
    ],
)  # fmt: skip
def test_what_n8ns_answer_means(status, body, result):
    assert meaning("resume", Answer(status, body)) == result


def test_only_what_speaks_against_the_whole_target_counts_for_its_breaker():
    assert [Answer(status).target_failed for status in (None, 500, 503, 429, 200, 302, 404, 409, 410)] == [True] * 4 + [False] * 5


def test_what_the_receiver_wrote_is_not_repeated():
    assert describe(Answer(400, b"CPF 123.456.789-00 unknown")) == "the target answered 400"
    assert describe(Answer(204)) is None


def test_a_signature_is_what_the_specification_says():
    secret = signing.new_secret()
    body = '{"a":"ação"}'.encode()
    headers = signing.signed_headers([secret], "msg_1", body, TIME)
    key = base64.b64decode(secret.text.removeprefix("whsec_"))
    assert len(key) == 32
    expected = hmac.new(key, b"msg_1." + str(int(TIME.timestamp())).encode() + b"." + body, hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(TIME.timestamp())),
        "webhook-signature": f"v1,{base64.b64encode(expected).decode()}",
    }  # fmt: skip


def test_rotation_signs_with_both_until_the_overlap_ends():
    old = [signing.new_secret()]
    time = dt.datetime.now(dt.UTC)
    new = signing.rotated(old, 3600, time)
    headers = signing.signed_headers(new, "msg_1", b"{}", time)
    for secret in (old[0], new[0]):
        Webhook(secret.text).verify(b"{}", headers)
    later = signing.signed_headers(new, "msg_1", b"{}", time + dt.timedelta(seconds=3601))
    assert later["webhook-signature"].count("v1,") == 1
    with pytest.raises(WebhookVerificationError):
        Webhook(old[0].text).verify(b"{}", later)
    # rotated twice: the first does not live on with the second's overlap
    twice = signing.rotated(new, 999_999, time)
    assert [secret.until for secret in twice] == [None, time.timestamp() + 999_999, time.timestamp() + 3600]
    assert len(signing.rotated(new, 0, time)) == 1
