"""The tracking plan: what its rows, events and cadences find, what it refuses to be, and what `plan init` writes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcmock.analytics import plan_format, plan_init
from mcmock.analytics.plan import RULES, PlannedSession
from mcmock.core.events import Event, FieldPaths
from mcmock.core.toml_lines import line_of
from mcmock.engine import Emulator
from mcmock.recordings.files import check
from mcmock.serialization import ndjson
from tests.conftest import START_PARAMS, body, post, send, start

ROOT = Path(__file__).parents[2]
TS = 1_700_000_000_000
AD = {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
POD = {"media.ad.podIndex": 1, "media.ad.podSecond": 0}


def emulator_with(plan: Mapping[str, Any], **options: Any) -> Emulator:
    return Emulator(seed=1, plan=plan_format.from_json(plan), **options)


def found(emulator: Emulator) -> list[tuple[str, str, str]]:
    """What the plan found: rule, path and message of each finding, those of requests first."""
    of_requests = [one for exchange in emulator.requests() for one in exchange.findings]
    of_sessions = [one for view in emulator.sessions() for one in view.judgement.session_findings]
    return [(one.rule, one.path, one.message) for one in [*of_requests, *of_sessions] if one.rule in RULES]


def watched(emulator: Emulator, *steps: tuple[float, str, dict[str, Any]], **parts: Any) -> str:
    """A session of these events: seconds, event type, parts of the body."""
    sid = start(emulator, ts=TS, **parts)
    for at, event_type, more in steps:
        send(emulator, sid, event_type, at, ts=TS + round(at * 1000), **more)
    return sid


def rows(**keys: Any) -> dict[str, Any]:
    """A plan about sessionStart's metadata."""
    return {"all": {"sessionStart": {"metadata": keys}}}


# -- rows -----------------------------------------------------------------------------------------------------------------


def test_what_is_required_and_was_not_sent_is_missing_on_the_request_it_is_missing_from() -> None:
    emulator = emulator_with({"all": {"sessionStart": {"params": {"media.show": "required"}}}})
    start(emulator)
    assert found(emulator) == [
        ("plan-missing", "$.params['media.show']", "params.media.show is required on sessionStart by the plan")
    ]


def test_a_key_that_was_sent_instead_is_named() -> None:
    emulator = emulator_with(rows(player_version="required"))
    start(emulator, customMetadata={"palyer_version": "1"})
    assert found(emulator)[0][2].endswith("by the plan; palyer_version was sent")


@pytest.mark.parametrize("value", ["1.2.3", "10.0.1"])
def test_a_value_that_fits_is_no_finding(value: str) -> None:
    emulator = emulator_with(rows(version={"matches": r"^\d+\.\d+\.\d+$", "example": "1.0.0"}))
    start(emulator, customMetadata={"version": value})
    assert found(emulator) == []


@pytest.mark.parametrize(
    ("row", "value", "says"),
    [
        (["web", "tv"], "vw", "'vw', which is none of web, tv"),
        (["web", "ctv"], "ctvs", "did you mean ctv?"),
        ({"matches": "^\\d+$"}, "four", "does not match"),
        ({"type": "integer"}, "4.5", "which is no integer"),
        ({"type": "boolean", "presence": "optional"}, "yes", "which is no boolean"),
        ("required", "", "is empty"),
    ],
)
def test_a_value_that_does_not_fit(row: Any, value: str, says: str) -> None:
    emulator = emulator_with(rows(key=row))
    start(emulator, customMetadata={"key": value})
    ((rule, path, message),) = found(emulator)
    assert (rule, path) == ("plan-value", "$.customMetadata.key")
    assert says in message


def test_an_optional_key_may_be_left_out_and_be_empty() -> None:
    emulator = emulator_with(rows(key="optional", other={"presence": "optional", "values": ["a"]}))
    start(emulator, customMetadata={"key": ""})
    assert found(emulator) == []


def test_numbers_and_flags_are_what_their_text_says() -> None:
    emulator = emulator_with(
        {"all": {"sessionStart": {"params": {"media.season": {"type": "integer"}, "media.length": {"type": "number"}}}}}
    )
    start(emulator, params={**START_PARAMS, "media.season": "3", "media.length": 60.5})
    assert found(emulator) == []


