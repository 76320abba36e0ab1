"""HTTP with time-outs, repeats, and hooks."""

from __future__ import annotations

import http.client
import logging
import random
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import UnreachableError, parse_object, retry_after
from .secret import authorization

log = logging.getLogger("metavault")

#: Statuses that may pass by themselves; 409 only where Retry-After says so.
_PASSING = frozenset({408, 409, 429, 502, 503, 504})
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 8.0


@dataclass
class Call:
    """What hooks see of one try of a request: no query, body, or token. A hook may add `headers` (`traceparent`)."""

    method: str
    path: str
    attempt: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a try ended. `status` is None where no answer came."""

    status: int | None
    request_id: str | None
    duration_seconds: float


@dataclass(frozen=True)
class Hooks:
    """Functions for logs, metrics, and traces. They run in the calling thread, and must not raise."""

    on_request: Callable[[Call], None] | None = None
    on_response: Callable[[Call, Outcome], None] | None = None


@dataclass(frozen=True)
class Request:
    """`may_repeat` is asked with the answer's status and body, or with None where no answer came."""

    method: str
    url: str
    credential: Callable[[], str]
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    may_repeat: Callable[[int | None, bytes], bool] = lambda status, body: False


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """Returns every answer as it is: no exceptions, and no redirects, which would carry the token along."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


class Transport:
    """Sends requests; safe for threads."""

    def __init__(
        self,
        *,
        timeout: float,
        attempts: int,
        max_wait: float,
        hooks: Hooks,
        context: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._timeout = timeout
        self._attempts = attempts
        self._max_wait = max_wait
        self._hooks = hooks
        self._sleep = sleep
        self._chance = chance
        self._opener = urllib.request.build_opener(_EveryStatus, urllib.request.HTTPSHandler(context=context))

    def send(self, request: Request) -> Response:
        """Returns the last answer, whatever its status. Raises UnreachableError if the last try had none."""
        attempt = 1
        while True:
            answer = self._try(request, attempt)
            wait = self._pause(request, answer, attempt) if attempt < self._attempts else None
            if wait is None:
                break
            status = "no answer" if isinstance(answer, UnreachableError) else answer.status
            log.info("%s %s: %s, again in %.1f s", request.method, urlsplit(request.url).path, status, wait)
            self._sleep(wait)
            attempt += 1
        if isinstance(answer, UnreachableError):
            raise answer
        return answer

    def _try(self, request: Request, attempt: int) -> Response | UnreachableError:
        call = Call(request.method, urlsplit(request.url).path, attempt)
        if self._hooks.on_request is not None:
            self._hooks.on_request(call)
        started = time.monotonic()
        headers = {"User-Agent": "metavault-python", **call.headers, **request.headers}
        outgoing = urllib.request.Request(request.url, request.body, headers, method=request.method)
        outgoing.add_unredirected_header("Authorization", authorization(request.credential))
        answer: Response | UnreachableError
        try:
            with self._opener.open(outgoing, timeout=self._timeout) as incoming:
                answer = Response(incoming.status, incoming.headers, incoming.read())
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            answer = UnreachableError(
                f"{call.method} {call.path} got no answer ({type(reason).__name__}).",
                code="unreachable",
                remedy="Check the address, the network, and that the service runs; then try again.",
            )
        self._tell(call, answer, time.monotonic() - started)
        return answer

    def _tell(self, call: Call, answer: Response | UnreachableError, duration: float) -> None:
        if self._hooks.on_response is None:
            return
        if isinstance(answer, UnreachableError):
            self._hooks.on_response(call, Outcome(None, None, duration))
        else:
            self._hooks.on_response(call, Outcome(answer.status, answer.headers.get("X-Request-Id"), duration))

    def _pause(self, request: Request, answer: Response | UnreachableError, attempt: int) -> float | None:
        """Seconds until the next try, with full jitter and after Retry-After; None: there is none."""
        asked = 0.0
        if isinstance(answer, UnreachableError):
            if not request.may_repeat(None, b""):
                return None
        else:
            if answer.status not in _PASSING or not request.may_repeat(answer.status, answer.body):
                return None
            told = retry_after(answer.headers)
            # What the service refuses without Retry-After will not pass; a proxy's word says nothing.
            if told is None and (answer.status == 409 or _is_ours(answer.body)):
                return None
            asked = told or 0.0
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        return None if asked > self._max_wait else asked + self._chance() * longest


def always(status: int | None, body: bytes) -> bool:
    """For requests that may be sent twice."""
    return True


def _is_ours(body: bytes) -> bool:
    return "code" in parse_object(body)
