"""A comparison in words, for a terminal of 80 columns: what differs, part by part, then what is known and set apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from mcmock.analytics import METRICS, camel
from mcmock.analytics.views import SessionView
from mcmock.checks import timeline_text
from mcmock.checks.comparison import KNOWN, REPORTED, Change, Comparison, Difference, Part, api_of
from mcmock.checks.timeline_text import WIDTH, clip, plural, sent, short
from mcmock.core import turns

MAX_LINES: Final = 40
"""Lines of one part; the rest is counted."""

SIGNS: Final = {Change.LOST: "-", Change.NEW: "+", Change.DIFFERENT: "!"}

_UNITS: Final = {camel(name): metric.unit for name, metric in METRICS.items() if metric.unit in ("s", "kbps")}
_TITLES: Final = {
    Part.REPORT: "report", Part.EVENTS: "events", Part.PARAMS: "params", Part.METADATA: "custom metadata",
    Part.QUALITY: "quality",
}  # fmt: skip
_ORDER: Final = {part: place for place, part in enumerate(Part)}
_LEGEND: Final = "- in the old session alone, + in the new one alone, ! different"
_NAMED: Final = 3
"""Events that are named of a known difference; the rest is counted."""


def text(done: Comparison, old: str = "", new: str = "", *, count_known: bool = False) -> str:
    """Return what differs between two sessions. `old` and `new` are the names of the recordings that they are from.

    `count_known` counts known differences among the others.
    """
    counted = done.counted(count_known=count_known)
    parts = ["\n".join([_side("old", done.old, old), _side("new", done.new, new)]), "\n".join(_verdict(done, counted))]
    by_part = turns.sorted_in_turns(counted, lambda one: _ORDER[one.part])
    for part, found in groupby(turns.paused(by_part), lambda one: one.part):
        parts.append("\n".join([_TITLES[part], *_listed(list(found))]))
    if done.set_apart and not count_known:
        parts.append("\n".join(["set apart, because SDKs are known to differ so", *_set_apart(done)]))
    return "\n\n".join(parts)


def verdict(done: Comparison, *, count_known: bool = False) -> str:
    """Return in one sentence whether the sessions are the same."""
    return next(_verdict(done, done.counted(count_known=count_known)))


def _side(which: str, view: SessionView, name: str) -> str:
    media = view.report.params.get("media.id")
    api = api_of(view) or "no requests"
    words = [f"session {short(view.id)}", api, plural(len(view.events), "event"), *([sent(media)] if media else [])]
    told = ", ".join(words)
    return "\n".join(
        clip(line, WIDTH) for line in ([f"{which}  {name}", f"     {told}"] if name else [f"{which}  {told}"])
    )


def _verdict(done: Comparison, counted: Sequence[Difference]) -> Iterator[str]:
    apart = sum(map(len, done.set_apart.values()))
    known = (
        f"; {plural(apart, 'known difference')} set apart"
        if apart and not any(one.known for one in turns.paused(counted))
        else ""
    )
    if not counted:
        yield f"the same, times and playheads within {done.within:g} s{known}"
    elif all(one.part not in REPORTED for one in turns.paused(counted)):
        yield f"the same report, but {_differences(counted)}{known}"
    else:
        yield f"{_differences(counted)}{known}"
    if counted:
        yield f"({_LEGEND})"
    if done.left_out:
        yield f"{plural(done.left_out, 'event')} of these long sessions were not compared"


def _differences(counted: Sequence[Difference]) -> str:
    return f"{plural(len(counted), 'difference')}: {', '.join(_counts(counted))}"


def _counts(counted: Sequence[Difference]) -> Iterator[str]:
    found = Counter(one.change for one in turns.paused(counted))
    for change in Change:
        if found[change]:
            yield f"{found[change]} {change}"


# -- the differences of one part ------------------------------------------------------------------------------------------


def _listed(found: Sequence[Difference]) -> Iterator[str]:
    """Yield a line for each difference; one for all events where the same param differs in the same way."""
    groups = _alike(found)
    yield from map(_line, groups[:MAX_LINES])
    if len(groups) > MAX_LINES:
        yield f"    and {len(groups) - MAX_LINES} more"


def _alike(found: Iterable[Difference]) -> list[list[Difference]]:
    groups: dict[Any, list[Difference]] = {}
    for number, one in enumerate(turns.paused(found)):
        key = number if one.part in (Part.REPORT, Part.EVENTS) else (one.part, one.change, one.name)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _line(alike: Sequence[Difference]) -> str:
    first = alike[0]
    more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    return clip(f"  {SIGNS[first.change]} {_words(first)}{more}", WIDTH)


def _words(one: Difference) -> str:
    """Return a difference in words; the record or event that it is about stands where a reader looks for it."""
    if one.part is Part.EVENTS:
        if one.name == "event" and one.old is None and one.new is None:
            return one.about
        return f"{one.about}: {one.name} {_values(one)}"
    if one.part is Part.REPORT:
        return f"{f'{one.about} ' if one.about else ''}{one.name}  {_values(one)}"
    where = "" if one.about.startswith("sessionStart") else f"  ({one.about})"
    return f"{one.name}  {_values(one)}{where}"


def _values(one: Difference) -> str:
    old, new = (_value(one, value) for value in (one.old, one.new))
    if one.change is Change.DIFFERENT or one.part in (Part.REPORT, Part.EVENTS):
        return f"{old} -> {new}"
    return old if one.change is Change.LOST else new


def _value(one: Difference, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = round(value, 3)
    is_time = one.name in ("time", "timeSpent", "playhead")
    return sent(value) + (f" {_UNITS.get(one.name, 's')}" if one.name in _UNITS or is_time else "")


def _set_apart(done: Comparison) -> Iterator[str]:
    for name, found in done.set_apart.items():
        yield from timeline_text.wrapped(f"{name} ({len(found)}): {KNOWN[name].about}", "  ").splitlines()
        told = list(dict.fromkeys(_named(one) for one in turns.paused(found)))
        more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        yield from timeline_text.wrapped(f"{', '.join(told[:_NAMED])}{more}", "      ").splitlines()


def _named(one: Difference) -> str:
    """Return a known difference by as little as tells it from others of its name."""
    if one.part is Part.EVENTS:
        return one.about
    return f"{one.about} {one.name}" if one.part is Part.REPORT and one.about else one.name
