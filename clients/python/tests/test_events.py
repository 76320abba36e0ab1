from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unittest

from metavault import EventVerificationError, EventVerifier

NOW = 1_764_320_400
OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
BODY = json.dumps(
    {"type": "connection.revoked", "timestamp": "2026-11-28T09:00:00.000Z", "data": {"number": 2**60 + 1}}
).encode()


def sign(secret: str, body: bytes = BODY, event_id: str = "evt_1", sent_at: str = str(NOW)) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{event_id}.{sent_at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def headers(signature: str, sent_at: str = str(NOW)) -> dict[str, str]:
    return {"Webhook-Id": "evt_1", "Webhook-Timestamp": sent_at, "Webhook-Signature": signature}


class EventsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.verifier = EventVerifier(OLD, NEW, clock=lambda: NOW)

    def test_gives_the_event(self) -> None:
        event = self.verifier.verify(BODY, headers(sign(OLD)))
        self.assertEqual((event.id, event.type, event.data), ("evt_1", "connection.revoked", {"number": 2**60 + 1}))

    def test_takes_any_of_several_secrets_and_signatures(self) -> None:
        self.verifier.verify(BODY, headers(sign(NEW)))
        self.verifier.verify(BODY, headers(f"v1a,other v1,bm8= {sign(NEW)}"))
        self.verifier.verify(BODY, list(headers(sign(NEW)).items()))

    def test_refuses_what_is_not_signed(self) -> None:
        foreign = "whsec_" + base64.b64encode(b"x" * 32).decode()
        for signature in (sign(foreign), sign(OLD, BODY + b" "), "", "v1,", sign(OLD)[3:], "v1,é"):
            with self.subTest(signature), self.assertRaises(EventVerificationError):
                self.verifier.verify(BODY, headers(signature))

    def test_refuses_what_is_too_old_or_of_the_future(self) -> None:
        for offset in (-301, 301):
            sent_at = str(NOW + offset)
            with self.subTest(offset), self.assertRaises(EventVerificationError):
                self.verifier.verify(BODY, headers(sign(OLD, sent_at=sent_at), sent_at))
        edge = str(NOW - 300)
        self.verifier.verify(BODY, headers(sign(OLD, sent_at=edge), edge))

    def test_refuses_times_that_are_none(self) -> None:
        for sent_at in ("", "now", "-1", "1e9", "９", "9" * 5_000):
            with self.subTest(sent_at[:9]), self.assertRaises(EventVerificationError):
                self.verifier.verify(BODY, headers(sign(OLD, sent_at=sent_at), sent_at))

    def test_refuses_missing_headers_and_bodies_that_are_no_event(self) -> None:
        with self.assertRaisesRegex(EventVerificationError, "webhook-id"):
            self.verifier.verify(BODY, {})
        for body in (b"", b"[]", b"{}"):
            with self.subTest(body), self.assertRaises(EventVerificationError):
                self.verifier.verify(body, headers(sign(OLD, body)))

    def test_needs_secrets(self) -> None:
        with self.assertRaises(ValueError):
            EventVerifier()
        with self.assertRaises(ValueError) as raised:
            EventVerifier("whsec_not base64")
        self.assertNotIn("not base64", str(raised.exception))
