"""What Analytics would count of a session, what it would ignore, and why. Pure: no HTTP, no clock, no storage.

`Judge` takes events in order of arrival and gives a `Judgement` at any moment; `judge_session` does a whole session at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.analytics.between_sessions import compare_with_previous
    from mcmock.analytics.causes import Causes, Missing
    from mcmock.analytics.duplicate_sessions import View, compare, may_compare, view_of
    from mcmock.analytics.metrics import GROUPS, METRICS, RECORD_METRICS, Metric, camel
    from mcmock.analytics.plan import Coverage, PlannedSession, merged_coverage
    from mcmock.analytics.processing import Judge, Judgement, Summary, judge_session
    from mcmock.analytics.records import Ad, AdBreak, Chapter, Close, Span, State
    from mcmock.analytics.report import RECORD_FIELDS, REPORTED_FIELDS, Report
    from mcmock.analytics.views import SessionOutline, SessionView
else:
    __getattr__ = handing_over(
        __name__,
        between_sessions="compare_with_previous",
        causes="Causes Missing",
        duplicate_sessions="View compare may_compare view_of",
        metrics="GROUPS METRICS RECORD_METRICS Metric camel",
        plan="Coverage PlannedSession merged_coverage",
        processing="Judge Judgement Summary judge_session",
        records="Ad AdBreak Chapter Close Span State",
        report="RECORD_FIELDS REPORTED_FIELDS Report",
        views="SessionOutline SessionView",
    )

__all__ = [
    "GROUPS", "METRICS", "RECORD_FIELDS", "RECORD_METRICS", "REPORTED_FIELDS", "Ad", "AdBreak", "Causes", "Chapter",
    "Close", "Coverage", "Judge", "Judgement", "Metric", "Missing", "PlannedSession", "Report", "SessionOutline",
    "SessionView", "Span", "State", "Summary", "View", "camel", "compare", "compare_with_previous", "judge_session",
    "may_compare", "merged_coverage", "view_of",
]  # fmt: skip
