"""Every timeline of fixtures/timelines, judged: the findings and the numbers that were computed by hand beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcmock.analytics import METRICS, Close, Judge, Judgement, Report
from mcmock.core import findings
from mcmock.core.clock import Clock
from mcmock.core.model import Kind, Mode, Outcome
from mcmock.engine import Emulator
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection.events import event_from
from mcmock.recordings.replay_plan import different_report
from mcmock.recordings.timeline import Step, Timeline, parse
from tests.conftest import post

FOLDER = Path(__file__).parents[2] / "fixtures" / "timelines"
START_MS = 1_700_000_000_000


def load(path: Path) -> Timeline:
    return parse(json.loads(path.read_text(encoding="utf-8")), START_MS)


def turned_away(path: Path) -> bool:
    """Whether a request of this timeline reaches no session, so that there is nothing for the judge to read."""
    return any((step.status or 0) >= 400 for step in load(path).steps)


FILES = sorted(path for path in FOLDER.glob("*.json") if not turned_away(path))
TURNED_AWAY = sorted(filter(turned_away, FOLDER.glob("*.json")))


def close_of(timeline: Timeline) -> Close:
    """How the session ended: as the timeline says, else by its sessionEnd, else not yet."""
    if timeline.close is not None:
        return Close(timeline.close.reason, START_MS / 1000 + timeline.close.at)
    last = timeline.steps[-1]
    ended = any(isinstance(step.body, dict) and step.body["eventType"] == "sessionEnd" for step in timeline.steps)
    return Close("ended" if ended else "open", START_MS / 1000 + last.at)


def judged(timeline: Timeline, mode: Mode = Mode.DEFAULT) -> Judgement:
    judge = Judge("sid", mode, timeline.steps[0].kind is Kind.DOWNLOADED)
    for seq, step in enumerate(timeline.steps, 1):
        for element in step.body if isinstance(step.body, list) else [step.body]:
            judge.add(event_from(element, seq, START_MS / 1000 + step.at))
    return judge.judgement(close_of(timeline))


def on_arrival(step: Step) -> list[str]:
    kind = Kind.SESSION if step.path == "/api/v1/sessions" else step.kind
    return [finding.rule for finding in bodies.judge(kind, json.dumps(step.body).encode(), Mode.DEFAULT).findings]


def picked(made: object, wanted: object) -> object:
    """`made`, cut down to the keys that `wanted` names, so that a difference shows side by side."""
    if isinstance(wanted, dict):
        return {key: picked(attribute(made, key), value) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(made, list | tuple):
        return [picked(one, like) for one, like in zip(made, wanted, strict=True)]
    return made


def attribute(made: object, key: str) -> Any:
    return made[key] if isinstance(made, dict) else getattr(made, key)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_findings_are_those_expected(path: Path) -> None:
    timeline = load(path)
    judgement = judged(timeline)
    for seq, step in enumerate(timeline.steps, 1):
        derived = [finding.rule for finding in judgement.findings.get(seq, ())]
        assert (seq, sorted(on_arrival(step) + derived)) == (seq, list(step.findings or ()))
    assert sorted(finding.rule for finding in judgement.session_findings) == list(timeline.findings or ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_report_has_the_numbers_computed_by_hand(path: Path) -> None:
    timeline = load(path)
    report = judged(timeline).report
    assert picked(report, timeline.report) == timeline.report
    assert list(different_report(timeline, report.to_json(why=False))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_duration_is_the_sum_of_the_spans_that_explain_it(path: Path) -> None:
    timeline = load(path)
    report = judged(timeline).report
    for name in DURATIONS:
        assert explained(report, name) == pytest.approx(getattr(report, name), abs=0.0005), name
    for place, ad in enumerate(report.ads):
        assert explained(report, f"ads.{place}") == pytest.approx(ad.time_spent, abs=0.0005)
    for place, ad_break in enumerate(report.ad_breaks):
        assert explained(report, f"ad_breaks.{place}") == pytest.approx(ad_break.time_spent, abs=0.0005)
    for place, chapter in enumerate(report.chapters):
        assert explained(report, f"chapters.{place}") == pytest.approx(chapter.time_spent, abs=0.0005)
    for state in report.states:
        assert explained(report, f"states.{state.name}") == pytest.approx(state.time, abs=0.0005)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_count_is_the_number_of_moments_that_explain_it(path: Path) -> None:
    timeline = load(path)
    report = judged(timeline).report
    for name in COUNTS:
        assert (name, getattr(report, name)) == (name, len(report.why(name)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_emulator_says_the_same(path: Path) -> None:
    """The whole way: requests with the clock where the timeline has it, outcomes and findings as the log tells them."""
    timeline = load(path)
    emulator, sid = played(timeline)
    finish(emulator, timeline, sid)
    view = emulator.session(sid)
    assert view is not None
    for exchange, step in zip(view.exchanges, timeline.steps, strict=True):
        assert sorted(finding.rule for finding in exchange.findings) == list(step.findings or ())
        ignored = any(findings.RULES[rule].ignores for rule in step.findings or ())
        assert exchange.outcome is (Outcome.IGNORED if ignored else Outcome.GOOD)
    assert sorted(finding.rule for finding in view.judgement.session_findings) == list(timeline.findings or ())
    assert picked(view.report, timeline.report) == timeline.report


@pytest.mark.parametrize("path", TURNED_AWAY, ids=lambda path: path.stem)
def test_requests_that_reach_no_session_are_answered_as_the_timeline_says(path: Path) -> None:
    timeline = load(path)
    emulator, sid = played(timeline)
    view = emulator.session(sid)
    assert (view is None) == (not sid)
    assert view is None or picked(view.report, timeline.report) == timeline.report


def played(timeline: Timeline) -> tuple[Emulator, str]:
    """Send each step at its time, and return who answered, and the id of the session; empty where none was opened."""
    emulator = Emulator(seed=1, time=Clock(lambda: START_MS / 1000, frozen=True))
    sid = ""
    for step in timeline.steps:
        emulator.advance(max(0.0, START_MS / 1000 + step.at - emulator.now))
        answer = emulator.handle(post(step.path.replace("{sid}", sid), step.body))
        assert answer.response.status == step.status
        sid = sid or dict(answer.response.headers).get("Location", "").rpartition("/")[2]
    return emulator, sid


def finish(emulator: Emulator, timeline: Timeline, sid: str) -> None:
    """Let the session close as the timeline says: by waiting, or by hand."""
    if timeline.close is None or timeline.steps[0].kind is Kind.DOWNLOADED:
        return
    emulator.advance(max(0.0, START_MS / 1000 + timeline.close.at - emulator.now))
    if timeline.close.reason == "expired":
        emulator.expire(sid)


DURATIONS = [name for name, metric in METRICS.items() if metric.unit == "s" and name != "time_to_start"]
COUNTS = [
    name
    for name, metric in METRICS.items()
    if metric.unit == "count" and name.endswith(("_count", "_starts", "_completes"))
]


def explained(report: Report, name: str) -> float:
    return sum(span.seconds for span in report.why(name))


def test_every_rule_about_the_whole_session_is_shown_by_a_timeline() -> None:
    """Some need two sessions, strict mode or another option, and are shown in test_report.py."""
    shown = {rule for path in FILES for step in load(path).steps for rule in step.findings or ()}
    shown |= {rule for path in FILES for rule in load(path).findings or ()}
    elsewhere = {
        "ping-gap-in-ad", "event-after-end", "session-ended-before", "two-sessions-for-one-view", "location-unread",
        "ping-after-complete",
    }  # fmt: skip
    assert whole_session_rules() - shown == elsewhere


def whole_session_rules() -> set[str]:
    """The rows of the table below the line that divides what one body shows from what the session shows."""
    names = list(findings.RULES)
    return set(names[names.index("ad-outside-break") : names.index("event-of-another-session") + 1])


def test_every_timeline_says_what_it_shows() -> None:
    for path in FILES:
        assert load(path).source, path.name
    assert len(FILES) >= 50
