"""`mcmock find`: the requests in a running server's log that match, one JSON object a line."""

from __future__ import annotations

import json

import click

from mcmock.cli.admin_client import Server, server_options, wanted
from mcmock.cli.saying import remark, say


@click.command()
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@click.option("--newest-first", is_flag=True, help="The latest first.")
@server_options
def find(url: str, token: str | None, match: tuple[str, ...], limit: int, newest_first: bool) -> None:
    """Print the requests that match, such as event=ping playhead.min=10 params.media.id=film."""
    order = "desc" if newest_first else "asc"
    answer = Server(url, token).ask(f"/requests/find?limit={limit}&order={order}", wanted(match))
    for exchange in answer["requests"]:
        say(json.dumps(exchange))
    left_out = answer["matched"] - len(answer["requests"])
    if left_out:
        remark(f"{left_out} more match; --limit shows more")
