from __future__ import annotations

import os
import threading
import unittest
from collections.abc import Callable

from metavault import Lease, MetavaultError
from metavault.leases import LeaseRequest, Leases, parse_lease

from .scripted_server import lease_answer


class Service:
    """Issues leases at once, or fails, on a clock that the test sets."""

    def __init__(self, expires_in: int = 100) -> None:
        self.now = 0.0
        self.expires_in = expires_in
        self.issued: list[LeaseRequest] = []
        self.ended: list[str] = []
        self.failure: Exception | None = None
        self.started: list[Callable[[], object]] = []

    def issue(self, request: LeaseRequest) -> Lease:
        if self.failure is not None:
            raise self.failure
        self.issued.append(request)
        return parse_lease(lease_answer("http://here", len(self.issued), self.expires_in).body)

    def leases(self, size: int = 10) -> Leases:
        return Leases(
            self.issue,
            self.ended.append,
            size=size,
            clock=lambda: self.now,
            chance=lambda: 0.0,
            start=self.started.append,
        )


class LeasesTest(unittest.TestCase):
    def test_keeps_a_lease_until_it_is_time_to_renew(self) -> None:
        service = Service()
        leases = service.leases()
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")
        service.now = 69.9
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")
        self.assertEqual((len(service.issued), service.started), (1, []))

    def test_renews_ahead_of_the_end_once_while_the_old_one_serves(self) -> None:
        service = Service()
        leases = service.leases()
        leases.for_(tenant="acme", product="pages")
        service.now = 70
        for _ in range(3):
            self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")
        self.assertEqual(len(service.started), 1)
        service.started.pop()()
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_2")

    def test_spreads_renewals_by_chance(self) -> None:
        service = Service()
        late = Leases(
            service.issue,
            service.ended.append,
            clock=lambda: service.now,
            chance=lambda: 1.0,
            start=service.started.append,
        )
        late.for_(tenant="acme", product="pages")
        service.now = 84.9
        late.for_(tenant="acme", product="pages")
        self.assertEqual(service.started, [])

    def test_survives_a_renewal_that_fails(self) -> None:
        service = Service()
        leases = service.leases()
        leases.for_(tenant="acme", product="pages")
        service.now = 70
        leases.for_(tenant="acme", product="pages")
        service.failure = MetavaultError("away", code="database_unavailable", status=503)
        with self.assertLogs("metavault", "WARNING") as logged:
            service.started.pop()()
        self.assertIn("database_unavailable", logged.output[0])
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")
        self.assertEqual(service.started, [], "the next try waits")
        service.failure = None
        service.now = 72.1
        leases.for_(tenant="acme", product="pages")
        service.started.pop()()
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_2")

    def test_goes_on_with_the_lease_where_no_thread_can_start(self) -> None:
        service = Service()

        def no_threads(work: Callable[[], object]) -> None:
            raise RuntimeError("can't start new thread")

        leases = Leases(
            service.issue, service.ended.append, clock=lambda: service.now, chance=lambda: 0.0, start=no_threads
        )
        leases.for_(tenant="acme", product="pages")
        service.now = 80
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")
        service.now = 95
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_2")

    def test_never_hands_out_a_lease_that_is_about_to_end(self) -> None:
        service = Service()
        leases = service.leases()
        leases.for_(tenant="acme", product="pages")
        service.now = 90
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_2")

    def test_drops_a_lease_once_however_many_say_so(self) -> None:
        service = Service()
        leases = service.leases()
        first = leases.for_(tenant="acme", product="pages")
        leases.drop(first)
        second = leases.for_(tenant="acme", product="pages")
        leases.drop(first)
        self.assertIs(leases.for_(tenant="acme", product="pages"), second)

    def test_ends_a_lease(self) -> None:
        service = Service()
        leases = service.leases()
        leases.end(leases.for_(tenant="acme", product="pages"))
        self.assertEqual((service.ended, len(leases)), (["lse_1"], 0))

    def test_forgets_the_least_recently_used(self) -> None:
        service = Service()
        leases = service.leases(size=2)
        for tenant in ("a", "b", "a", "c", "a"):
            leases.for_(tenant=tenant, product="pages")
        self.assertEqual([request.tenant for request in service.issued], ["a", "b", "c"])
        leases.for_(tenant="b", product="pages")
        self.assertEqual((len(service.issued), len(leases)), (4, 2))

    def test_keeps_leases_apart_that_differ_in_anything(self) -> None:
        service = Service()
        leases = service.leases()
        leases.for_(tenant="acme", product="pages")
        leases.for_(tenant="acme", product="pages", asset_id="1")
        leases.for_(tenant="acme", product="pages", min_valid_seconds=300)
        self.assertEqual(len(service.issued), 3)
        self.assertEqual(service.issued[1].body(), b'{"tenant": "acme", "product": "pages", "asset_id": "1"}')

    def test_asks_once_for_200_threads(self) -> None:
        service = Service()
        arrived = threading.Barrier(201)
        may_answer = threading.Event()

        def slow(request: LeaseRequest) -> Lease:
            may_answer.wait()
            return service.issue(request)

        leases = Leases(slow, service.ended.append)
        seen: list[str] = []

        def ask() -> None:
            arrived.wait()
            seen.append(leases.for_(tenant="acme", product="pages").lease_id)

        threads = [threading.Thread(target=ask) for _ in range(200)]
        for thread in threads:
            thread.start()
        arrived.wait()
        may_answer.set()
        for thread in threads:
            thread.join()
        self.assertEqual((seen, len(service.issued)), (["lse_1"] * 200, 1))

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_begins_anew_in_a_forked_process(self) -> None:
        service = Service()
        leases = service.leases()
        leases.for_(tenant="acme", product="pages")
        service.now = 70
        # A renewal that only the parent finishes.
        leases.for_(tenant="acme", product="pages")
        child = os.fork()
        if child == 0:
            os._exit(0 if leases.for_(tenant="acme", product="pages").lease_id == "lse_2" else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_tells_a_failure_to_who_asked_and_asks_again_next_time(self) -> None:
        service = Service()
        leases = service.leases()
        service.failure = MetavaultError("Log in again.", code="reauth_required", status=409)
        with self.assertRaises(MetavaultError) as raised:
            leases.for_(tenant="acme", product="pages")
        self.assertEqual(raised.exception.code, "reauth_required")
        service.failure = None
        self.assertEqual(leases.for_(tenant="acme", product="pages").lease_id, "lse_1")

    def test_shows_no_token(self) -> None:
        lease = Service().leases().for_(tenant="acme", product="pages")
        self.assertTrue(lease.access_token.startswith("mtl_"))
        self.assertNotIn("mtl_", f"{lease!r} {lease}")

    def test_refuses_what_is_no_lease(self) -> None:
        with self.assertRaises(MetavaultError):
            parse_lease({"hello": "world"})
