from __future__ import annotations

import json
import socket
import unittest
from collections.abc import Callable

from metavault import Call, GraphError, Hooks, Metavault, MetavaultError, Outcome, UnreachableError
from metavault.transport import Transport

from .scripted_server import Answer, Received, ScriptedServer, lease_answer

KEY = "mtv_a-key-that-nobody-may-see"
PROBLEM = {
    "type": "/problems/reauth_required",
    "title": "The user has to log in again.",
    "status": 409,
    "detail": "Meta ended the token EAAabcdefghijklmno.",
    "code": "reauth_required",
    "remedy": "Send the customer a connect link.",
    "meta": {"code": 190, "subcode": 460},
}


class ClientTest(unittest.TestCase):
    def serve(self, answer: Callable[[Received], Answer]) -> ScriptedServer:
        server = ScriptedServer(answer)
        self.addCleanup(server.close)
        return server

    def client(self, url: str, hooks: Hooks = Hooks()) -> Metavault:
        """A client whose pauses take no time; `self.pauses` has them."""
        client = Metavault(url, KEY, hooks=hooks)
        self.pauses: list[float] = []
        client._transport = Transport(
            timeout=5, attempts=3, max_wait=20, hooks=hooks, sleep=self.pauses.append, chance=lambda: 0.5
        )
        return client

    def script(self, *answers: Answer) -> tuple[ScriptedServer, Metavault]:
        """Answers one after the other; the last one stays."""
        left = list(answers)
        server = self.serve(lambda request: left.pop(0) if len(left) > 1 else left[0])
        return server, self.client(server.url)

    def test_tells_problems_with_all_their_fields_and_no_token(self) -> None:
        _, client = self.script(Answer(409, PROBLEM, {"X-Request-Id": "req_1"}))
        with self.assertRaises(MetavaultError) as raised:
            client.leases.for_(tenant="acme", product="pages")
        error = raised.exception
        self.assertEqual((error.code, error.status, error.request_id), ("reauth_required", 409, "req_1"))
        self.assertEqual((error.remedy, error.meta), (PROBLEM["remedy"], PROBLEM["meta"]))
        self.assertEqual(
            str(error),
            "409 reauth_required: Meta ended the token [token]. Send the customer a connect link. (request req_1)",
        )

    def test_names_the_fields_of_bad_input(self) -> None:
        errors = [{"path": "tenant", "message": "must be text"}]
        _, client = self.script(Answer(400, {"code": "invalid_request", "detail": "Not valid.", "errors": errors}))
        with self.assertRaisesRegex(MetavaultError, "tenant: must be text"):
            client.connect_sessions.create(tenant="", product="pages", flow="facebook_login")

    def test_repeats_after_retry_after_with_jitter(self) -> None:
        busy = Answer(503, {"code": "database_unavailable"}, {"Retry-After": "2"})
        server, client = self.script(busy, busy, Answer(200, {"id": "con_1"}))
        self.assertEqual(client.connections.get("con_1")["id"], "con_1")
        self.assertEqual(self.pauses, [2.2, 2.4])

    def test_gives_up_with_the_last_answer(self) -> None:
        server, client = self.script(Answer(502, b"<html>"))
        with self.assertRaises(MetavaultError) as raised:
            client.connections.get("con_1")
        self.assertEqual((raised.exception.code, len(server.received)), ("http_502", 3))

    def test_does_not_wait_longer_than_it_may(self) -> None:
        server, client = self.script(Answer(503, {"code": "refresh_pending"}, {"Retry-After": "3600"}))
        with self.assertRaises(MetavaultError) as raised:
            client.leases.for_(tenant="acme", product="pages")
        self.assertEqual((raised.exception.retry_after, len(server.received)), (3600, 1))

    def test_repeats_nothing_that_will_not_pass(self) -> None:
        for answer in (Answer(409, PROBLEM), Answer(503, {"code": "credential_unreadable"}), Answer(404, {})):
            server, client = self.script(answer)
            with self.assertRaises(MetavaultError):
                client.leases.for_(tenant="acme", product="pages")
            self.assertEqual(len(server.received), 1)

    def test_makes_one_session_however_often_it_asks(self) -> None:
        made = {"id": "cns_1", "connect_url": "…", "expires_at": "…", "js_sdk": None}
        server, client = self.script(Answer(502, b""), Answer(201, made))
        client.connect_sessions.create(tenant="acme", product="pages", flow="facebook_login", confirm=True)
        keys = {request.headers["idempotency-key"] for request in server.received}
        self.assertEqual((len(server.received), len(keys)), (2, 1))
        self.assertEqual(
            json.loads(server.received[0].body),
            {"tenant": "acme", "product": "pages", "flow": "facebook_login", "confirm": True},
        )

    def test_reads_lists_page_by_page(self) -> None:
        server, client = self.script(
            Answer(200, {"data": [{"id": "con_1"}], "next_cursor": "a&b"}),
            Answer(200, {"data": [{"id": "con_2"}], "next_cursor": None}),
        )
        self.assertEqual([each["id"] for each in client.connections.list(tenant="acme")], ["con_1", "con_2"])
        self.assertEqual(server.received[1].path, "/v1/connections?tenant=acme&cursor=a%26b")

    def test_follows_no_redirect(self) -> None:
        other = self.serve(lambda request: Answer(200, {}))
        _, client = self.script(Answer(302, b"", {"Location": other.url}))
        with self.assertRaises(MetavaultError):
            client.connections.get("con_1")
        self.assertEqual(other.received, [])

    def test_says_when_nothing_answers(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = self.client(f"http://127.0.0.1:{taken.getsockname()[1]}")
            with self.assertRaises(UnreachableError) as raised:
                client.connections.get("con_1")
        self.assertEqual((raised.exception.status, len(self.pauses)), (None, 2))
        self.assertIn("ConnectionRefusedError", str(raised.exception))

    def test_asks_a_function_for_each_token(self) -> None:
        server = self.serve(lambda request: Answer(200, {"id": "con_1"}))
        tokens = iter(["first", "second"])
        client = Metavault(server.url, lambda: next(tokens))
        client.connections.get("con_1")
        client.connections.get("con_1")
        self.assertEqual(
            [request.headers["authorization"] for request in server.received], ["Bearer first", "Bearer second"]
        )

    def test_shows_no_key_that_cannot_be_one(self) -> None:
        client = Metavault("http://127.0.0.1:9", f"{KEY}\n")
        with self.assertRaises(ValueError) as raised:
            client.connections.get("con_1")
        self.assertNotIn("mtv_", repr(raised.exception))

    def test_needs_an_address(self) -> None:
        for url in ("metavault.example", "file:///etc/passwd", ""):
            with self.subTest(url), self.assertRaises(ValueError):
                Metavault(url, KEY)

    def test_tells_hooks_what_happens_and_takes_their_headers(self) -> None:
        seen: list[object] = []

        def on_request(call: Call) -> None:
            call.headers["traceparent"] = f"00-{'1' * 32}-{'2' * 16}-01"

        def on_response(call: Call, outcome: Outcome) -> None:
            seen.append((call.method, call.path, call.attempt, outcome.status, outcome.request_id))

        answers = [Answer(503, b"", {"X-Request-Id": "req_1"}), Answer(200, {"data": [], "next_cursor": None})]
        server = self.serve(lambda request: answers.pop(0))
        client = self.client(server.url, Hooks(on_request, on_response))
        list(client.connections.list(tenant="acme"))
        self.assertEqual(
            seen, [("GET", "/v1/connections", 1, 503, "req_1"), ("GET", "/v1/connections", 2, 200, None)]
        )
        self.assertEqual(server.received[1].headers["traceparent"], f"00-{'1' * 32}-{'2' * 16}-01")


LEASE_INVALID = Answer(
    401, {"error": {"code": 190, "message": "mtl_secret-1 ended", "error_data": {"code": "lease_invalid"}}}
)


class GraphTest(unittest.TestCase):
    """A gateway that knows the newest lease only."""

    def setUp(self) -> None:
        self.issued = 0
        self.graph_answers: list[Answer] = []
        self.server = ScriptedServer(self.answer)
        self.addCleanup(self.server.close)
        self.client = Metavault(self.server.url, KEY)
        self.client._transport = Transport(
            timeout=5, attempts=3, max_wait=20, hooks=Hooks(), sleep=lambda seconds: None
        )
        self.graph = self.client.graph(tenant="acme", product="pages", version="v26.0")

    def answer(self, request: Received) -> Answer:
        if request.path == "/v1/leases":
            self.issued += 1
            return lease_answer(self.server.url, self.issued)
        return self.graph_answers.pop(0)

    def calls(self) -> list[Received]:
        return [request for request in self.server.received if request.path.startswith("/graph/")]

    def test_calls_with_a_lease_in_the_header(self) -> None:
        self.graph_answers = [Answer(200, {"id": "1"}), Answer(200, {"success": True})]
        self.assertEqual(self.graph.get("me", {"fields": "id,name", "limit": 5, "deep": {"a": True}}), {"id": "1"})
        self.assertEqual(self.graph.post("1/feed", {"message": "Café"}), {"success": True})
        first, second = self.calls()
        self.assertEqual(first.path, "/graph/v26.0/me?fields=id%2Cname&limit=5&deep=%7B%22a%22%3A+true%7D")
        self.assertEqual(first.headers["authorization"], "Bearer mtl_secret-1")
        self.assertEqual((json.loads(second.body), self.issued), ({"message": "Café"}, 1))

    def test_replaces_a_lease_that_ended_once(self) -> None:
        self.graph_answers = [LEASE_INVALID, Answer(200, {"id": "1"})]
        self.assertEqual(self.graph.post("1/feed"), {"id": "1"})
        self.assertEqual([call.headers["authorization"][-1] for call in self.calls()], ["1", "2"])
        self.graph_answers = [LEASE_INVALID, LEASE_INVALID]
        with self.assertRaises(GraphError) as raised:
            self.graph.get("me")
        self.assertEqual((raised.exception.code, self.issued), ("lease_invalid", 3))
        self.assertNotIn("mtl_", str(raised.exception))

    def test_does_not_take_a_401_of_meta_for_one_of_the_gateway(self) -> None:
        body = {"error": {"message": "Session expired", "type": "OAuthException", "code": 190, "error_subcode": 463}}
        self.graph_answers = [Answer(401, body)]
        with self.assertRaises(GraphError) as raised:
            self.graph.get("me")
        self.assertEqual(raised.exception.code, "graph_error")
        self.assertEqual(raised.exception.meta, {"code": 190, "subcode": 463, "type": "OAuthException"})

    def test_repeats_reads_and_never_a_write_that_meta_may_have_got(self) -> None:
        self.graph_answers = [Answer(502, b"bad gateway"), Answer(200, {"id": "1"})]
        self.graph.get("me")
        for send in (self.graph.post, self.graph.delete):
            self.graph_answers = [Answer(502, b"bad gateway")]
            with self.assertRaises(GraphError):
                send("1/feed")
        busy = {"error": {"code": 4, "message": "Too many", "error_data": {"code": "too_many_calls"}}}
        self.graph_answers = [Answer(429, busy, {"Retry-After": "1"}), Answer(200, {"id": "1"})]
        self.graph.post("1/feed")

    def test_reads_all_pages_of_a_list(self) -> None:
        following = f"{self.server.url}/graph/v26.0/me/accounts?access_token=mtl_secret-1&limit=1&after=QVFI"
        self.graph_answers = [
            Answer(200, {"data": [{"id": "1"}], "paging": {"next": following}}),
            Answer(200, {"data": [{"id": "2"}]}),
        ]
        self.assertEqual([page["id"] for page in self.graph.items("me/accounts", {"limit": 1})], ["1", "2"])
        self.assertEqual(self.calls()[1].path, "/graph/v26.0/me/accounts?limit=1&after=QVFI")

    def test_keeps_a_path_a_path(self) -> None:
        self.graph_answers = [Answer(200, {})]
        self.graph.get("/1?access_token=x#y")
        self.assertEqual(self.calls()[0].path, "/graph/v26.0/1%3Faccess_token%3Dx%23y")

    def test_refuses_an_answer_that_is_no_json(self) -> None:
        self.graph_answers = [Answer(200, b"<html>")]
        with self.assertRaises(GraphError):
            self.graph.get("me")
