"""`mcmock plan`: writes a tracking plan, judges recordings by it, and tells what of it no session exercised.

It reads files, or a server's log, and prints; `mcmock.analytics.plan` judges.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from mcmock.analytics import plan_format, plan_init
from mcmock.analytics.plan import RULES, Covered, Item, Row, merged_coverage
from mcmock.checks import timeline_text
from mcmock.checks.timeline_text import plural
from mcmock.cli.check import FORMATS, judged, plan_named
from mcmock.cli.check_output import Fails
from mcmock.cli.options import File
from mcmock.cli.saying import remark, say
from mcmock.core.model import Severity
from mcmock.recordings.check import Checkup
from mcmock.serialization import json_shapes

PLAN_FILE = "plan.toml"

_files = click.argument("files", nargs=-1, required=True, metavar="FILE…")
_plan = click.option(
    "--plan", "path", type=File(), default=PLAN_FILE, show_default=True, envvar="MCMOCK_PLAN", help="The tracking plan."
)
_token = click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The --admin-token of a server whose log is read.")


@click.group()
def plan() -> None:
    """Hold traffic to a plan of what each content type must send.

    FILE is what mcmock check takes: a HAR, a log export, a journal, a timeline, a recording of a client, or a server's URL.
    """


@plan.command()
@_files
@click.option(
    "--plan", "path", type=File(), default=PLAN_FILE, show_default=True, help="The file to write; - prints it instead."
)
@click.option("--force", is_flag=True, help="Write over a plan that is there.")
@_token
def init(files: tuple[str, ...], path: Path, force: bool, token: str | None) -> None:
    """Write a plan from recorded sessions: what all of a content type sent is required, the rest optional."""
    sessions = [view.taken_in for file in files for view in judged(file, token=token).sessions]
    try:
        text = plan_init.write(sessions)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if str(path) == "-":
        say(text.rstrip("\n"))
        return
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} is there already: --force writes over it, --plan names another file") from None
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    remark(
        f"wrote {path}: {plural(len(plan_format.from_toml(text).items), 'row')} from {plural(len(sessions), 'session')}"
    )


@plan.command()
@_files
@_plan
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to print."
)
@_token
def check(files: tuple[str, ...], path: Path, form: str, token: str | None) -> None:
    """Judge recorded traffic by the plan, and by what the API refuses. Exits 1 if something is not as it should be."""
    found = plan_named(path)
    done = [_about_plan(judged(file, plan=found, token=token)) for file in files]
    say(FORMATS[form](done, Fails(), False))
    sys.exit(1 if any(one.fails() for one in done) else 0)


def _about_plan(done: Checkup) -> Checkup:
    """Return what the plan found, and errors of any kind: what was refused is not there for the plan to judge."""
    kept = (one for one in done.problems if one.rule in RULES or one.severity is Severity.ERROR)
    return done._replace(problems=tuple(kept))


@plan.command()
@_files
@_plan
@click.option("--json", "as_json", is_flag=True, help="The coverage as the control API has it.")
@click.option("--fail", is_flag=True, help="Exit 1 if there is a row that no session exercised.")
@_token
def coverage(files: tuple[str, ...], path: Path, as_json: bool, fail: bool, token: str | None) -> None:
    """Tell which rows of the plan no session exercised."""
    found = plan_named(path)
    covered = merged_coverage(judged(file, plan=found, token=token).covered for file in files)
    say(json.dumps(json_shapes.coverage_to_json(covered), indent=2) if as_json else _table(covered))
    sys.exit(1 if fail and not all(one.judged for one in covered) else 0)


def _table(covered: tuple[Covered, ...]) -> str:
    """Return a line for each item, below what it is about, those that no session exercised marked; and how many there are."""
    lines = [_COLUMNS.format("", "judged", "failed", "")]
    for about, alike in groupby(covered, key=lambda one: _about(one.item)):
        lines += [about, *(line for one in alike for line in _lines(one))]
    missing = sum(not one.judged for one in covered)
    return "\n".join(
        [*lines, "", f"{len(covered) - missing} of {plural(len(covered), 'row')} exercised, {missing} not"]
    )


_COLUMNS = "{:<2}{:>6}{:>8}  {}"


def _about(item: Item) -> str:
    return item.where if isinstance(item, Row) else "all content" if item.content is None else f"{item.content} content"


def _lines(one: Covered) -> Iterator[str]:
    item = one.item
    words = f"{item.words} ({item.presence})" if isinstance(item, Row) else item.words
    yield _COLUMNS.format("" if one.judged else "!", one.judged or "–", one.failed or "–", words)
    if one.judged and one.unseen:
        yield timeline_text.wrapped(f"never sent: {', '.join(map(str, one.unseen))}", " " * 18)


@plan.command()
def schema() -> None:
    """Print the JSON schema of a plan, for editors that complete and check it."""
    say(json.dumps(plan_format.schema(), indent=2))
