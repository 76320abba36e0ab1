"""Against a service that runs: test/e2e/clients-python.spec.ts starts one, and kills it where a test asks for that."""

from __future__ import annotations

import json
import os
import threading
import unittest
import urllib.request
from collections.abc import Callable
from typing import Any

from metavault import Call, EventVerifier, Hooks, Metavault, MetavaultError, Outcome

URL = os.environ.get("METAVAULT_URL", "")
CALLS = int(os.environ.get("CALLS", "0"))
LEASE_ENDS = int(os.environ.get("LEASE_ENDS", "1"))
THREADS = 8


def control(action: str) -> Any:
    """What the spec does, or knows."""
    with urllib.request.urlopen(f"{os.environ['CONTROL_URL']}/{action}", timeout=60) as response:
        return json.load(response)


def in_threads(count: int, work: Callable[[], object]) -> list[BaseException]:
    """Runs the work in threads at the same time; what they raised."""
    failures: list[BaseException] = []
    together = threading.Barrier(count)

    def run() -> None:
        together.wait()
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@unittest.skipUnless(URL, "no METAVAULT_URL")
class ServiceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.issued = 0
        self.refused = 0
        self.client = self.client_of("SERVICE_KEY")
        self.graph = self.client.graph(tenant="acme", product="pages")

    def client_of(self, key: str) -> Metavault:
        def count(call: Call, outcome: Outcome) -> None:
            self.issued += call.path == "/v1/leases" and outcome.status == 201
            self.refused += outcome.status == 401

        return Metavault(URL, os.environ[key], attempts=30, hooks=Hooks(on_response=count))

    def test_200_threads_that_ask_at_once_make_one_lease_call(self) -> None:
        before = control("leases")
        failures = in_threads(200, lambda: self.client.leases.for_(tenant="acme", product="pages"))
        self.assertEqual(failures, [])
        self.assertEqual((self.issued, control("leases") - before), (1, 1))

    def test_no_call_fails_over_leases_that_end(self) -> None:
        for _ in range(LEASE_ENDS):
            # At the service only: the client does not know yet.
            self.client._end_lease(self.client.leases.for_(tenant="acme", product="pages").lease_id)

            def call() -> None:
                for _ in range(CALLS // LEASE_ENDS // THREADS):
                    self.graph.get("me", {"fields": "id"})

            self.assertEqual(in_threads(THREADS, call), [])
        self.assertGreaterEqual(self.refused, LEASE_ENDS)
        self.assertEqual(self.issued, LEASE_ENDS + 1)

    def test_no_call_fails_over_leases_that_expire(self) -> None:
        graph = self.client_of("SHORT_KEY").graph(tenant="acme", product="pages")

        def call() -> None:
            while self.issued < 4:
                graph.get("me", {"fields": "id"})

        self.assertEqual(in_threads(4, call), [])

    def test_no_call_fails_while_the_service_is_killed_and_started_again(self) -> None:
        self.graph.get("me")
        is_back = threading.Event()

        def call() -> None:
            for _ in range(5):
                self.graph.get("me", {"fields": "id"})
            while not is_back.is_set():
                self.graph.get("me", {"fields": "id"})

        def restart() -> None:
            control("restart")
            is_back.set()

        restarting = threading.Thread(target=restart)
        restarting.start()
        failures = in_threads(4, call)
        restarting.join()
        self.assertEqual(failures, [])
        self.graph.get("me")

    def test_posts_with_the_token_of_an_asset(self) -> None:
        (page, *_) = self.graph.items("me/accounts", {"fields": "id,name"})
        of_page = self.client.graph(tenant="acme", product="pages", asset_id=page["id"])
        post = of_page.post(f"{page['id']}/feed", {"message": "Straße & «Café»"})
        self.assertEqual(of_page.get(post["id"], {"fields": "message"})["message"], "Straße & «Café»")

    def test_verifies_what_the_service_sends(self) -> None:
        delivery = control("delivery")
        event = EventVerifier(delivery["secret"]).verify(delivery["body"].encode(), delivery["headers"])
        self.assertEqual((event.id, event.type), (delivery["headers"]["webhook-id"], "subscription.test"))

    def test_reads_connections_and_invites(self) -> None:
        (connection,) = self.client.connections.list(tenant="acme", product="pages", status="active")
        self.assertEqual(self.client.connections.get(connection["id"])["id"], connection["id"])
        session = self.client.connect_sessions.create(tenant="acme", product="pages", flow="facebook_login")
        self.assertEqual(self.client.connect_sessions.get(session["id"])["id"], session["id"])

    def test_tells_what_is_wrong(self) -> None:
        with self.assertRaises(MetavaultError) as raised:
            self.client.leases.for_(tenant="nobody", product="pages")
        error = raised.exception
        self.assertEqual((error.code, error.status), ("connection_not_found", 404))
        self.assertTrue(error.remedy and error.request_id)
        with self.assertRaises(MetavaultError) as raised:
            self.client.connections.revoke("con_00000000000000000000000000")
        self.assertEqual(raised.exception.code, "forbidden")

    def test_revokes(self) -> None:
        admin = self.client_of("ADMIN_KEY")
        (connection,) = self.client.connections.list(tenant="leaves")
        lease = self.client.leases.for_(tenant="leaves", product="pages")
        self.assertEqual(admin.connections.revoke(connection["id"])["leases_revoked"], 1)
        self.client.leases.end(lease)
        with self.assertRaises(MetavaultError) as raised:
            self.client.leases.for_(tenant="leaves", product="pages")
        self.assertEqual(raised.exception.code, "connection_not_found")
