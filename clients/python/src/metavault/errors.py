"""Errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .secret import without_tokens


class MetavaultError(Exception):
    """A request that failed. Holds no token, key, or body.

    `code` is stable (see `/problems/{code}` of the service), `remedy` says what to do, `retry_after` is in seconds, and
    `meta` holds Meta's error: `code`, `subcode`, `type`, `fbtrace_id`. `status` is None without a response.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "unknown",
        status: int | None = None,
        remedy: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        meta: Mapping[str, Any] | None = None,
        errors: tuple[Mapping[str, str], ...] = (),
    ) -> None:
        super().__init__(without_tokens(detail))
        self.code = code
        self.status = status
        self.remedy = remedy
        self.retry_after = retry_after
        self.request_id = request_id
        self.meta = meta
        #: For `invalid_request`: each invalid field (`path`) and its fault (`message`).
        self.errors = errors

    def __str__(self) -> str:
        status = "" if self.status is None else f"{self.status} "
        fields = "".join(f" {error.get('path')}: {error.get('message')}." for error in self.errors)
        remedy = "" if self.remedy is None else f" {self.remedy}"
        request = "" if self.request_id is None else f" (request {self.request_id})"
        return f"{status}{self.code}: {self.args[0]}{without_tokens(fields)}{remedy}{request}"


class UnreachableError(MetavaultError):
    """No response, or not in time; the service may have carried out the request."""


class GraphError(MetavaultError):
    """A Graph call that failed, at the gateway (`code` is the gateway's) or at Meta (`code` is `graph_error`)."""


def problem_error(status: int, headers: Mapping[str, str], body: bytes) -> MetavaultError:
    """Converts a response of `/v1` to an error, with or without problem details (RFC 9457)."""
    problem = parse_object(body)
    return MetavaultError(
        str(problem.get("detail") or f"The answer was {status} without details."),
        code=str(problem.get("code") or f"http_{status}"),
        status=status,
        remedy=problem.get("remedy"),
        retry_after=retry_after(headers),
        request_id=headers.get("X-Request-Id"),
        meta=problem.get("meta"),
        errors=tuple(problem.get("errors") or ()),
    )


def graph_error(status: int, headers: Mapping[str, str], body: bytes) -> GraphError:
    """Converts a response of Graph or of the gateway to an error."""
    error = parse_object(body).get("error")
    if not isinstance(error, dict):
        error = {}
    meta = {
        "code": error.get("code"),
        "subcode": error.get("error_subcode"),
        "type": error.get("type"),
        "fbtrace_id": error.get("fbtrace_id"),
    }
    return GraphError(
        str(error.get("message") or f"The answer was {status} without details."),
        code=gateway_code(body) or "graph_error",
        status=status,
        retry_after=retry_after(headers),
        request_id=headers.get("X-Request-Id"),
        meta={key: value for key, value in meta.items() if value is not None},
    )


def gateway_code(body: bytes) -> str | None:
    """The code of an error of the gateway; None for an error from Meta."""
    error = parse_object(body).get("error")
    data = error.get("error_data") if isinstance(error, dict) else None
    code = data.get("code") if isinstance(data, dict) else None
    return code if isinstance(code, str) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; None if it is not a number."""
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def parse_object(body: bytes) -> dict[str, Any]:
    """Parses a JSON object; empty if the body is anything else."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
