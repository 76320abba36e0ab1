"""Metavault: leases, Graph calls, and events."""

from .client import Metavault
from .connections import Connection, ConnectSession, RevokedConnection
from .errors import GraphError, MetavaultError, UnreachableError
from .events import Event, EventVerificationError, EventVerifier
from .graph import Graph
from .leases import Lease
from .transport import Call, Hooks, Outcome

__all__ = [
    "Call",
    "ConnectSession",
    "Connection",
    "Event",
    "EventVerificationError",
    "EventVerifier",
    "Graph",
    "GraphError",
    "Hooks",
    "Lease",
    "Metavault",
    "MetavaultError",
    "Outcome",
    "RevokedConnection",
    "UnreachableError",
]
