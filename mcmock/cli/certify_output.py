"""A certificate as text for a terminal, as JSON, as JUnit XML, and as a page that prints. It lays out, and judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any, NamedTuple
from xml.etree import ElementTree

import mcmock
from mcmock.checks import timeline_text
from mcmock.checks.certification import Certified, Judged, Occasion, Result
from mcmock.checks.timeline_text import plural
from mcmock.core.events import Event
from mcmock.core.printable import printable, printable_lines

SHOWN = 3
"""Occasions, and events of each, that are shown of a point; the rest is counted."""


class Certificate(NamedTuple):
    """The points over the sessions of some recordings. `places` says where in them a request stands, by session and seq."""

    names: tuple[str, ...]
    sessions: int
    points: tuple[Certified, ...]
    required: frozenset[str] = frozenset()
    places: Mapping[tuple[str | None, int], str] = {}

    def count(self, result: Result) -> int:
        return sum(one.result is result for one in self.points)

    def fails(self, one: Certified) -> bool:
        return one.result is Result.FAILED or (one.result is Result.NOT_EXERCISED and one.point.id in self.required)

    @property
    def result(self) -> Result:
        """Whether all is well: no point failed, and each required one was exercised. Nothing is proven without a session."""
        return Result.FAILED if not self.sessions or any(map(self.fails, self.points)) else Result.PASSED

    def place(self, judged: Judged, event: Event) -> str:
        """Return where the request stands: in its file, or as which number in the log that it was recorded in."""
        return self.places.get((judged.session_id, event.seq)) or f"seq {event.seq}"

    def summary(self) -> str:
        counts = ", ".join(
            f"{self.count(result)} {result}" for result in (Result.PASSED, Result.FAILED, Result.NOT_EXERCISED)
        )
        return f"{plural(len(self.points), 'point')} over {plural(self.sessions, 'session')}: {counts}"

    def why(self, one: Certified) -> str:
        """Return what to say of a point: what failed, or the first thing that shows it."""
        if one.result is Result.NOT_EXERCISED:
            return "required, but no session exercised it" if one.point.id in self.required else ""
        occasions = [occasion for judged in one.sessions for occasion in judged.occasions]
        return next((found.message for found in occasions if not found.passed), occasions[0].message)


# -- text -----------------------------------------------------------------------------------------------------------------

_MARKS = {Result.PASSED: "pass", Result.FAILED: "FAIL", Result.NOT_EXERCISED: "-"}


def text(done: Certificate) -> str:
    lines: list[str] = []
    for group, points in groupby(done.points, key=lambda one: one.point.group):
        lines += [group, *(line for one in points for line in _lines(done, one)), ""]
    if not done.sessions:
        lines.append("there is no session, so nothing was proven")
    return "\n".join([*lines, done.summary()])


def _lines(done: Certificate, one: Certified) -> Iterator[str]:
    yield f"  {_MARKS[one.result]:<5}{one.point.id:<17}{one.point.title}"
    if done.fails(one):
        yield timeline_text.wrapped(one.point.asks, _INDENT)
    if one.result is Result.NOT_EXERCISED:
        if why := done.why(one):
            yield timeline_text.wrapped(why, _INDENT)
        return
    shown = list(_chosen(one))
    for judged, occasion in shown[:SHOWN]:
        words = f"{occasion.message} ({_events(done, judged, occasion)})" if occasion.events else occasion.message
        yield (
            timeline_text.clip(_INDENT + words, timeline_text.WIDTH + 3)
            if occasion.passed
            else timeline_text.wrapped(words, _INDENT)
        )
    if len(shown) > SHOWN:
        yield f"{_INDENT}and {len(shown) - SHOWN} more"


_INDENT = " " * 7


def _chosen(one: Certified) -> Iterator[tuple[Judged, Occasion]]:
    """Yield the occasions to show: those that failed, or the first that passed."""
    every = [(judged, occasion) for judged in one.sessions for occasion in judged.occasions]
    failed = [each for each in every if not each[1].passed]
    yield from failed or every[:1]


def _events(done: Certificate, judged: Judged, occasion: Occasion) -> str:
    told = [_event(done, judged, event) for event in occasion.events[:SHOWN]]
    more = len(occasion.events) - SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _event(done: Certificate, judged: Judged, event: Event) -> str:
    return f"{done.place(judged, event)} {event.event_type} at {event.playhead:g} s"


# -- JSON -----------------------------------------------------------------------------------------------------------------


def to_json(done: Certificate) -> dict[str, Any]:
    return {
        "result": "pass" if done.result is Result.PASSED else "fail",
        "files": list(done.names),
        "sessions": done.sessions,
        "counts": {"passed": done.count(Result.PASSED), "failed": done.count(Result.FAILED),
                   "notExercised": done.count(Result.NOT_EXERCISED)},
        "points": [_point_json(done, one) for one in done.points],
    }  # fmt: skip


def _point_json(done: Certificate, one: Certified) -> dict[str, Any]:
    point = one.point
    return {
        "id": point.id, "group": point.group, "title": point.title, "asks": point.asks, "source": point.source,
        "required": point.id in done.required, "result": one.result,
        "sessions": [_judged_json(done, judged) for judged in one.sessions],
    }  # fmt: skip


def _judged_json(done: Certificate, judged: Judged) -> dict[str, Any]:
    occasions = [
        {
            "passed": one.passed,
            "message": one.message,
            "requests": [_event_json(done, judged, event) for event in one.events],
        }
        for one in judged.occasions
    ]
    return {"sessionId": judged.session_id, "result": judged.result, "occasions": occasions}


def _event_json(done: Certificate, judged: Judged, event: Event) -> dict[str, Any]:
    place = done.place(judged, event)
    seq = int(place.removeprefix(_SEQ)) if place.startswith(_SEQ) else event.seq
    return {"seq": seq, "place": place, "event": event.event_type, "playhead": event.playhead, "ts": event.ts}


_SEQ = "seq "


# -- JUnit ----------------------------------------------------------------------------------------------------------------


def junit(done: Certificate) -> str:
    """Return a suite a group, a test case a point; what was not exercised is skipped."""
    root = ElementTree.Element("testsuites", name="mcmock certify")
    for group, points in groupby(done.points, key=lambda one: one.point.group):
        suite = ElementTree.SubElement(root, "testsuite", name=group)
        counts = [_case(done, one, suite) for one in points]
        for name, word in (("tests", ""), ("failures", "failure"), ("skipped", "skipped")):
            suite.set(name, str(sum(not word or count == word for count in counts)))
    if not done.sessions:
        suite = ElementTree.SubElement(root, "testsuite", name="Sessions", tests="1", failures="1", skipped="0")
        case = ElementTree.SubElement(suite, "testcase", classname="mcmock certify", name="there is a session")
        ElementTree.SubElement(case, "failure", message="there is no session, so nothing was proven")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _case(done: Certificate, one: Certified, suite: ElementTree.Element) -> str:
    case = ElementTree.SubElement(suite, "testcase", classname=one.point.id, name=one.point.title)
    lines = printable_lines("\n".join(_lines(done, one)))
    if done.fails(one):
        failure = ElementTree.SubElement(case, "failure", message=printable(done.why(one)))
        failure.text = lines
        return "failure"
    if one.result is Result.NOT_EXERCISED:
        ElementTree.SubElement(case, "skipped", message="no session exercised it")
        return "skipped"
    ElementTree.SubElement(case, "system-out").text = lines
    return ""


# -- a page that prints -----------------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light; }
body { font: 11pt/1.4 system-ui, sans-serif; color: #111; background: #fff; max-width: 60rem; margin: 2rem auto; }
main { padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #bbb; overflow-wrap: anywhere; }
th:nth-child(1) { width: 16%; } th:nth-child(2) { width: 38%; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
.passed td:first-child { color: #05601d; } .failed td:first-child { color: #a30d0d; font-weight: 700; }
.not-exercised { color: #555; }
small { display: block; color: #555; }
ul { margin: 0; padding-left: 1.1rem; }
@media print { main { padding: 0; } body { margin: 0; max-width: none; font-size: 9pt; } @page { margin: 15mm; } }
"""


