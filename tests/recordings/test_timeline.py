"""A timeline's form: what is filled in, and how a bad one is refused in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcmock.core.model import Kind
from mcmock.recordings.timeline import is_timeline, parse

START = 1_700_000_000_000
FOLDER = Path(__file__).parents[2] / "fixtures" / "timelines"


def step(at: float, event_type: str = "ping", **more: Any) -> dict[str, Any]:
    return {"at": at, "send": {"eventType": event_type, "playerTime": {"playhead": 0}}, **more}


def timeline(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"name": "a timeline", "steps": list(steps), **more}


def test_ts_is_the_start_plus_at() -> None:
    first, second = parse(timeline(step(0, "sessionStart"), step(1.2345)), START).steps
    assert first.body["playerTime"] == {"playhead": 0, "ts": START}
    assert second.body["playerTime"]["ts"] == START + 1234


def test_a_ts_that_is_there_is_kept() -> None:
    sent = step(5)
    sent["send"]["playerTime"]["ts"] = 7
    assert parse(timeline(sent), START).steps[0].body["playerTime"]["ts"] == 7


def test_ts_at_is_the_players_own_time() -> None:
    assert parse(timeline(step(5, tsAt=-2.5)), START).steps[0].body["playerTime"]["ts"] == START - 2500


def test_the_document_itself_is_not_changed() -> None:
    document = timeline(step(0))
    parse(document, START)
    assert "ts" not in document["steps"][0]["send"]["playerTime"]


def test_an_array_is_downloaded_content_with_a_time_each() -> None:
    sent = {"at": 100, "send": [step(0, "sessionStart")["send"], step(0)["send"]], "tsAt": [0, 10]}
    [made] = parse(timeline(sent), START).steps
    assert (made.kind, made.path) == (Kind.DOWNLOADED, "/api/v1/downloaded")
    assert [one["playerTime"]["ts"] for one in made.body] == [START, START + 10_000]


def test_where_a_step_goes_follows_from_its_event_unless_it_says_so() -> None:
    made = parse(timeline(step(0, "sessionStart"), step(1), step(2, to="/api/v1/sessions")), START).steps
    assert [(one.kind, one.path) for one in made] == [
        (Kind.SESSION, "/api/v1/sessions"),
        (Kind.EVENT, "/api/v1/sessions/{sid}/events"),
        (Kind.EVENT, "/api/v1/sessions"),
    ]


@pytest.mark.parametrize("body", ["text", 5, None, {}, {"playerTime": 3}])
def test_a_body_that_is_no_event_is_sent_as_it_is(body: Any) -> None:
    """A timeline may show what is refused."""
    assert parse(timeline({"at": 0, "send": body}), START).steps[0].body == body


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "a timeline must be a JSON object, not []"),
        ({"name": "x"}, "steps must be a JSON array, not nothing"),
        ({"name": "x", "steps": []}, "steps must hold at least one step"),
        (timeline(step(0), name=3), "name must be a text, not 3"),
        (timeline(step(0), speed=2), "a timeline has the key 'speed', which is none of close, findings, "),
        (timeline(5), "steps[0] must be a JSON object, not 5"),
        (timeline({"at": 0}), "steps[0].send is missing: it is the body to send"),
        (timeline(step(0), {"send": {}}), "steps[1].at must be seconds since the start, not nothing"),
        (timeline(step(-1)), "steps[0].at must be seconds since the start, not -1"),
        (timeline(step(True)), "steps[0].at must be seconds since the start, not True"),
        (timeline(step(float("inf"))), "steps[0].at must be seconds since the start, not inf"),
        (
            timeline(step(2), step(1)),
            "steps[1].at is 1, earlier than the step before it: steps stand in order of arrival",
        ),
        (timeline(step(0, to="nowhere")), "steps[0].to must be a path such as /api/v1/downloaded, not 'nowhere'"),
        (timeline(step(0, tsAt=[1])), "steps[0].tsAt must be seconds since the start, not [1]"),
        (timeline({"at": 0, "send": [{}, {}], "tsAt": [1]}), "steps[0].tsAt has 1 times for 2 events"),
        (timeline(step(0, expect={"status": "204"})), "steps[0].expect.status must be an HTTP status, not '204'"),
        (timeline(step(0, expect={"findings": "x"})), "steps[0].expect.findings must be a JSON array, not 'x'"),
        (
            timeline(step(0, expect={"finding": []})),
            "steps[0].expect has the key 'finding', which is none of findings, status",
        ),
        (timeline(step(0), report=[]), "report must be a JSON object, not []"),
        (timeline(step(0), close={"reason": "idle"}), "close.at must be seconds since the start, not nothing"),
    ],
)
def test_a_bad_timeline_is_refused_in_one_line_that_says_where(document: Any, says: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(says)) as refused:
        parse(document, START)
    assert "\n" not in str(refused.value)


def test_it_is_told_from_other_recordings_by_its_steps() -> None:
    assert is_timeline(timeline(step(0)))
    others: list[Any] = [[], {"log": {"entries": []}}, {"mcmock": 1}, {"steps": 3}]
    assert not any(is_timeline(other) for other in others)


def test_the_example_in_the_docs_is_a_timeline() -> None:
    page = (FOLDER.parent.parent / "docs" / "report.md").read_text(encoding="utf-8")
    example = json.loads(page.partition("## Timelines\n")[2].partition("```json\n")[2].partition("```")[0])
    assert [made.status for made in parse(example, START).steps] == [400, 204]
