"""A Checkup as text for a terminal, as JSON, and as JUnit XML for a build server. It words and lays out; it judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from xml.etree import ElementTree

from mcmock.analytics.causes import follows
from mcmock.analytics.text import report_text
from mcmock.checks import timeline_text
from mcmock.checks.verdict import fails_at
from mcmock.core.findings import FailOn
from mcmock.core.model import Severity
from mcmock.core.printable import printable, printable_lines
from mcmock.recordings.check import Checkup, Problem
from mcmock.serialization import json_shapes

PLACES = 2
"""Places that are named of one problem; the rest is counted."""


class Fails(NamedTuple):
    """From what on a file fails, and the rules that are expected."""

    fail_on: FailOn = FailOn.LOST
    allow: frozenset[str] = frozenset()

    def of(self, one: Checkup) -> bool:
        return one.fails(self.fail_on, self.allow)

    def by(self, problem: Problem) -> bool:
        return fails_at(problem.level, self.fail_on) and problem.rule not in self.allow


_ORDER = {severity: place for place, severity in enumerate(Severity)}  # the worst first


# -- text -----------------------------------------------------------------------------------------------------------------


def text(done: list[Checkup], fails: Fails, with_reports: bool = False) -> str:
    parts = ["\n".join(_file(one, with_reports)) for one in done]
    failed = sum(map(fails.of, done))
    found = [timeline_text.plural(sum(one.count(severity) for one in done), severity) for severity in Severity]
    verdict = f"{failed} of {len(done)} failed" if failed else "nothing failed"
    return "\n\n".join([*parts, f"{timeline_text.plural(len(done), 'file')}: {', '.join(found)}; {verdict}"])


def _file(one: Checkup, with_reports: bool) -> Iterator[str]:
    total = len(one.requests) + one.others
    count = f"{len(one.requests)} of {total} requests" if one.others else timeline_text.plural(total, "request")
    yield f"{printable(one.name)}: {one.kind}, {count} to this API, {timeline_text.plural(len(one.sessions), 'session')}"
    strays, of_session = _by_session(one)
    yield from _problems(strays, "  ")
    clean = 0
    for place, session_id in enumerate(one.session_ids):
        found = of_session.get(session_id, [])
        if not found and not with_reports and len(one.sessions) > timeline_text.SESSIONS:
            clean += 1
            continue
        view = one.sessions[place]
        yield f"  {timeline_text.headline(view)}"
        yield from _problems(found, "    ")
        if with_reports:
            yield (
                "\n"
                + "\n".join(f"    {line}" for line in report_text(view.report.to_json(why=False)).splitlines())
                + "\n"
            )
    if clean:
        yield f"  {timeline_text.plural(clean, 'session')} without any finding"


def _by_session(one: Checkup) -> tuple[list[Problem], dict[str, list[Problem]]]:
    """Return the problems of no session, and those of each that has any."""
    of_session: dict[str, list[Problem]] = {}
    known, strays = frozenset(one.session_ids), list[Problem]()
    for problem in one.problems:
        session_id = problem.session_id
        if session_id is not None and session_id in known:
            of_session.setdefault(session_id, []).append(problem)
        else:
            strays.append(problem)
    return strays, of_session


def _problems(problems: Iterable[Problem], indent: str) -> Iterator[str]:
    """One rule is told once, with the places where it was broken; causes before what follows from them."""
    ordered = sorted(problems, key=lambda problem: (follows(problem.message), _ORDER[problem.severity], problem.rule))
    for _, alike in groupby(ordered, key=lambda problem: (follows(problem.message), problem.severity, problem.rule)):
        same = list(alike)
        yield timeline_text.clip(
            f"{indent}{same[0].severity:<8} {same[0].rule}  {_places(same)}".rstrip(), timeline_text.WIDTH + 3
        )
        yield timeline_text.wrapped(same[0].message, indent + " " * 9)


def _places(same: Sequence[Problem]) -> str:
    where = [f"{problem.event_type or ''} {problem.place}".strip() for problem in same if problem.place]
    more = len(where) - PLACES
    return ", ".join(where[:PLACES]) + (f" and {more} more" if more > 0 else "")


# -- JSON -----------------------------------------------------------------------------------------------------------------


def to_json(done: list[Checkup], fails: Fails) -> dict[str, Any]:
    files = [_file_json(one, fails) for one in done]
    return {"result": _result(any(map(fails.of, done))), "failOn": fails.fail_on, "files": files}


def _result(failed: bool) -> str:
    return "fail" if failed else "pass"


def _file_json(one: Checkup, fails: Fails) -> dict[str, Any]:
    return {
        "file": one.name,
        "kind": one.kind,
        "result": _result(fails.of(one)),
        "counts": {severity: one.count(severity) for severity in Severity},
        "others": one.others,
        "problems": [_problem_json(problem) for problem in one.problems],
        "sessions": [
            {**json_shapes.view_to_json(view), "report": view.report.to_json(why=False)} for view in one.sessions
        ],
        "requests": [
            {**json_shapes.brief_to_json(request.exchange), "place": request.place, "answered": request.answered}
            for request in one.requests
        ],
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
        "place": problem.place,
        "eventType": problem.event_type,
        "sessionId": problem.session_id,
    }


# -- JUnit ----------------------------------------------------------------------------------------------------------------


def junit(done: list[Checkup], fails: Fails) -> str:
    """Return a suite a file, a test case a session, and one for what belongs to no session."""
    root = ElementTree.Element("testsuites", name="mcmock check")
    for one in done:
        suite = ElementTree.SubElement(root, "testsuite", name=printable(one.name))
        failed = list(_cases(one, suite, fails))
        suite.set("tests", str(len(failed)))
        suite.set("failures", str(sum(failed)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _cases(one: Checkup, suite: ElementTree.Element, fails: Fails) -> Iterator[bool]:
    strays, of_session = _by_session(one)
    yield _case(one, suite, "the file as a whole", strays, fails)
    for session_id in one.session_ids:
        yield _case(one, suite, f"session {session_id}", of_session.get(session_id, []), fails)


def _case(one: Checkup, suite: ElementTree.Element, name: str, found: list[Problem], fails: Fails) -> bool:
    case = ElementTree.SubElement(suite, "testcase", classname=printable(one.name), name=printable(name))
    failing = [problem for problem in found if fails.by(problem)]
    for problem in failing[:1]:
        failure = ElementTree.SubElement(case, "failure", type=problem.rule, message=printable(problem.message))
        failure.text = _xml("\n".join(_problems(failing, "")))
    if len(failing) < len(found):
        rest = [problem for problem in found if problem not in failing]
        ElementTree.SubElement(case, "system-out").text = _xml("\n".join(_problems(rest, "")))
    return bool(failing)


def _xml(value: str) -> str:
    """Text that XML can hold: what it forbids is among what cannot be seen."""
    return printable_lines(value)
