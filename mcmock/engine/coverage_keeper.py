"""Keeps how much the sessions exercised the tracking plan: those to which nothing happens are summed once.

A session's share cannot be taken back. So one is added to what is kept when it is found for the second time as it was, and all of
it is summed anew once one of those that were added has changed, or is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcmock import analytics
from mcmock.core import turns
from mcmock.engine.outcomes import Analysis

if TYPE_CHECKING:
    from mcmock.analytics.plan import Coverage, Covered, Plan


class CoverageKeeper:
    """The coverage of one emulator's plan."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._plan: Plan | None = None
        self._sum: Coverage
        self._added: dict[str, int] = {}  # the sessions in it, and which version of each
        self._seen: dict[str, int] = {}  # which version of each session was found last
        self._is_asked = False

    def covered(self, session_ids: Iterable[str]) -> tuple[Covered, ...]:
        """Return how much these sessions, all there are, exercised each item of the plan; nothing where there is none."""
        plan, ids = self._analysis.plan, [*session_ids]
        if plan is None:
            return ()
        if self._is_asked:  # by a question that pauses: what is kept is its own
            return self._summed(plan, ids).items()
        self._is_asked = True
        try:
            self._keep_what_stands(plan, ids)
            rest = self._summed(plan, [one for one in turns.paused(ids) if one not in self._added])
            return analytics.merged_coverage((self._sum.items(), rest.items()))
        except BaseException:  # it may have been broken off
            self._plan = None
            raise
        finally:
            self._is_asked = False

    def _keep_what_stands(self, plan: Plan, session_ids: list[str]) -> None:
        """Add the sessions that are as they were at the last question."""
        version_of = self._analysis.version_of
        self._analysis.look_at(session_ids)
        added = turns.paused(self._added.items())
        if self._plan is not plan or any(version_of(session_id) != known for session_id, known in added):
            self._plan, self._sum, self._added = plan, analytics.Coverage(plan), {}
        seen, self._seen = self._seen, {one: version_of(one) for one in turns.paused(session_ids)}
        for session_id, version in turns.paused(self._seen.items()):
            if version > 0 and seen.get(session_id) == version and session_id not in self._added:
                self._sum.add(self._analysis.plan_uses(session_id))
                self._added[session_id] = version

    def _summed(self, plan: Plan, session_ids: Iterable[str]) -> Coverage:
        summed = analytics.Coverage(plan)
        for session_id in turns.paused(session_ids):
            summed.add(self._analysis.plan_uses(session_id))
        return summed
