"""`mcmock compare`: two sessions of either API side by side. It reads files, or a server's log, and prints; `mcmock.checks`
compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import NamedTuple

import click

from mcmock.analytics.views import SessionView
from mcmock.checks import comparison_text
from mcmock.checks.comparison import WITHIN, Comparison
from mcmock.checks.comparison import compare as compared
from mcmock.cli import github
from mcmock.cli.check import judged
from mcmock.cli.saying import say
from mcmock.recordings.files import parted, session_in
from mcmock.serialization.json_shapes import comparison_to_json


class Chosen(NamedTuple):
    """A session, and the name of the recording that it is from."""

    name: str
    view: SessionView


def chosen(where: str, token: str | None) -> Chosen:
    """Return the session that FILE, URL or either with #SESSION names. Raises click.UsageError with one line."""
    name, session = parted(where)
    done = judged(name, token=token)
    try:
        return Chosen(done.name, session_in(done, session))
    except ValueError as error:
        raise click.UsageError(f"{done.name}: {error}") from None


class _Done(NamedTuple):
    comparison: Comparison
    names: tuple[str, str]
    count_known: bool

    @property
    def differs(self) -> bool:
        return bool(self.comparison.counted(count_known=self.count_known))

    @property
    def text(self) -> str:
        return comparison_text.text(self.comparison, *self.names, count_known=self.count_known)


FORMATS: dict[str, Callable[[_Done], str]] = {
    "text": lambda done: done.text,
    "json": lambda done: json.dumps(
        comparison_to_json(done.comparison, done.names, count_known=done.count_known), indent=2
    ),
    "github": lambda done: github.told("mcmock compare", "fail" if done.differs else "pass", done.text),
}


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to print."
)
@click.option(
    "--within", type=click.FloatRange(0), default=WITHIN, show_default=True, metavar="SECONDS",
    help="How far times, durations and playheads may be apart and still be the same.",
)  # fmt: skip
@click.option("--count-known", is_flag=True, help="Count what SDKs are known to do differently, too.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The --admin-token of a server whose log is read.")
def compare(old: str, new: str, form: str, within: float, count_known: bool, token: str | None) -> None:
    """Compare two sessions: what differs, was lost, or is new.

    OLD and NEW are what mcmock check takes: a HAR, a log export, a journal, a timeline or a recording of a client; or the URL
    of a running server. Where there are several sessions in one, add # and the first letters of an id: log.ndjson#1a2b.
    Exits 1 if they differ, 2 if one cannot be read.
    """
    sides = [chosen(where, token) for where in (old, new)]
    found = compared(sides[0].view, sides[1].view, within)
    done = _Done(found, (sides[0].name, sides[1].name), count_known)
    say(FORMATS[form](done))
    sys.exit(1 if done.differs else 0)
