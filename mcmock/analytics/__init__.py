"""What Analytics would count of a session, what it would ignore, and why. Pure: no HTTP, no clock, no storage.

`Judge` takes events in order of arrival and gives a `Judgement` at any moment; `judge_session` does a whole session at once.
"""

from mcmock.analytics.between_sessions import compare_with_previous
from mcmock.analytics.duplicate_sessions import View, compare, may_compare, view_of
from mcmock.analytics.metrics import GROUPS, METRICS, RECORD_METRICS, Metric, camel
from mcmock.analytics.processing import Judge, Judgement, Summary, judge_session
from mcmock.analytics.records import Ad, AdBreak, Chapter, Close, Span, State
from mcmock.analytics.report import RECORD_FIELDS, REPORTED_FIELDS, Report

__all__ = [
    "GROUPS",
    "METRICS",
    "RECORD_FIELDS",
    "RECORD_METRICS",
    "REPORTED_FIELDS",
    "Ad",
    "AdBreak",
    "Chapter",
    "Close",
    "Judge",
    "Judgement",
    "Metric",
    "Report",
    "Span",
    "State",
    "Summary",
    "View",
    "camel",
    "compare",
    "compare_with_previous",
    "judge_session",
    "may_compare",
    "view_of",
]
