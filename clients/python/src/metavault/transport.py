"""HTTP with timeouts, retries, and hooks."""

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

#: Statuses that may be temporary; 409 only with Retry-After.
_PASSING = frozenset({408, 409, 429, 502, 503, 504})
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 8.0


@dataclass
class Call:
    """One attempt as hooks see it: no query, body, or token. A hook may add `headers`, such as `traceparent`."""

    method: str
    path: str
    attempt: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. `status` is None without a response."""

    status: int | None
    request_id: str | None
    duration_seconds: float


@dataclass(frozen=True)
class Hooks:
    """Functions for logs, metrics, and traces. They run in the calling thread and must not raise."""

    on_request: Callable[[Call], None] | None = None
    on_response: Callable[[Call, Outcome], None] | None = None


@dataclass(frozen=True)
class Request:
    """`may_repeat` takes the response's status and body, or None without a response."""

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
    """Returns every response as it is: no exceptions, and no redirects, which would pass the token on."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


class Transport:
    """Sends requests; thread-safe."""

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
        """Returns the last response, whatever its status. Raises UnreachableError if the last attempt got none."""
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
        """Seconds until the next attempt: Retry-After plus full jitter; None: no further attempt."""
        asked = 0.0
        if isinstance(answer, UnreachableError):
            if not request.may_repeat(None, b""):
                return None
        else:
            if answer.status not in _PASSING or not request.may_repeat(answer.status, answer.body):
                return None
            told = retry_after(answer.headers)
            # Without Retry-After, a refusal by the service is permanent; one by a proxy may be temporary.
            if told is None and (answer.status == 409 or _is_ours(answer.body)):
                return None
            asked = told or 0.0
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        return None if asked > self._max_wait else asked + self._chance() * longest


def always(status: int | None, body: bytes) -> bool:
    """For requests that are safe to repeat."""
    return True


def _is_ours(body: bytes) -> bool:
    return "code" in parse_object(body)