def test_true_is_not_one() -> None:
    emulator = emulator_with({"all": {"sessionStart": {"params": {"analytics.enableSSL": [1]}}}})
    start(emulator, params={**START_PARAMS, "analytics.enableSSL": True})
    assert [rule for rule, _, _ in found(emulator)] == ["plan-value"]


def test_what_is_forbidden_is_unexpected() -> None:
    emulator = emulator_with(rows(email="forbidden"))
    start(emulator, customMetadata={"email": "a@b.example"})
    assert found(emulator) == [
        ("plan-unexpected", "$.customMetadata.email", "metadata.email is forbidden on sessionStart by the plan")
    ]


def test_other_keys_are_unexpected_only_where_the_plan_says_so_and_never_those_that_the_api_requires() -> None:
    own = {"params": {"media.show": "optional"}, "metadata": {"device": "optional"}}
    sent = {"params": {**START_PARAMS, "media.name": "Film"}, "customMetadata": {"devcie": "tv"}}
    open_one = emulator_with({"all": {"sessionStart": own}})
    start(open_one, **sent)
    assert found(open_one) == []
    closed = emulator_with({"all": {"sessionStart": {**own, "otherParams": "forbidden", "otherMetadata": "forbidden"}}})
    start(closed, **sent)
    assert [message for _, _, message in found(closed)] == [
        "params.media.name is not in the plan",
        "metadata.devcie is not in the plan (did you mean device?)",
    ]


def test_ads_breaks_and_chapters_have_rows_of_their_own() -> None:
    emulator = emulator_with(
        {
            "all": {
                "adBreakStart": {"params": {"media.ad.podFriendlyName": "required"}},
                "adStart": {"params": {"media.ad.name": "required"}, "metadata": {"campaign": "required"}},
                "chapterStart": {"params": {"media.chapter.friendlyName": "required"}},
            }
        }
    )
    chapter = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 5}
    watched(
        emulator, (0, "adBreakStart", {"params": POD}), (0, "adStart", {"params": AD, "customMetadata": {}}),
        (5, "chapterStart", {"params": chapter}),
    )  # fmt: skip
    assert [path for _, path, _ in found(emulator)] == [
        "$.params['media.ad.podFriendlyName']", "$.params['media.ad.name']", "$.customMetadata.campaign",
        "$.params['media.chapter.friendlyName']",
    ]  # fmt: skip


def test_a_row_for_a_content_type_stands_before_the_row_for_all() -> None:
    emulator = emulator_with(
        {
            "all": {"sessionStart": {"params": {"media.show": "required"}}},
            "content": {"live": {"sessionStart": {"params": {"media.show": "optional", "media.network": "required"}}}},
        }
    )
    start(emulator)
    start(emulator, params={**START_PARAMS, "media.contentType": "live"})
    assert [message for _, _, message in found(emulator)] == [
        "params.media.show is required on sessionStart by the plan",
        "params.media.network is required on sessionStart of live content by the plan",
    ]


def test_a_content_type_that_no_part_of_the_plan_is_about_is_said_so() -> None:
    plan: dict[str, Any] = {"content": {"vod": {}, "live": {}}}
    emulator = emulator_with(plan)
    start(emulator)
    start(emulator, params={**START_PARAMS, "media.contentType": "VOD"})
    ((rule, path, message),) = found(emulator)
    assert (rule, path) == ("plan-unexpected", "$.params['media.contentType']")
    assert message == "the plan is about no content of type 'VOD'; it has vod, live"
    with_all = emulator_with({**plan, "all": {}})
    start(with_all, params={**START_PARAMS, "media.contentType": "VOD"})
    assert found(with_all) == []


def test_a_downloaded_session_names_the_element() -> None:
    emulator = emulator_with({"all": {"adStart": {"params": {"media.ad.name": "required"}}}})
    whole = [
        body("sessionStart", params={**START_PARAMS, "media.downloaded": True}), body("adBreakStart", params=POD),
        body("adStart", params=AD), body("sessionEnd", 9),
    ]  # fmt: skip
    emulator.handle(post("/api/v1/downloaded", whole))
    assert [path for _, path, _ in found(emulator)] == ["$[2].params['media.ad.name']"]


