"""A server of this machine that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class ScriptedServer:
    """`answer` is asked for each request; `received` has them all."""

    def __init__(self, answer: Callable[[Received], Answer]) -> None:
        self.received: list[Received] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, body)
                received.append(request)
                given = answer(request)
                content = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def lease_answer(url: str, number: int = 1, expires_in: int = 900) -> Answer:
    """What `POST /v1/leases` answers."""
    return Answer(
        201,
        {
            "lease_id": f"lse_{number}",
            "mode": "gateway",
            "access_token": f"mtl_secret-{number}",
            "token_type": "Bearer",
            "expires_in": expires_in,
            "expires_at": "2026-11-29T10:00:00.000Z",
            "scopes": ["pages_show_list"],
            "connection_id": "con_1",
            "credential_id": "crd_1",
            "credential_version": 1,
            "graph_base_url": f"{url}/graph",
            "token_expires_at": None,
            "a_field_of_later": True,
        },
    )
