"""Connect sessions and connections."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypedDict, cast
from urllib.parse import quote, urlencode


class ConnectSession(TypedDict):
    """Response of `POST /v1/connect-sessions`: send the browser to `connect_url` before `expires_at`."""

    id: str
    connect_url: str
    expires_at: str
    js_sdk: dict[str, Any] | None


class StatusReason(TypedDict):
    """Why a connection has its status, and what to do."""

    code: str
    detail: str
    remedy: str
    since_at: str


class Connection(TypedDict):
    """The fields that products need; the response has more, and later versions may add others."""

    id: str
    tenant: str
    product: str
    flow: str
    status: str
    status_reason: StatusReason | None
    meta_user_id: str
    scopes: list[str]
    declined_scopes: list[str]
    credentials: list[dict[str, Any]]
    credentials_count: int
    assets: list[dict[str, Any]]
    assets_count: int
    created_at: str
    updated_at: str


class RevokedConnection(TypedDict):
    """Response of `DELETE /v1/connections/{id}`."""

    id: str
    status: str
    revoked_at: str
    leases_revoked: int
    provider_revocation: str


#: Takes method, path, body, and additional headers; returns the JSON of the response.
Send = Callable[[str, str, "bytes | None", "dict[str, str]"], Any]


class ConnectSessions:
    """Links for customers to connect."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def create(
        self,
        *,
        tenant: str,
        product: str,
        flow: str,
        return_url: str | None = None,
        scopes: Sequence[str] | None = None,
        feature_type: str | None = None,
        features: Sequence[str] | None = None,
        expected: dict[str, str] | None = None,
        confirm: bool | None = None,
        tenant_name: str | None = None,
        locale: str | None = None,
        idempotency_key: str | None = None,
    ) -> ConnectSession:
        """Creates a session. An idempotency key keeps retries from creating a second one."""
        body = {
            "tenant": tenant,
            "product": product,
            "flow": flow,
            "return_url": return_url,
            "scopes": scopes,
            "feature_type": feature_type,
            "features": features,
            "expected": expected,
            "confirm": confirm,
            "tenant_name": tenant_name,
            "locale": locale,
        }
        content = json.dumps({key: value for key, value in body.items() if value is not None}).encode()
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return cast(ConnectSession, self._send("POST", "/v1/connect-sessions", content, headers))

    def get(self, session_id: str) -> dict[str, Any]:
        """The state of a session, and the connection that it created."""
        return cast("dict[str, Any]", self._send("GET", f"/v1/connect-sessions/{quote(session_id, safe='')}", None, {}))


class Connections:
    """Customers' connections."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def get(self, connection_id: str) -> Connection:
        """One connection. Raises MetavaultError `connection_not_found`."""
        return cast(Connection, self._send("GET", f"/v1/connections/{quote(connection_id, safe='')}", None, {}))

    def list(
        self,
        *,
        tenant: str | None = None,
        product: str | None = None,
        status: str | None = None,
        health: str | None = None,
        expires_before: str | None = None,
        asset_id: str | None = None,
    ) -> Iterator[Connection]:
        """All matching connections, requested page by page."""
        asked = {
            "tenant": tenant,
            "product": product,
            "status": status,
            "health": health,
            "expires_before": expires_before,
            "asset_id": asset_id,
        }
        query = {key: value for key, value in asked.items() if value is not None}
        while True:
            page = self._send("GET", f"/v1/connections?{urlencode(query)}", None, {})
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def revoke(self, connection_id: str) -> RevokedConnection:
        """Ends a connection here at once, and at Meta as soon as Meta responds. Requires an admin's key."""
        return cast(
            RevokedConnection, self._send("DELETE", f"/v1/connections/{quote(connection_id, safe='')}", None, {})
        )