def test_a_plan_judges_events_alone_whatever_api_they_came_by() -> None:
    """Paths are the API's own; nothing else of a plan depends on it."""
    session = PlannedSession(plan_format.from_json({"all": {"sessionStart": {"params": {"media.show": "required"}}}}))
    paths = FieldPaths("", "", ".events[0].xdm.mediaCollection.sessionDetails")
    session.add(Event(1, 0.0, "sessionStart", 0.0, TS, {}, {}, {}, paths=paths))
    ((rule, use),) = session.uses(closed=False).items()
    assert rule[-1] == "media.show"
    assert (use.judged, use.failed) == (1, 1)


def test_what_a_client_makes_up_is_not_listed_without_an_end() -> None:
    emulator = emulator_with({"all": {"sessionStart": {"otherMetadata": "forbidden"}}})
    start(emulator, customMetadata={f"key{number}": "x" for number in range(5000)})
    told = found(emulator)
    assert len(told) == 101
    assert told[-1] == ("plan-unexpected", "", "there is more that the plan does not allow; it is not listed")


# -- events and cadences ----------------------------------------------------------------------------------------------------

PREROLL = {"event": "adBreakStart", "before": "play", "when": "adStart", "name": "a pre-roll break"}
BREAK: list[tuple[float, str, dict[str, Any]]] = [
    (1, "adBreakStart", {"params": POD}), (1.001, "adStart", {"params": AD}), (2, "adComplete", {}),
    (2.001, "adBreakComplete", {}),
]  # fmt: skip


def test_an_event_that_must_occur_is_missed_once_the_session_is_over() -> None:
    emulator = emulator_with({"all": {"events": ["sessionComplete"]}})
    sid = watched(emulator, (1, "play", {}))
    assert found(emulator) == []
    send(emulator, sid, "sessionEnd", 5, ts=TS + 5000)
    assert found(emulator) == [("plan-missing", "", "sessionComplete must occur by the plan, and did not")]


def test_complete_content_is_over_for_all_but_the_end() -> None:
    emulator = emulator_with({"all": {"events": ["chapterStart", "sessionEnd"]}})
    watched(emulator, (1, "play", {}), (9, "sessionComplete", {}))
    assert [message for _, _, message in found(emulator)] == ["chapterStart must occur by the plan, and did not"]


def test_a_preroll_is_missed_only_where_there_are_ads_and_none_came_before_the_content() -> None:
    plan = {"content": {"vod": {"events": [PREROLL]}}}
    with_preroll, without_ads, midroll_only = emulator_with(plan), emulator_with(plan), emulator_with(plan)
    watched(with_preroll, *BREAK, (3, "play", {}), (9, "sessionEnd", {}))
    watched(without_ads, (3, "play", {}), (9, "sessionEnd", {}))
    watched(midroll_only, (0.5, "play", {}), *BREAK, (9, "sessionEnd", {}))
    assert found(with_preroll) == found(without_ads) == []
    assert found(midroll_only) == [
        ("plan-missing", "", "a pre-roll break must occur where there is adStart by the plan, and did not")
    ]


def test_before_goes_by_the_players_time_not_by_arrival() -> None:
    emulator = emulator_with({"all": {"events": [PREROLL]}})
    watched(emulator, (3, "play", {}), *BREAK, (9, "sessionEnd", {}))
    assert found(emulator) == []


def test_how_often_an_event_may_and_must_occur() -> None:
    emulator = emulator_with(
        {"all": {"events": [{"event": "error", "atMost": 1}, {"event": "chapterStart", "atLeast": 2}, "play"]}}
    )
    sid = watched(emulator, (1, "play", {}), (2, "error", {}), (3, "error", {}))
    assert found(emulator) == [
        ("plan-unexpected", "", "error may occur 1 times by the plan, and occurred 2 times"),
    ]
    send(emulator, sid, "sessionEnd", 5, ts=TS + 5000)
    assert [message for _, _, message in found(emulator)][1:] == [
        "chapterStart must occur 2 times by the plan, and did not"
    ]


