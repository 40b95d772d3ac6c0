"""A report as a table for a terminal of 80 columns: what it is made of is the report's JSON, whoever has it.

It decides what is worth a line: numbers that are nought, false or unknown are left out unless all are asked for, except
those that a reader looks for. It counts nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mcmock.analytics.metrics import METRICS, Metric, camel
from mcmock.core.printable import printable

WIDTH: Final = 79

ALWAYS: Final = frozenset({
    "media_starts", "content_starts", "content_completes", "content_time_spent", "media_time_spent", "unique_time_played",
    "ad_count", "pause_count", "error_count",
})  # fmt: skip

IN_HEADLINE: Final = frozenset({"session_id", "close_reason", "state", "evicted"})

DOUBTED: Final = " ?"

_WORDS: Final = {True: "yes", False: "no", None: "–"}


def report_text(report: Mapping[str, Any], everything: bool = False) -> str:
    """Return the table of a report's JSON (`Report.to_json`); with `everything`, every number of it."""
    exact = report["exact"]
    numbers = [
        _row(name, metric, report) for name, metric in METRICS.items() if _is_shown(name, metric, exact, everything)
    ]
    parts = [
        _headline(report),
        *_gap(exact["evicted"]),
        *_aligned(("", "", "mediaReporting"), numbers, "<><"),
        *_doubts(report),
        *_records(report),
    ]
    return "\n".join(_clip(line) for part in parts for line in part.split("\n"))


def _headline(report: Mapping[str, Any]) -> str:
    exact, details = report["exact"], report["sessionDetails"]
    stands = exact["state"] if exact["closeReason"] == "open" else f"{exact['closeReason']}, {exact['state']}"
    media = "".join(f", {printable(str(details[key]))}" for key in ("name", "contentType") if key in details)
    return f"session {str(report['sessionId'])[:8]}, {stands}{media}"


def _gap(evicted: int) -> Iterator[str]:
    if evicted:
        noun = "request" if evicted == 1 else "requests"
        yield f"  ! {evicted} {noun} left the full log uncounted: these numbers miss them"


def _is_shown(name: str, metric: Metric, exact: Mapping[str, Any], everything: bool) -> bool:
    if name in IN_HEADLINE:
        return False
    if everything or name in ALWAYS:
        return True
    if name == "in_reports":
        return not exact["inReports"]
    return bool(exact[camel(name)]) and metric.unit != "ms" and not name.endswith("_impacted")


def _row(name: str, metric: Metric, report: Mapping[str, Any]) -> tuple[str, str, str]:
    mark = DOUBTED if camel(name) in _doubted(report) else ""
    return name.replace("_", " "), _value(report["exact"][camel(name)], metric.unit) + mark, metric.field


def _doubted(report: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    doubts: Mapping[str, Sequence[str]] = report.get("doubts", {})
    return doubts  # an older server says nothing of it


def _doubts(report: Mapping[str, Any]) -> Iterator[str]:
    """Which rules are behind the marks: what was found says why."""
    rules = sorted({rule for by in _doubted(report).values() for rule in by})
    if rules:
        yield textwrap.fill(
            f"in doubt by {', '.join(rules)}",
            WIDTH,
            initial_indent="  ? ",
            subsequent_indent="    ",
            break_on_hyphens=False,
        )


def _value(value: Any, unit: str) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if unit == "s":
        return _seconds(value)
    return f"{value:.0f} kbps" if unit == "kbps" else str(value)


def _seconds(value: float) -> str:
    return f"{value:.3f} s"


# -- ads, breaks, chapters, states ----------------------------------------------------------------------------------------


def _records(report: Mapping[str, Any]) -> Iterator[str]:
    breaks = report["adBreaks"]
    yield from _table(
        ("ad break", "ads", "outcome", "ad time"), [_break(place, one) for place, one in enumerate(breaks, 1)]
    )
    yield from _table(("ad", "break", "outcome", "time"), [_ad(one, breaks) for one in report["ads"]])
    yield from _table(("chapter", "", "outcome", "time"), [_chapter(one) for one in report["chapters"]])
    yield from _table(("state", "times", "", "time"), [_state(one) for one in report["states"]])


def _break(place: int, one: Mapping[str, Any]) -> tuple[str, ...]:
    pod = one["advertisingPodDetails"]
    offset = f" at {pod['offset']:g} s" if isinstance(pod.get("offset"), int | float) else ""
    name = f"{place} {pod.get('friendlyName') or ''}".strip() + offset
    return name, str(one["adCount"]), one["outcome"], _seconds(one["exact"]["timeSpent"])


def _ad(one: Mapping[str, Any], breaks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Its break is the last one that began before it did."""
    before = sum(other["startTs"] <= one["startTs"] for other in breaks)
    details = one["advertisingDetails"]
    name = str(details.get("friendlyName") or details.get("name") or "–")
    return name, str(before), one["outcome"], _seconds(one["exact"]["timeSpent"])


def _chapter(one: Mapping[str, Any]) -> tuple[str, ...]:
    details = one["chapterDetails"]
    name = " ".join(str(details[key]) for key in ("index", "friendlyName") if key in details)
    return name or "–", "", one["outcome"], _seconds(one["exact"]["timeSpent"])


def _state(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["name"], str(one["count"]), "", _seconds(one["exact"]["time"])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield ""
        yield from _aligned(head, rows, "<><>", names=36)


def _aligned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], sides: str, names: int = 26) -> Iterator[str]:
    """Columns of at most `names` characters, to the left (<) or to the right (>) as `sides` has it."""
    shown = [tuple(map(printable, row)) for row in (head, *rows)]
    widths = [min(names, max(len(row[column]) for row in shown)) for column in range(len(head))]
    for row in shown:
        cells = [f"{_cut(text, width):{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)]
        yield f"  {'  '.join(cells)}".rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _clip(line: str) -> str:
    return _cut(printable(line), WIDTH)
