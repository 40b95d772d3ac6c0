"""`mcmock certify`: the validation checklists over recorded or live sessions.

It reads files, or a server's log, and prints; `mcmock.checks.certification` judges.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import click

from mcmock.checks import certification
from mcmock.checks.certification import POINTS, Result
from mcmock.cli import certify_output
from mcmock.cli.certify_output import Certificate
from mcmock.cli.check import judged
from mcmock.cli.saying import say
from mcmock.core.wording import did_you_mean, named

FORMATS: dict[str, Callable[[Certificate], str]] = {
    "text": certify_output.text,
    "json": lambda done: json.dumps(certify_output.to_json(done), indent=2),
    "junit": certify_output.junit,
    "html": certify_output.html,
}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|URL…")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to print."
)
@click.option(
    "--require", "required", multiple=True, metavar="POINT",
    help="Exit 1 if this point, or every one for all, was not exercised.",
)  # fmt: skip
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The --admin-token of a server whose log is judged.")
def certify(files: tuple[str, ...], form: str, required: tuple[str, ...], token: str | None) -> None:
    """Walk the validation checklists over recorded or live sessions.

    FILE is what mcmock check takes: a HAR, a log export, a journal, a timeline or a recording of a client; URL is a running
    server, whose log is judged. Exits 1 if a point failed, if a required one was not exercised, or if there is no session.
    """
    wanted = _points(required)
    done = [judged(file, token=token) for file in files]
    views = [view for one in done for view in one.sessions]
    places = {(one.exchange.session_id, one.exchange.seq): one.place for each in done for one in each.requests}
    certificate = Certificate(tuple(one.name for one in done), len(views), certification.certify(views), wanted, places)
    say(FORMATS[form](certificate))
    sys.exit(0 if certificate.result is Result.PASSED else 1)


def _points(required: tuple[str, ...]) -> frozenset[str]:
    """Return the ids of the required points. Raises click.UsageError for one that there is not."""
    known = [point.id for point in POINTS]
    for one in required:
        if one not in (*known, "all"):
            hint = did_you_mean(one, known, f"; the points are {', '.join(known)}")
            raise click.UsageError(f"--require {named(one)}: there is no such point{hint}")
    return frozenset(known if "all" in required else required)