def pings(*times: float) -> list[tuple[float, str, dict[str, Any]]]:
    return [(at, "ping", {}) for at in times]


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((10, 20, 30), []),
        ((10, 24, 30), []),
        ((10, 26), ["16.0 s since the event before it; a ping is due every 10 s by the plan"]),
        ((10, 12), ["2.0 s since the ping before it; a ping is due every 10 s by the plan"]),
        ((20, 10, 30), []),  # overtaken on the way
    ],
)
def test_a_cadence_of_pings(times: tuple[float, ...], says: list[str]) -> None:
    emulator = emulator_with({"all": {"pingSeconds": 10}})
    watched(emulator, (0.1, "play", {}), *pings(*times))
    assert [message for _, _, message in found(emulator)] == says


def test_ads_have_a_cadence_of_their_own_and_nothing_is_due_after_the_end() -> None:
    emulator = emulator_with({"all": {"pingSeconds": 10, "adPingSeconds": 1}})
    watched(
        emulator, (0, "adBreakStart", {"params": POD}), (0, "adStart", {"params": AD}), *pings(1, 2, 5), (6, "adComplete", {}),
        (6, "adBreakComplete", {}), (6.1, "play", {}), *pings(16), (20, "sessionComplete", {}), (90, "sessionEnd", {}),
    )  # fmt: skip
    assert [message for _, _, message in found(emulator)] == [
        "3.0 s since the event before it; a ping is due every 1 s by the plan"
    ]


def test_a_gap_that_an_overtaken_event_fills_is_found_no_more() -> None:
    emulator = emulator_with({"all": {"pingSeconds": 10}})
    sid = watched(emulator, (0.1, "play", {}), *pings(20))
    assert len(found(emulator)) == 1
    send(emulator, sid, "ping", 10, ts=TS + 10_000)
    assert found(emulator) == []


# -- a plan that changes --------------------------------------------------------------------------------------------------


def test_a_plan_that_is_set_judges_what_is_in_the_log_already() -> None:
    emulator = Emulator(seed=1)
    start(emulator)
    assert found(emulator) == []
    emulator.set_plan(plan_format.from_json(rows(device="required")))
    assert [rule for rule, _, _ in found(emulator)] == ["plan-missing"]
    emulator.set_plan(None)
    assert found(emulator) == []


def test_a_reset_goes_back_to_the_plan_it_began_with() -> None:
    emulator = emulator_with(rows(device="required"))
    emulator.set_plan(None)
    emulator.reset()
    start(emulator)
    assert [rule for rule, _, _ in found(emulator)] == ["plan-missing"]


def test_a_scope_begins_with_the_same_plan() -> None:
    sibling = emulator_with(rows(device="required")).sibling("other")
    start(sibling)
    assert [rule for rule, _, _ in found(sibling)] == ["plan-missing"]


def test_what_a_plan_finds_leaves_the_outcome_and_is_counted_like_any_other_finding() -> None:
    emulator = emulator_with(rows(device="required"))
    sid = start(emulator)
    outline = emulator.queries.outline(sid)
    assert outline is not None
    assert (emulator.summary().good, outline.severities["error"]) == (1, 1)  # type: ignore[index]


# -- coverage -------------------------------------------------------------------------------------------------------------


def test_coverage_tells_what_no_session_exercised() -> None:
    emulator = emulator_with(
        {
            "all": {"sessionStart": {"metadata": {"device": ["web", "tv"], "test": "optional"}}, "pingSeconds": 10},
            "content": {
                "live": {"sessionStart": {"params": {"media.network": "required"}}},
                "vod": {"events": ["play"]},
            },
        }
    )
    watched(emulator, (0.1, "play", {}), (5, "sessionEnd", {}), customMetadata={"device": "tv"})
    start(emulator)
    told = {one.item.words: (one.judged, one.failed, one.unseen) for one in emulator.plan_coverage()}
    assert told == {
        "metadata.device": (2, 1, ("web",)), "metadata.test": (0, 0, ()), "params.media.network": (0, 0, ()),
        "play": (1, 0, ()), "pingSeconds 10": (1, 0, ()),
    }  # fmt: skip


