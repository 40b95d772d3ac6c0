"""What can only be seen by looking at several sessions side by side: one view that was started twice.

A pure function of the sessions' summaries. Who keeps the sessions, and which of them belong together, is the caller's
business; it compares the sessions of one scope.

Rules of this file:

1. A start is unread if the same content was started again within UNREAD_SECONDS before any request named its session: the
   player did not know its Location. Of two such sessions the one that stayed empty is at fault, the earlier one of equals.
2. Without a visitor's id two that both have events are one viewer only if the first fell silent before the second spoke.
3. What a fault did to the answer of a start is the fault's: an info.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcmock.analytics.processing import Summary, viewer_of
from mcmock.analytics.records import text_or_none
from mcmock.core import findings
from mcmock.core.events import FieldPaths
from mcmock.core.model import Finding, Mode, Severity

SAME_VIEW_SECONDS: Final = 60.0
UNREAD_SECONDS: Final = 10.0

View = tuple[tuple[str, ...], str]
"""Who watches, and what: sessions that have this in common are compared."""


def view_of(params: Mapping[str, Any], agent: str = "") -> View:
    """Return which view a sessionStart with these params begins. Where it names no viewer, its `agent` stands for one."""
    viewer = viewer_of(params) or ("", agent, text_or_none(params.get("media.playerName")) or "")
    return viewer, text_or_none(params.get("media.id")) or ""


def may_compare(one: Summary, next_opened: float | None) -> bool:
    """Return whether `compare` may have anything to say of a session; `next_opened` is when its view was begun again."""
    if not one.events or not one.first:
        return True
    return next_opened is not None and next_opened - one.started_at <= UNREAD_SECONDS


def compare(summaries: Iterable[Summary], mode: Mode = Mode.DEFAULT) -> Mapping[str, tuple[Finding, ...]]:
    """Return findings per session id: views that their player began more than once.

    The summaries are those of sessions that `view_of` puts together, or of any.
    """
    views: dict[View, list[Summary]] = defaultdict(list)
    for summary in summaries:
        views[summary.viewer, summary.media_id].append(summary)
    found = {}
    for view in views.values():
        ordered = sorted(view, key=lambda one: (one.started, one.started_at))
        for place, one in enumerate(ordered):
            finding = _unread(place, ordered, mode) or _orphaned(one, view, mode)
            if finding is not None:
                found[one.session_id] = (finding,)
    return found


# -- started again before any event -----------------------------------------------------------------------------------------


def _unread(place: int, view: Sequence[Summary], mode: Mode) -> Finding | None:
    one = view[place]
    if not one.started or not one.whole:
        return None
    later = view[place + 1] if place + 1 < len(view) else None
    if later is not None and _is_again(one, later) and not _is_read_late(one, later):
        return _finding(one, _told(one, later, place, view), mode)
    earlier = None if one.first else _earlier(place, view)
    if earlier is None:
        return None
    message = (
        f"{_seconds(earlier, one)} after {earlier.session_id[:8]}, which had no event yet: nothing came for this one"
    )
    return _finding(one, f"started again {message}", mode)


def _is_again(one: Summary, later: Summary) -> bool:
    """Return whether `later` was opened within seconds, before any request named `one`."""
    near = later.started_at - one.started_at <= UNREAD_SECONDS
    return near and (not one.first or one.first > later.started)


def _is_read_late(one: Summary, later: Summary) -> bool:
    """Return whether `one` is not to be blamed: it plays while `later` is empty, or both play and may be two viewers."""
    if not one.first:
        return False
    return not later.first or (not one.viewer and one.last > later.first)


def _earlier(place: int, view: Sequence[Summary]) -> Summary | None:
    """Return the session with events that an empty one was opened beside."""
    one = view[place]
    before = (other for other in reversed(view[:place]) if other.first)
    other = next(before, None)
    return other if other is not None and _is_again(other, one) else None


def _told(one: Summary, later: Summary, place: int, view: Sequence[Summary]) -> str:
    again = f"started again {_seconds(one, later)} later ({later.session_id[:8]}), before any event"
    if one.first:
        return f"{again}: the player did not wait for the answer, and one view is counted as two"
    if later.first:
        return f"{again}: the player never read {_paths(one).session}, and this start is a view without playback"
    starts = 1
    while (
        place + starts < len(view)
        and not view[place + starts].first
        and _is_again(view[place + starts - 1], view[place + starts])
    ):
        starts += 1
    paths = _paths(one)
    return f"{again}: {starts} starts, no event; the player never read {paths.session} ({paths.unread})"


def _paths(one: Summary) -> FieldPaths:
    return one.start.paths if one.start is not None else FieldPaths("", "")


def _seconds(one: Summary, later: Summary) -> str:
    return f"{later.started_at - one.started_at:.1f} s"


def _finding(one: Summary, message: str, mode: Mode) -> Finding | None:
    if one.fault is not None:
        message = f"{message}; the fault {one.fault} met the answer of this start"
    found = findings.make_finding("location-unread", mode, "", message)
    return found._replace(severity=Severity.INFO) if found is not None and one.fault is not None else found


# -- started again within a minute, and one stayed empty --------------------------------------------------------------------


def _orphaned(one: Summary, view: Sequence[Summary], mode: Mode) -> Finding | None:
    """Return what is said of a session that stayed empty. Where no viewer is named, nothing would tell one from the next."""
    other = _partner(one, view) if one.viewer else None
    if other is None:
        return None
    apart = abs(other.started_at - one.started_at)
    message = (
        f"nothing but sessionStart; {other.session_id} was started for the same viewer and content, {apart:.1f} s apart"
    )
    return findings.make_finding("two-sessions-for-one-view", mode, "", message)


def _partner(one: Summary, view: Sequence[Summary]) -> Summary | None:
    """Return the session that was started instead of `one`; None while `one` may still be going to do something."""
    if one.events:
        return None
    near = (other for other in view if other is not one and abs(other.started_at - one.started_at) <= SAME_VIEW_SECONDS)
    later = (other for other in near if one.closed or (other.events and other.started_at >= one.started_at))
    return next(later, None)
