"""`mcmock check`: the judgement of recorded traffic, without a server. It reads files and prints; `recordings.check` judges."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from mcmock.cli import check_output
from mcmock.cli.saying import say
from mcmock.core.model import Mode
from mcmock.core.printable import printable
from mcmock.recordings import files as saved
from mcmock.recordings import formats
from mcmock.recordings.check import Checkup, checkup
from mcmock.recordings.formats import Recording

LONG = 5_000
"""Requests from which on a terminal gets a progress bar."""

FORMATS: dict[str, Callable[[list[Checkup], str, bool], str]] = {
    "text": check_output.text,
    "json": lambda done, fail_on, _: json.dumps(check_output.to_json(done, fail_on), indent=2),
    "junit": lambda done, fail_on, _: check_output.junit(done, fail_on),
}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to print."
)
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True,
    help="What makes it exit 1.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Judge as serve --strict does.")
@click.option("--loose", is_flag=True, help="Judge as serve --loose does.")
@click.option("--report", "with_reports", is_flag=True, help="Print what Analytics would count of each session, too.")
def check(files: tuple[str, ...], form: str, fail_on: str, strict: bool, loose: bool, with_reports: bool) -> None:
    """Judge recorded traffic: what would have been counted, what ignored, what rejected, and why.

    FILE is a HAR (of a browser or a proxy), a log export (NDJSON), a journal, a timeline or a recording of a client; - is
    standard input. Exits 1 if something is wrong with it, 2 if it cannot be read.
    """
    if strict and loose:
        raise click.UsageError("--strict and --loose exclude each other: choose one")
    mode = Mode.STRICT if strict else Mode.LOOSE if loose else Mode.DEFAULT
    done = [_check(file, mode) for file in files]
    say(FORMATS[form](done, fail_on, with_reports))
    sys.exit(1 if any(one.fails(fail_on) for one in done) else 0)


def _check(file: str, mode: Mode) -> Checkup:
    name = "standard input" if file == "-" else file
    try:
        return _judge(_recording(file), name, mode)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror or error}") from None
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None


def _recording(file: str) -> Recording:
    if file == "-":
        return formats.read(sys.stdin.buffer.read())
    return saved.read(Path(file))


def _judge(recording: Recording, name: str, mode: Mode) -> Checkup:
    if recording.length < LONG or not sys.stderr.isatty():
        return checkup(recording, name, mode)
    with click.progressbar(length=2 * recording.length, file=sys.stderr, label=printable(name)) as bar:
        return checkup(recording, name, mode, bar.update)