# -- what is no plan --------------------------------------------------------------------------------------------------------

WRONG = [
    ("[al]\n", "line 1: al is not known here (did you mean all?); the keys are name, all, content"),
    ("", "line 1: a plan has [all], or [content.TYPE] for a content type such as vod, or both; this has neither"),
    ("[all]\nname = 1\n", "line 2: all.name is not known here"),
    ("name = 1\n[all]\n", "line 1: name must be text, not 1"),
    ("[all]\n[all.sesionStart]\n", "line 2: all.sesionStart is not known here (did you mean sessionStart?)"),
    (
        '[content.vod]\n\n[content.vod.sessionStart.params]\n"media.name" = "required"\n"media.shwo" = "required"\n',
        'line 5: content.vod.sessionStart.params."media.shwo" is no parameter of sessionStart (did you mean media.show?)',
    ),
    (
        '[all.adStart.metadata]\ncampaign = "requierd"\n',
        "line 2: all.adStart.metadata.campaign is 'requierd' (did you mean required?); it is one of required, optional",
    ),
    (
        '[all.adStart.metadata]\n# a note\ncampaign = { presense = "required" }\n',
        "line 3: all.adStart.metadata.campaign.presense is not known here (did you mean presence?)",
    ),
    ("[all.adBreakStart.metadata]\n", "line 1: all.adBreakStart.metadata is not known here"),
    ("[all]\npingSeconds = 0\n", "line 2: all.pingSeconds must be a number of seconds above 0, not 0"),
    ('[all]\nevents = [\n  "play",\n  "plai",\n]\n', "line 2: all.events[1].event is 'plai' (did you mean play?)"),
    (
        '[[all.events]]\nevent = "play"\n\n[[all.events]]\nevent = "ping"\nbefor = "play"\n',
        "line 6: all.events[1].befor is not known here (did you mean before?)",
    ),
    ('[[all.events]]\nbefore = "play"\n', "line 1: all.events[0] has no event"),
    (
        '[all.adStart.metadata]\nk = { matches = "(" }\n',
        "line 2: all.adStart.metadata.k.matches is no regular expression",
    ),
    ('[all.adStart.metadata]\nk = { matches = "(?=a)" }\n', "line 2: all.adStart.metadata.k.matches is"),
    (
        '[all.adStart.metadata]\nk = { matches = "^a$", example = "b" }\n',
        "line 2: all.adStart.metadata.k.example has 'b', which /^a$/ does not match: the row contradicts itself",
    ),
    (
        '[all.adStart.metadata]\nk = { type = "integer", values = ["1", "x"] }\n',
        "line 2: all.adStart.metadata.k.values has 'x', which is no integer",
    ),
    (
        '[all.adStart.metadata]\nk = { presence = "forbidden", values = ["1"] }\n',
        "line 2: all.adStart.metadata.k.values says what a value must be that is forbidden",
    ),
    ("[all.adStart.metadata]\nk = { example = 2026-11-27 }\n", "line 2: all.adStart.metadata.k.example must be a text"),
    ("[all]\nevents = [" + '"play",' * 201 + "]\n", "line 1: all goes beyond the 10,000 rows and 200 events"),
    ("[all.adStart.metadata]\nk = []\n", "line 2: all.adStart.metadata.k must list the values that are allowed"),
    (
        "[all.adStart.metadata]\nk = 3\n",
        "line 2: all.adStart.metadata.k must be a presence, a list of values or a table",
    ),
    (
        '[all.adStart]\notherParams = "no"\n',
        "line 2: all.adStart.otherParams is 'no'; it is one of optional, forbidden",
    ),
    ('text = """\n[all]\n"""\n[all]\n', "line 1: text is not known here"),
    ("all = 3\n", "line 1: all must be a table, not 3"),
    (
        '[[all.events]]\nevent = "play"\natLeast = 3\natMost = 2\n',
        "line 4: all.events[0].atMost is 2, but atLeast is 3",
    ),
    ("[all\n", "not TOML: "),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_plan_is_refused_in_one_line_that_says_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^(line \d+|not TOML): ") as error:
        plan_format.from_toml(text)
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "_"), WRONG)
def test_the_schema_refuses_misspelled_keys_and_words_too(text: str, _: str) -> None:
    """What only the code can see, such as an example that contradicts its row, is left to it."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    by_code_only = ("matches", "values", "atMost")
    if not any(f"k = {{ {key}" in text for key in ("matches", "type", "presence", "example")) and not any(
        word in text for word in ("atMost", '"play",' * 201)
    ):
        assert not jsonschema.Draft202012Validator(plan_format.schema()).is_valid(value), by_code_only


@pytest.mark.parametrize("value", [None, 3, [], "all", {"all": None}, {"content": []}])
def test_a_json_value_that_is_no_plan_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|has \[all\]"):
        plan_format.from_json(value)


def test_a_line_is_found_whatever_stands_before_it() -> None:
    text = 'a = [\n1,\n2]\n\n[b."c d"]\ne.f = """\n[x]\n"""\ng = 1\n[[h]]\n[[h]]\n[h.i]\nj = 1\n'
    assert [line_of(text, path) for path in [("a",), ("b", "c d"), ("b", "c d", "e", "f"), ("b", "c d", "g")]] == [
        1,
        5,
        6,
        9,
    ]
    assert [line_of(text, path) for path in [("h", 0), ("h", 1), ("h", 1, "i", "j"), ("nothing",)]] == [10, 11, 13, 1]


# -- plan init, over every recording ------------------------------------------------------------------------------------------

WITHOUT_A_SESSION = "start-refused"
RECORDINGS = sorted(
    path
    for path in [*(ROOT / "fixtures" / "clients").glob("*.jsonl"), *(ROOT / "fixtures" / "timelines").glob("*.json")]
    if path.stem != WITHOUT_A_SESSION
)


def events_of(path: Path) -> list[list[Event]]:
    return [list(view.taken_in) for view in check(path).sessions]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_plan_from_a_recording_passes_for_it_and_fails_once_any_required_key_is_taken_away(path: Path) -> None:
    sessions = events_of(path)
    text = plan_init.write(sessions)
    plan = plan_format.from_toml(text)
    assert jsonschema.Draft202012Validator(plan_format.schema()).is_valid(tomllib.loads(text))
    assert [one for one in check(path, plan=plan).problems if one.rule in RULES] == []
    taken = 0
    for events in sessions:
        for place, event in enumerate(events):
            for part in ("params", "metadata"):
                rows_here = plan.rows_for(str(events[0].params["media.contentType"]), event.event_type, part)
                for key in [key for key, row in rows_here.items() if row.presence == "required"]:
                    if key != "media.contentType":
                        taken += 1
                        assert failed_without(plan, events, place, part, key) == 1, (event.event_type, key)
    assert taken


def test_what_was_dropped_after_the_end_is_not_asked_for(tmp_path: Path) -> None:
    """A recorded service that took events after sessionEnd dropped them: a plan that asks for them would never be kept."""
    emulator = Emulator(seed=1, after_end="drop")
    watched(emulator, (1, "play", {}), (5, "sessionEnd", {}), (6, "sessionComplete", {}))
    (view,) = emulator.sessions()
    assert [event.event_type for event in view.taken_in] == ["sessionStart", "play", "sessionEnd"]
    plan = plan_format.from_toml(plan_init.write([view.taken_in]))
    path = tmp_path / "log.ndjson"
    path.write_bytes(b"".join(ndjson.write(emulator.requests())))
    assert [one for one in check(path, plan=plan).problems if one.rule in RULES] == []


def failed_without(plan: Any, events: list[Event], place: int, part: str, key: str) -> int:
    changed: Any = {name: value for name, value in getattr(events[place], part).items() if name != key}
    session = PlannedSession(plan)
    for event in [*events[:place], events[place]._replace(**{part: changed}), *events[place + 1 :]]:
        session.add(event)
    return sum(use.failed for one, use in session.uses(closed=False).items() if one[-1] == key)


def test_the_schema_in_the_docs_is_the_one_that_is_printed() -> None:
    published = (ROOT / "docs" / "plan.schema.json").read_text("utf-8")
    assert json.loads(published) == plan_format.schema()
