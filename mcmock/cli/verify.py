"""`mcmock verify`: whether the log of a running server is as it should be. The server judges; this asks and prints."""

from __future__ import annotations

from typing import Any

import click

from mcmock.cli.admin_client import AdminClient, conclude, server_options, wanted

_WHOLE = click.IntRange(0)


@click.command()
@click.option("--count", type=_WHOLE, help="Exactly so many.")
@click.option("--at-least", type=_WHOLE, help="So many, or more.")
@click.option("--at-most", type=_WHOLE, help="So many, or fewer.")
@click.option(
    "--sequence", metavar="'EVENT EVENT* …'", help="The events of each session, in order; see docs/testing.md."
)
@click.option("--gaps", is_flag=True, help="Other events may stand between those of the sequence.")
@click.option("--within", type=click.FloatRange(0, 3600), help="Seconds it has to come true, or must stay true.")
@click.option("--allow-no-sessions", is_flag=True, help="Let it pass where no session was opened.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole verification: short for --format json.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True,
    help="What to print; github: an annotation, and a job summary.",
)  # fmt: skip
@server_options
def verify(
    url: str, token: str | None, match: tuple[str, ...], as_json: bool, form: str, sequence: str | None, **asked: Any
) -> None:
    """Check how many requests match, or how the sessions went.

    Exits 0 if it is so; otherwise 1, with what came instead.
    """
    keys = {
        "match": wanted(match), "count": asked["count"], "atLeast": asked["at_least"], "atMost": asked["at_most"],
        "sequence": sequence.split() if sequence is not None else None, "gaps": asked["gaps"] or None,
        "within": asked["within"], "allowNoSessions": asked["allow_no_sessions"] or None,
    }  # fmt: skip
    body = {key: value for key, value in keys.items() if value is not None}
    conclude(AdminClient(url, token).ask("/verify", body, asked["within"] or 0.0), "json" if as_json else form)
