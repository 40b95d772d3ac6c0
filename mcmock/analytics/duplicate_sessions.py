"""What can only be seen by looking at several sessions side by side: one view that was started twice.

A pure function of the sessions' summaries. Who keeps the sessions, and which of them belong together, is the caller's
business; it compares the sessions of one scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mcmock.analytics.processing import Summary, viewer_of
from mcmock.analytics.records import text_or_none
from mcmock.core import findings
from mcmock.core.model import Finding, Mode

SAME_VIEW_SECONDS: Final = 60.0

View = tuple[tuple[str, ...], str]
"""Who watches, and what: sessions that have this in common are compared."""


def view_of(params: Mapping[str, Any]) -> View | None:
    """Which view a sessionStart with these params begins; None where it names no viewer."""
    viewer = viewer_of(params)
    return (viewer, text_or_none(params.get("media.id")) or "") if viewer else None


def compare(summaries: Iterable[Summary], mode: Mode = Mode.DEFAULT) -> Mapping[str, tuple[Finding, ...]]:
    """Findings per session id: sessions that stayed empty because their player started another one for the same view.

    Sessions whose sessionStart names no viewer are not compared: nothing would tell one viewer from the next.
    """
    views: dict[View, list[Summary]] = defaultdict(list)
    for summary in summaries:
        if summary.viewer:
            views[summary.viewer, summary.media_id].append(summary)
    orphans = ((one, _partner(one, view)) for view in views.values() for one in view)
    found = {one.session_id: _orphaned(one, other, mode) for one, other in orphans if other is not None}
    return {session_id: finding for session_id, finding in found.items() if finding}


def _partner(one: Summary, view: list[Summary]) -> Summary | None:
    """The session that was started instead of `one`; None while `one` may still be going to do something."""
    if one.events:
        return None
    near = (other for other in view if other is not one and abs(other.started_at - one.started_at) <= SAME_VIEW_SECONDS)
    later = (other for other in near if one.closed or (other.events and other.started_at >= one.started_at))
    return next(later, None)


def _orphaned(one: Summary, other: Summary, mode: Mode) -> tuple[Finding, ...]:
    apart = abs(other.started_at - one.started_at)
    message = (
        f"nothing but sessionStart; {other.session_id} was started for the same viewer and content, {apart:.1f} s apart"
    )
    finding = findings.make_finding("two-sessions-for-one-view", mode, "", message)
    return () if finding is None else (finding,)
