"""Events, verified according to Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_TIME = re.compile(r"[0-9]{1,12}")


class EventVerificationError(ValueError):
    """The request is not from the service, or is too old: respond with 401."""


@dataclass(frozen=True)
class Event:
    """`id` is the same in every repeat. The JSON schema of `data` is at `/schemas/events/v1/{type}`."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any] = field(repr=False)


class EventVerifier:
    """Holds the subscription's secrets (`whsec_…`): several during a rotation."""

    def __init__(self, *secrets: str, clock: Callable[[], float] = time.time) -> None:
        if not secrets:
            raise ValueError("Give at least one secret of the subscription.")
        self._keys = [_key(secret) for secret in secrets]
        self._clock = clock

    def verify(self, body: bytes, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Event:
        """Returns the event in a raw body: the bytes as received. Raises EventVerificationError."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        given = {name.lower(): value for name, value in pairs}
        try:
            event_id, sent_at, signatures = (given[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
        except KeyError as error:
            raise EventVerificationError(f"The header {error.args[0]} is missing.") from None
        if not _TIME.fullmatch(sent_at) or abs(self._clock() - int(sent_at)) > _TOLERANCE_SECONDS:
            raise EventVerificationError("The time of the event is more than five minutes away.")
        if not self._is_signed(f"{event_id}.{sent_at}.".encode() + body, signatures):
            raise EventVerificationError("The signature is wrong.")
        return _parse(event_id, body)

    def _is_signed(self, content: bytes, signatures: str) -> bool:
        given = [entry[3:].encode() for entry in signatures.split(" ") if entry.startswith("v1,")]
        expected = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()) for key in self._keys]
        # Compare all, so that the timing reveals nothing.
        return any([hmac.compare_digest(one, other) for one in expected for other in given])


def _parse(event_id: str, body: bytes) -> Event:
    try:
        event = json.loads(body)
        return Event(event_id, event["type"], event["timestamp"], event["data"])
    except (ValueError, KeyError, TypeError):
        raise EventVerificationError("The body is no event.") from None


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A secret of a subscription is whsec_ and base64.") from None
