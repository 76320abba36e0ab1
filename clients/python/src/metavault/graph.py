"""Graph calls through the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from .errors import gateway_code, graph_error
from .leases import Lease, LeaseRequest, Leases
from .transport import Request, Response, Transport

_LEASE_REFUSED = "lease_invalid"
#: The gateway refused before it called Meta.
_NOT_CALLED = "too_many_calls"


class Graph:
    """Meta's Graph API for one tenant, product, and asset. Manages the lease: each call uses a current one."""

    def __init__(self, transport: Transport, leases: Leases, request: LeaseRequest, version: str | None = None) -> None:
        self._transport = transport
        self._leases = leases
        self._request = request
        self._version = version

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Reads an object or a list; returns the JSON of Meta's response. Raises GraphError."""
        return self.call("GET", path, params)

    def post(self, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None) -> Any:
        """Sends a JSON body. Never repeated once Meta may have received it."""
        return self.call("POST", path, params, body if body is not None else {})

    def delete(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Deletes an object."""
        return self.call("DELETE", path, params)

    def items(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """All items of a list, page by page."""
        asked = dict(params or {})
        while True:
            page = self.get(path, asked)
            yield from page.get("data", ())
            following = page.get("paging", {}).get("next")
            if following is None:
                return
            asked = {key: value for key, value in parse_qsl(urlsplit(following).query) if key != "access_token"}

    def call(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Makes any call. A lease that the gateway refuses is replaced once. Raises GraphError, MetavaultError."""
        lease = self._leases.get(self._request)
        answer = self._send(lease, method, path, params, body)
        if answer.status == 401 and gateway_code(answer.body) == _LEASE_REFUSED:
            self._leases.drop(lease)
            answer = self._send(self._leases.get(self._request), method, path, params, body)
        if answer.status >= 300:
            raise graph_error(answer.status, answer.headers, answer.body)
        try:
            return json.loads(answer.body)
        except ValueError:
            raise graph_error(answer.status, answer.headers, answer.body) from None

    def _send(
        self, lease: Lease, method: str, path: str, params: Mapping[str, Any] | None, body: Mapping[str, Any] | None
    ) -> Response:
        version = "" if self._version is None else f"/{self._version}"
        query = {key: _text(value) for key, value in (params or {}).items()}
        url = f"{lease.graph_base_url}{version}/{quote(path.lstrip('/'), safe='/:,@')}"
        return self._transport.send(
            Request(
                method,
                f"{url}?{urlencode(query)}" if query else url,
                lambda: lease.access_token,
                body=None if body is None else json.dumps(body).encode(),
                headers={} if body is None else {"Content-Type": "application/json"},
                may_repeat=lambda status, content: method == "GET" or gateway_code(content) == _NOT_CALLED,
            )
        )


def _text(value: Any) -> str:
    """A parameter as Graph expects it: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
