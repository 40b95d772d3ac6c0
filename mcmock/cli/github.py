"""`--format github`: what GitHub Actions shows beside a job. Annotations are lines on stdout, the job summary is a Markdown file.

It words what was judged elsewhere. Recorded text is escaped: no line of it can be a command, and no cell of it a table or HTML.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mcmock.cli.check_output import Fails
from mcmock.cli.saying import remark
from mcmock.core.model import Severity
from mcmock.core.printable import printable, printable_lines
from mcmock.recordings.check import Checkup, Problem

SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of the job summary."""

MAX_ROWS: Final = 500
"""Rows of a table in the summary, of which GitHub takes 1 MiB."""

LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}

_LINE = re.compile(r"line (\d+)")


def check(done: list[Checkup], fails: Fails, environment: Mapping[str, str] = os.environ) -> str:
    """Return the annotations of recordings, the worst first, and write the summary where GitHub wants one."""
    failed = sum(fails.of(one) for one in done)
    verdict = f"{failed} of {len(done)} failed" if failed else "nothing failed"
    _summarize(f"### mcmock check: {verdict}\n\n" + "\n".join(_file_summary(one, fails) for one in done), environment)
    return "\n".join([*(line for one in done for line in _file(one)), f"mcmock check: {verdict}"])


def verification(answer: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> str:
    """Return what a verification has to show, and write the summary where GitHub wants one."""
    return told("mcmock verify", str(answer["result"]), str(answer["message"]), environment)


def told(command: str, result: str, text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return what a command has to show, and write the summary where GitHub wants one; `result` is pass, or not."""
    message = printable_lines(text)
    fence = "`" * (max(map(len, re.findall("`+", message)), default=2) + 1)
    _summarize(f"### {command}: {result}\n\n{fence}text\n{message}\n{fence}", environment)
    return annotation("notice" if result == "pass" else "error", message, title=command)


def annotation(level: str, message: str, **properties: str) -> str:
    """Return one workflow command of GitHub's."""
    named = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    return f"::{level} {named}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _file(one: Checkup) -> Iterator[str]:
    for problem in _ordered(one.problems):
        found = _LINE.fullmatch(problem.place)
        yield annotation(
            LEVELS[problem.severity],
            printable(_message(problem)),
            file=printable(one.name),
            line=found[1] if found else "",
            title=problem.rule,
        )


def _ordered(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: list(Severity).index(problem.severity))


def _message(problem: Problem) -> str:
    event = f"{problem.event_type}: " if problem.event_type else ""
    place = f" ({problem.place})" if problem.place and not _LINE.fullmatch(problem.place) else ""
    return f"{event}{problem.message}{place}"


def _file_summary(one: Checkup, fails: Fails) -> str:
    mark = "❌" if fails.of(one) else "✅"
    counts = ", ".join(f"{one.count(severity)} {severity}" for severity in Severity)
    head = f"{mark} **{_cell(one.name)}**: {len(one.requests)} requests, {len(one.sessions)} sessions; {counts}\n"
    problems = _ordered(one.problems)
    rows = [f"| {problem.severity} | {_cell(problem.rule)} | {_cell(_message(problem))} |" for problem in problems]
    left_out = [f"\n{len(rows) - MAX_ROWS} more are left out.\n"] if len(rows) > MAX_ROWS else []
    table = ["", "| | rule | |", "|---|---|---|", *rows[:MAX_ROWS], ""] if rows else []
    return "\n".join([head, *table, *left_out])


def _cell(text: str) -> str:
    return re.sub(r"[\\`*_\[\]|<>&@#~]", lambda found: f"&#{ord(found[0])};", printable(text))


def _summarize(markdown: str, environment: Mapping[str, str]) -> None:
    path = environment.get(SUMMARY)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown + "\n")
    except OSError as error:
        remark(f"{SUMMARY} {path}: {error.strerror}")
