"""`mcmock wait`: until the requests that match have arrived at a running server. The server answers with the arrival."""

from __future__ import annotations

import click

from mcmock.cli.admin_client import AdminClient, conclude, server_options, wanted


@click.command()
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="So many, or more.")
@click.option("--timeout", type=click.FloatRange(0, 3600), default=5.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole verification.")
@server_options
def wait(url: str, token: str | None, match: tuple[str, ...], count: int, timeout: float, as_json: bool) -> None:
    """Wait until requests that match have arrived.

    Exits 0 once they have, 1 with what came instead when time is up.
    """
    body = {"match": wanted(match), "count": count, "timeout": timeout}
    conclude(AdminClient(url, token).ask("/requests/wait", body, timeout), "json" if as_json else "text")
