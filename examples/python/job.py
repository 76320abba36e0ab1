"""A nightly job: reads every customer's Pages, and makes a link for those who have to log in again.

METAVAULT_URL=http://localhost:3000 METAVAULT_KEY=mtv_… python3 job.py
"""

from __future__ import annotations

import os
import sys

from metavault import Connection, Metavault, MetavaultError

PRODUCT = "pages"


def read_pages(client: Metavault, connection: Connection) -> None:
    """One lease serves all calls, and is renewed while the job runs."""
    graph = client.graph(tenant=connection["tenant"], product=PRODUCT, connection_id=connection["id"])
    for page in graph.items("me/accounts", {"fields": "id,name", "limit": 100}):
        print(f"{connection['tenant']}: {page['name']}")


def make_link(client: Metavault, connection: Connection) -> None:
    """Makes a link to send to the customer: logging in restores the connection, which keeps its id."""
    session = client.connect_sessions.create(tenant=connection["tenant"], product=PRODUCT, flow="facebook_login")
    print(f"{connection['tenant']} has to log in again: {session['connect_url']}")


def main() -> int:
    client = Metavault(os.environ["METAVAULT_URL"], os.environ["METAVAULT_KEY"])
    failed = 0
    for connection in client.connections.list(product=PRODUCT):
        try:
            if connection["status"] == "active":
                read_pages(client, connection)
            elif connection["status"] == "reauth_required":
                make_link(client, connection)
        except MetavaultError as error:
            failed += 1
            print(f"{connection['tenant']}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
