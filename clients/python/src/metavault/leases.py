"""Leases: short-lived access to one Meta token, cached and renewed."""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import MetavaultError

log = logging.getLogger("metavault")

#: A lease is not handed out in its last seconds, so that a call with it can finish.
_MARGIN_SECONDS = 10.0


@dataclass(frozen=True)
class LeaseRequest:
    """Body of `POST /v1/leases`."""

    tenant: str
    product: str
    asset_id: str | None = None
    connection_id: str | None = None
    mode: str | None = None
    ttl_seconds: int | None = None
    min_valid_seconds: int | None = None

    def body(self) -> bytes:
        return json.dumps({key: value for key, value in asdict(self).items() if value is not None}).encode()


@dataclass(frozen=True)
class Lease:
    """A lease, with the fields of the service's response. repr() shows no token."""

    lease_id: str
    mode: str
    access_token: str = field(repr=False)
    expires_in: int
    expires_at: str
    graph_base_url: str
    connection_id: str
    credential_id: str
    scopes: tuple[str, ...] = ()
    missing_scopes: tuple[str, ...] = ()
    token_expires_at: str | None = None
    appsecret_proof: str | None = field(default=None, repr=False)


def parse_lease(answer: dict[str, Any]) -> Lease:
    """Creates a lease from the fields of the response; ignores fields that this version does not know."""
    known = {name: answer[name] for name in Lease.__dataclass_fields__ if name in answer}
    for name in ("scopes", "missing_scopes"):
        known[name] = tuple(known.get(name) or ())
    try:
        return Lease(**known)
    except TypeError:
        raise MetavaultError("The answer is no lease.", code="unexpected_answer") from None


@dataclass
class _Entry:
    lease: Lease
    renew_at: float
    ends_at: float


def run_in_thread(work: Callable[[], object]) -> None:
    """Uses a daemon thread, because a renewal must not keep a program from ending."""
    threading.Thread(target=work, name="metavault-renewal", daemon=True).start()


class Leases:
    """A bounded cache. Each lease is requested once, however many threads need it, and renewed before it expires."""

    def __init__(
        self,
        issue: Callable[[LeaseRequest], Lease],
        end: Callable[[str], None],
        *,
        size: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        start: Callable[[Callable[[], object]], None] = run_in_thread,
    ) -> None:
        self._issue = issue
        self._end = end
        self._size = size
        self._clock = clock
        self._chance = chance
        self._start = start
        self._forget_all()
        if hasattr(os, "register_at_fork"):
            # A child process has no thread to finish its parent's requests.
            forget = weakref.WeakMethod(self._forget_all)
            os.register_at_fork(after_in_child=lambda: (forget() or (lambda: None))())

    def for_(
        self,
        *,
        tenant: str,
        product: str,
        asset_id: str | None = None,
        connection_id: str | None = None,
        mode: str | None = None,
        ttl_seconds: int | None = None,
        min_valid_seconds: int | None = None,
    ) -> Lease:
        """A lease that works now: from the cache, else from the service. Raises MetavaultError."""
        return self.get(
            LeaseRequest(tenant, product, asset_id, connection_id, mode, ttl_seconds, min_valid_seconds)
        )

    def get(self, request: LeaseRequest) -> Lease:
        """See `for_`."""
        kept: Lease | None = None
        with self._lock:
            now = self._clock()
            entry = self._entries.get(request)
            if entry is not None and now < entry.ends_at:
                self._entries.move_to_end(request)
                if now < entry.renew_at or request in self._flights:
                    return entry.lease
                kept = entry.lease
            flight = self._flights.get(request)
            is_mine = flight is None
            if flight is None:
                flight = self._flights[request] = Future()
        if kept is not None:
            self._renew(request, flight)
            return kept
        if is_mine:
            self._fly(request, flight)
        return flight.result()

    def drop(self, lease: Lease) -> None:
        """Forgets a lease that the gateway refused. The next call requests another."""
        with self._lock:
            for request in [key for key, entry in self._entries.items() if entry.lease.lease_id == lease.lease_id]:
                del self._entries[request]

    def end(self, lease: Lease) -> None:
        """Forgets a lease, and ends it at the service."""
        self.drop(lease)
        self._end(lease.lease_id)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _renew(self, request: LeaseRequest, flight: Future[Lease]) -> None:
        try:
            self._start(lambda: self._fly(request, flight))
        except RuntimeError:
            # No thread can start: the program is ending, or at a limit. The lease still works.
            with self._lock:
                self._flights.pop(request, None)

    def _fly(self, request: LeaseRequest, flight: Future[Lease]) -> None:
        """Requests a lease for all waiting threads. To be safe, its lifetime counts from before the request."""
        asked_at = self._clock()
        try:
            lease = self._issue(request)
        except BaseException as error:
            with self._lock:
                self._flights.pop(request, None)
                is_kept = self._postpone(request)
            if not isinstance(error, Exception):
                flight.set_exception(MetavaultError("The request for a lease was interrupted.", code="interrupted"))
                raise
            if is_kept:
                log.warning("a lease could not be renewed: %s", getattr(error, "code", type(error).__name__))
            flight.set_exception(error)
            return
        lifetime = float(lease.expires_in)
        renew_at = asked_at + lifetime * (0.7 + 0.15 * self._chance())
        with self._lock:
            self._entries[request] = _Entry(lease, renew_at, asked_at + lifetime - min(_MARGIN_SECONDS, lifetime / 10))
            self._entries.move_to_end(request)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
            self._flights.pop(request, None)
        flight.set_result(lease)

    def _postpone(self, request: LeaseRequest) -> bool:
        """Delays the next renewal by part of the lease's remaining lifetime. Returns whether a lease is left."""
        entry = self._entries.get(request)
        now = self._clock()
        if entry is None or now >= entry.ends_at:
            return False
        entry.renew_at = now + (entry.ends_at - now) * (0.1 + 0.2 * self._chance())
        return True

    def _forget_all(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[LeaseRequest, _Entry] = OrderedDict()
        self._flights: dict[LeaseRequest, Future[Lease]] = {}
