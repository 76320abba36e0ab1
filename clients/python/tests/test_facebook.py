from __future__ import annotations

import importlib.util
import io
import sys
import types
import unittest
from typing import Any

from metavault import Metavault

from .scripted_server import Answer, Received, ScriptedServer, lease_answer

HAS_SDK = importlib.util.find_spec("facebook_business") is not None


def find_requests() -> Any:
    """The library that the SDK calls with; pip brings one along."""
    for name in ("requests", "pip._vendor.requests"):
        try:
            return __import__(name, fromlist=["Session"])
        except ImportError:
            continue
    return None


REQUESTS = find_requests()
LEASE_INVALID = {"error": {"code": 190, "message": "ended", "error_data": {"code": "lease_invalid"}}}


def stand_in() -> dict[str, types.ModuleType]:
    """Modules with the seam of Meta's SDK v25: sessions, their address, and how calls are sent."""

    class FacebookSession:
        GRAPH = "https://graph.facebook.com"

        def __init__(self, app_id: Any = None, app_secret: Any = None, access_token: Any = None, timeout: Any = None):
            self.timeout = timeout
            self.requests = REQUESTS.Session()
            self.requests.verify = "/nowhere/fb_ca_chain_bundle.crt"
            self.requests.params.update({"access_token": access_token})

    class FacebookAdsApi:
        def __init__(self, session: Any, api_version: str | None = None) -> None:
            self._session = session
            self._api_version = api_version or "v25.0"

        def call(
            self, method: str, path: Any, params: Any = None, files: Any = None, url_override: str | None = None
        ) -> Any:
            base = url_override or self._session.GRAPH
            url = path if isinstance(path, str) else "/".join((base, self._api_version, *path))
            place = "params" if method in ("GET", "DELETE") else "data"
            return self._session.requests.request(
                method, url, **{place: params}, files=files, timeout=self._session.timeout
            )

    package, api, session = (types.ModuleType(f"facebook_business{name}") for name in ("", ".api", ".session"))
    api.__dict__["FacebookAdsApi"] = FacebookAdsApi
    session.__dict__["FacebookSession"] = FacebookSession
    return {module.__name__: module for module in (package, api, session)}


@unittest.skipIf(REQUESTS is None, "neither requests nor pip is installed")
class StandInTest(unittest.TestCase):
    @staticmethod
    def modules() -> dict[str, types.ModuleType]:
        return stand_in()

    def setUp(self) -> None:
        before = {name: module for name, module in sys.modules.items() if name.startswith("facebook_business")}
        sys.modules.update(self.modules())
        self.addCleanup(sys.modules.update, before)
        for name in self.modules():
            self.addCleanup(sys.modules.pop, name)
        self.issued = 0
        self.graph_answers: list[Answer] = []
        self.server = ScriptedServer(self.answer)
        self.addCleanup(self.server.close)
        client = Metavault(self.server.url, "mtv_key-of-nobody")
        self.api = client.facebook_api(tenant="acme", product="ads")
        self.addCleanup(self.api._session.requests.close)

    def answer(self, request: Received) -> Answer:
        if request.path == "/v1/leases":
            self.issued += 1
            return lease_answer(self.server.url, self.issued)
        return self.graph_answers.pop(0) if self.graph_answers else Answer(200, {"id": "1"})

    def calls(self) -> list[Received]:
        return [request for request in self.server.received if request.path != "/v1/leases"]

    def test_calls_the_gateway_with_the_lease_in_a_header(self) -> None:
        self.api.call("GET", ("me",), {"fields": "id"})
        (call,) = self.calls()
        self.assertEqual(call.headers["authorization"], "Bearer mtl_secret-1")
        self.assertRegex(call.path, r"^/graph/v\d+\.\d+/me\?fields=id$")
        self.assertIs(self.api._session.requests.verify, True)

    def test_replaces_a_lease_that_ended_and_sends_the_body_again(self) -> None:
        self.graph_answers = [Answer(401, LEASE_INVALID), Answer(200, {"id": "1"})]
        response = self.api.call("POST", ("act_1", "adimages"), {"name": "x"}, files={"a.png": io.BytesIO(b"image")})
        self.assertEqual(response.json(), {"id": "1"})
        first, second = self.calls()
        self.assertEqual((first.body, first.headers["content-type"]), (second.body, second.headers["content-type"]))
        self.assertIn(b"image", second.body)
        self.assertEqual(second.headers["authorization"], "Bearer mtl_secret-2")

    def test_takes_the_addresses_that_the_sdk_has_written_into_its_code_to_the_gateway(self) -> None:
        self.api.call("GET", ("1", "videos"), {"a": "b"}, url_override="https://graph-video.facebook.com")
        self.api.call("GET", "https://graph.facebook.com/v25.0/1")
        self.assertRegex(self.calls()[0].path, r"^/graph-video/v\d+\.\d+/1/videos\?a=b$")
        self.assertEqual(self.calls()[1].path, "/graph/v25.0/1")

    def test_takes_a_lease_nowhere_else(self) -> None:
        with self.assertRaisesRegex(ValueError, "not to example.com"):
            self.api.call("GET", "https://example.com/v25.0/me")


@unittest.skipUnless(HAS_SDK, "facebook_business is not installed")
class SdkTest(StandInTest):
    @staticmethod
    def modules() -> dict[str, types.ModuleType]:
        return {}

    def test_raises_its_own_errors(self) -> None:
        from facebook_business.exceptions import FacebookRequestError

        error = {"error": {"code": 100, "message": "nonexisting field"}}
        self.graph_answers = [Answer(400, error)]
        with self.assertRaises(FacebookRequestError) as raised:
            self.api.call("GET", ("me",))
        self.assertEqual(raised.exception.api_error_code(), 100)
        self.assertNotIn("mtl_", str(raised.exception))


class WithoutSdkTest(unittest.TestCase):
    @unittest.skipIf(HAS_SDK, "facebook_business is installed")
    def test_says_what_is_missing(self) -> None:
        server = ScriptedServer(lambda request: lease_answer("http://here"))
        self.addCleanup(server.close)
        with self.assertRaisesRegex(ImportError, "facebook_business"):
            Metavault(server.url, "mtv_key-of-nobody").facebook_api(tenant="acme", product="ads")
