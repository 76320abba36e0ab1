"""The client."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import quote, urlsplit

from .connections import Connections, ConnectSessions
from .errors import parse_object, problem_error
from .facebook import ads_api
from .graph import Graph
from .leases import Lease, LeaseRequest, Leases, parse_lease
from .secret import Credential, Secret
from .transport import Hooks, Request, Response, Transport, always


class Metavault:
    """A client of one service; create one per process, and share it among threads.

    `credential` is an API key, or a function that returns a token of an issuer. `timeout`: seconds for connecting and
    for each read. `attempts` includes the first one. A `Retry-After` longer than `max_wait` seconds is not waited for.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        *,
        timeout: float = 30.0,
        attempts: int = 5,
        max_wait: float = 20.0,
        cache_size: int = 1_000,
        hooks: Hooks = Hooks(),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("The address of the service starts with https:// or http://.")
        self._url = url.rstrip("/")
        self._timeout = timeout
        if callable(credential):
            self._credential = credential
        else:
            self._credential = Secret(credential).reveal
        self._transport = Transport(
            timeout=timeout, attempts=attempts, max_wait=max_wait, hooks=hooks, context=ssl_context
        )
        self.leases = Leases(self._issue_lease, self._end_lease, size=cache_size)
        self.connect_sessions = ConnectSessions(self._call)
        self.connections = Connections(self._call)

    def graph(
        self,
        *,
        tenant: str,
        product: str,
        asset_id: str | None = None,
        connection_id: str | None = None,
        version: str | None = None,
    ) -> Graph:
        """Graph calls for one customer's product, or one of its assets. `version` (`v26.0`): default, the service's."""
        return Graph(self._transport, self.leases, LeaseRequest(tenant, product, asset_id, connection_id), version)

    def facebook_api(
        self,
        *,
        tenant: str,
        product: str,
        asset_id: str | None = None,
        connection_id: str | None = None,
        api_version: str | None = None,
    ) -> Any:
        """A `FacebookAdsApi` of Meta's SDK, with leases that stay fresh. Raises ImportError without the SDK."""
        request = LeaseRequest(tenant, product, asset_id, connection_id)
        return ads_api(self.leases, request, api_version=api_version, timeout=self._timeout)

    def _issue_lease(self, request: LeaseRequest) -> Lease:
        # Safe to repeat: a lease whose response is lost cannot be used, and expires by itself.
        return parse_lease(self._call("POST", "/v1/leases", request.body(), {}))

    def _end_lease(self, lease_id: str) -> None:
        self._send("DELETE", f"/v1/leases/{quote(lease_id, safe='')}", None, {})

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        answer = self._send(method, path, body, headers)
        parsed = parse_object(answer.body)
        if not parsed:
            raise problem_error(answer.status, answer.headers, answer.body)
        return parsed

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Response:
        """Only for requests that are safe to repeat. Raises MetavaultError."""
        content = {} if body is None else {"Content-Type": "application/json"}
        answer = self._transport.send(
            Request(method, self._url + path, self._credential, body, {**content, **headers}, always)
        )
        if answer.status >= 300:
            raise problem_error(answer.status, answer.headers, answer.body)
        return answer
