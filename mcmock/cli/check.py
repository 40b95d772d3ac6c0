"""`mcmock check`: the judgement of recorded traffic. It reads files, or a server's log, and prints; `recordings.check` judges."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from mcmock.analytics.plan import Plan
from mcmock.cli import check_output, github, packaged
from mcmock.cli.admin_client import AdminClient
from mcmock.cli.check_output import Fails
from mcmock.cli.flags import verdict_options
from mcmock.cli.options import File
from mcmock.cli.saying import say
from mcmock.cli.service import load_plan
from mcmock.core.findings import FailOn
from mcmock.core.model import Mode
from mcmock.core.printable import printable
from mcmock.engine.policy import mode_of
from mcmock.recordings import formats
from mcmock.recordings.check import Checkup, checkup
from mcmock.recordings.files import read_stream
from mcmock.recordings.formats import Recording

LONG = 5_000
"""Requests from which on a terminal gets a progress bar."""

FORMATS: dict[str, Callable[[list[Checkup], Fails, bool], str]] = {
    "text": check_output.text,
    "json": lambda done, fails, _: json.dumps(check_output.to_json(done, fails), indent=2),
    "junit": lambda done, fails, _: check_output.junit(done, fails),
    "github": lambda done, fails, _: github.check(done, fails),
}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to print."
)
@verdict_options
@click.option("--strict", is_flag=True, help="Judge as serve --strict does.")
@click.option("--loose", is_flag=True, help="Judge as serve --loose does.")
@click.option("--plan", type=File(), help="A tracking plan to judge it by, too.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The --admin-token of a server whose log is judged.")
@click.option("--report", "with_reports", is_flag=True, help="Print what Analytics would count of each session, too.")
def check(
    files: tuple[str, ...],
    form: str,
    fail_on: str,
    allow: frozenset[str],
    strict: bool,
    loose: bool,
    plan: Path | None,
    token: str | None,
    with_reports: bool,
) -> None:
    """Judge recorded traffic: what would count, what not, and why.

    FILE is a HAR (of a browser or a proxy), a log export (NDJSON), a journal, a timeline or a recording of a client; - is
    standard input, and the URL of a running server stands for its log. Exits 1 if something is wrong with it, 2 if it cannot
    be read.
    """
    if strict and loose:
        raise click.UsageError("--strict and --loose exclude each other: choose one")
    mode = mode_of(strict=strict, loose=loose)
    judge = plan_named(plan) if plan is not None else None
    done = [judged(file, mode, judge, token) for file in files]
    fails = Fails(FailOn(fail_on), allow)
    say(FORMATS[form](done, fails, with_reports))
    sys.exit(1 if any(map(fails.of, done)) else 0)


def plan_named(path: Path) -> Plan:
    """Return the plan in a file. Raises click.UsageError in one line that says what is wrong."""
    try:
        return load_plan(path)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def judged(file: str, mode: Mode = Mode.DEFAULT, plan: Plan | None = None, token: str | None = None) -> Checkup:
    """Return what becomes of a recording: that in a file, standard input, or the log of a server. Raises click.UsageError."""
    name = "standard input" if file == "-" else file
    try:
        return _judge(_recording(file, token), name, mode, plan)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror or error}") from None
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None


def _recording(file: str, token: str | None) -> Recording:
    if file == "-":
        return read_stream(sys.stdin.buffer)
    if "://" in file:
        return formats.read(AdminClient(file, token).download("/requests.ndjson"))
    return packaged.read(file)


def _judge(recording: Recording, name: str, mode: Mode, plan: Plan | None) -> Checkup:
    if recording.length < LONG or not sys.stderr.isatty():
        return checkup(recording, name, mode, plan=plan)
    with click.progressbar(length=2 * recording.length, file=sys.stderr, label=printable(name)) as bar:
        return checkup(recording, name, mode, bar.update, plan)
