"""Meta's Python SDK (`facebook_business`) with leases."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .errors import gateway_code
from .leases import Lease, LeaseRequest, Leases

#: Hosts that are hard-coded in the SDK, and the suffix of the gateway's path that replaces them.
_HOSTS = {"graph.facebook.com": "", "graph-video.facebook.com": "-video"}


class LeaseAuth:
    """Authentication for the library `requests`, which the SDK uses: each request gets the current lease.

    The lease is sent in a header. The SDK would put it into the URL, and the URL into its exceptions.
    """

    def __init__(self, leases: Leases, request: LeaseRequest) -> None:
        self._leases = leases
        self._request = request

    def __call__(self, outgoing: Any) -> Any:
        lease = self._leases.get(self._request)
        outgoing.url = _at_gateway(outgoing.url, lease)
        outgoing.headers["Authorization"] = f"Bearer {lease.access_token}"
        position = outgoing.body.tell() if hasattr(outgoing.body, "tell") else None

        def again(answer: Any, **options: Any) -> Any:
            if answer.status_code != 401 or gateway_code(answer.content) != "lease_invalid":
                return answer
            self._leases.drop(lease)
            repeat = answer.request.copy()
            if position is not None:
                repeat.body.seek(position)
            repeat.headers["Authorization"] = f"Bearer {self._leases.get(self._request).access_token}"
            second = answer.connection.send(repeat, **options)
            second.history.append(answer)
            second.request = repeat
            return second

        outgoing.register_hook("response", again)
        return outgoing


def _at_gateway(url: str, lease: Lease) -> str:
    """The same call's URL at the gateway. Raises ValueError for other hosts: a lease must not be sent elsewhere."""
    if url.startswith(f"{lease.graph_base_url}/"):
        return url
    parts = urlsplit(url)
    if parts.hostname not in _HOSTS:
        raise ValueError(f"Calls with a lease go to the gateway, not to {parts.hostname}.")
    return f"{lease.graph_base_url}{_HOSTS[parts.hostname]}{parts.path}{'?' if parts.query else ''}{parts.query}"


def ads_api(leases: Leases, request: LeaseRequest, *, api_version: str | None, timeout: float) -> Any:
    """A `FacebookAdsApi` that calls the gateway. Raises ImportError without the package `facebook_business`."""
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    session = FacebookSession(timeout=timeout)
    session.GRAPH = leases.get(request).graph_base_url
    session.requests.params.pop("access_token", None)
    session.requests.auth = LeaseAuth(leases, request)
    # The SDK trusts only the authorities that issue Meta's certificates; the gateway may use others.
    session.requests.verify = True
    return FacebookAdsApi(session, api_version=api_version)