def html(done: Certificate) -> str:
    """One page that asks for nothing: no script, no other file."""
    verdict = "passed" if done.result is Result.PASSED else "failed"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>mcmock certify: {verdict}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>Validation of media tracking: {verdict}</h1>",
        f"<p>{_escaped(', '.join(done.names))}<br>{_escaped(done.summary())}<br><small>mcmock {mcmock.__version__}</small></p>",
        *([] if done.sessions else ["<p>There is no session, so nothing was proven.</p>"]),
    ]
    for group, points in groupby(done.points, key=lambda one: one.point.group):
        parts += [f"<h2>{_escaped(group)}</h2>", _table(done, points)]
    return "\n".join([*parts, "</main>\n</body>\n</html>"])


def _table(done: Certificate, points: Iterable[Certified]) -> str:
    rows = "\n".join(_row(done, one) for one in points)
    head = "<thead><tr><th>Result</th><th>Point</th><th>Shown by</th></tr></thead>"
    return f"<table>\n{head}\n<tbody>\n{rows}\n</tbody>\n</table>"


def _row(done: Certificate, one: Certified) -> str:
    point, required = one.point, " (required)" if one.point.id in done.required else ""
    source = f"<small>{_escaped(point.id)} · {_escaped(point.source)}</small>"
    asks = f"<b>{_escaped(point.title)}</b><br>{_escaped(point.asks)}{source}"
    kind = str(one.result).replace(" ", "-") + (" failed" if done.fails(one) else "")
    return f'<tr class="{kind}"><td>{one.result}{required}</td><td>{asks}</td><td>{_shown(done, one)}</td></tr>'


def _shown(done: Certificate, one: Certified) -> str:
    if one.result is Result.NOT_EXERCISED:
        return ""
    chosen = list(_chosen(one))
    items = [
        f"<li>{_escaped(occasion.message)}<small>session {_escaped(judged.session_id[:8])}: "
        f"{_escaped(_events(done, judged, occasion))}</small></li>"
        for judged, occasion in chosen[:SHOWN]
    ]
    more = f"<li>and {len(chosen) - SHOWN} more</li>" if len(chosen) > SHOWN else ""
    return f"<ul>{''.join(items)}{more}</ul>"


def _escaped(words: str) -> str:
    return escape(printable(words))
