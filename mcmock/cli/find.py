"""`mcmock find`: the requests in a running server's log that match: one JSON object a line, or a table on a terminal."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from mcmock.cli.admin_client import AdminClient, server_options, wanted
from mcmock.cli.saying import remark, say


@click.command()
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@click.option("--newest-first", is_flag=True, help="The latest first.")
@server_options
def find(url: str, token: str | None, match: tuple[str, ...], limit: int, newest_first: bool) -> None:
    """Print the requests of the log that match.

    A FIELD=VALUE is event=ping, playhead.min=10 or params.media.id=film, for example. Prints a table on a terminal, and NDJSON
    (one exchange a line) into a pipe or a file.
    """
    order = "desc" if newest_first else "asc"
    answer = AdminClient(url, token).ask(f"/requests/find?limit={limit}&order={order}", wanted(match))
    if sys.stdout.isatty():
        _print_table(answer["requests"])
    else:
        for exchange in answer["requests"]:
            say(json.dumps(exchange))
    left_out = answer["matched"] - len(answer["requests"])
    if left_out:
        remark(f"{left_out} more match; --limit shows more")


def _print_table(exchanges: list[dict[str, Any]]) -> None:
    from mcmock.cli import tail  # late: a pipe needs no table

    if exchanges:
        click.echo(click.style(f"{'seq':>6} {tail.HEADING}", bold=True))
    for one in exchanges:
        click.echo(f"{int(one['seq']):>6} {tail.exchange_line(one)}")
    if not exchanges:
        remark("no request matches")
