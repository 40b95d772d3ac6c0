"""What a fault is and which request it meets, decided without a socket."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcmock import faults
from mcmock.core.match import Match
from mcmock.core.model import Close, Outcome, Reset, Send, Verdict, Wait
from mcmock.engine import Emulator
from mcmock.faults import EFFECTS, FaultRule
from tests.conftest import START_PARAMS, body, post, send, start

AD = {"media.ad.id": "a", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}

# One of each effect, with every attribute that it has.
RULES: dict[str, FaultRule] = {
    "status": faults.status(503, {"message": "down"}, {"Retry-After": "5"}, event="ping", times=2),
    "delay": faults.delay(lognormal={"median": 1, "sigma": 0.5}, per="session", skip=1),
    "reset": faults.reset(probability=0.5, for_seconds=60),
    "close": faults.close(side="after", kind=["session", "event"]),
    "truncate": faults.truncate(7, status=400),
    "malformed": faults.malformed(side="before", playhead={"min": 10}),
    "drip": faults.drip(10.5, params={"media.id": "film"}),
    "hang": faults.hang(3, name="silent"),
    "expire_session": faults.expire_session(every=True, event="ping"),
    "forget_session": faults.forget_session(times=None),
    "drop_header": faults.drop_header("Location", kind="session"),
    "set_header": faults.set_header("Location", "https://{host}{value}"),
    "rate_limit": faults.rate_limit(2, code=503, retry_after=None),
    "alter": faults.alter("not-streamed", kind="session"),
}


def statuses(emulator: Emulator, session_id: str, *events: str) -> list[int]:
    return [send(emulator, session_id, event).response.status for event in events]


# -- rules and their JSON -------------------------------------------------------------------------------------------------


def test_mcmock_faults_needs_no_import_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import mcmock; print(mcmock.faults.reset().effect)"], capture_output=True
    )
    assert done.stdout.strip() == b"reset"


def test_there_is_a_constructor_and_a_rule_here_for_each_effect() -> None:
    assert set(RULES) == set(EFFECTS)
    for name in EFFECTS:
        assert callable(getattr(faults, name))
        assert RULES[name].effect == name


@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in RULES.items()])
def test_a_rule_comes_back_from_json_as_it_was(rule: FaultRule) -> None:
    there_and_back = faults.rule_from_json(json.loads(json.dumps(rule.to_json())))
    assert there_and_back == rule
    assert there_and_back.to_json() == rule.to_json()


@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in RULES.items()])
def test_the_schema_accepts_what_the_code_writes(rule: FaultRule) -> None:
    Draft202012Validator.check_schema(faults.rule_schema())
    assert list(Draft202012Validator(faults.rule_schema()).iter_errors(rule.to_json())) == []


def test_a_rule_has_the_contracts_keys_and_defaults() -> None:
    assert faults.status(503).to_json() == {
        "name": "", "effect": {"type": "status", "code": 503, "headers": {}}, "match": {}, "side": "before", "skip": 0,
        "times": None, "probability": 1.0, "per": "all", "forSeconds": None,
    }  # fmt: skip


def test_faults_that_close_a_session_fire_once_unless_told_otherwise() -> None:
    assert faults.expire_session().times == faults.forget_session().times == 1
    assert faults.expire_session(times=None).times is None


def test_an_effect_without_attributes_may_be_a_word() -> None:
    assert faults.rule_from_json({"effect": "reset"}) == faults.reset()


WRONG: list[tuple[Any, str]] = [
    (3, """a fault must be an object such as {"effect": {"type": "reset"}}, not 3"""),
    ({}, f"fault: effect.type must be one of {', '.join(EFFECTS)}, not None"),
    ({"effect": {"type": "explode"}}, f"fault: effect.type must be one of {', '.join(EFFECTS)}, not 'explode'"),
    ({"effect": {"type": "status"}}, "fault: effect.code is missing: status needs a status"),
    ({"effect": {"type": "status", "code": 99}}, "fault: effect.code must be a whole number from 200 to 599, not 99"),
    ({"effect": {"type": "status", "code": True}}, "fault: effect.code must be a whole number from 200 to 599, not True"),
    ({"effect": {"type": "status", "code": 500, "colour": 1}},
     "fault: effect.colour is not known for status; its attributes are: code, body, headers"),
    ({"effect": {"type": "status", "code": 204, "body": "x"}},
     "fault: effect.body must be left out: an answer with status 204 has no body"),
    ({"effect": {"type": "status", "code": 500, "headers": {"X": "a\r\nB: c"}}},
     "fault: effect.headers must be text on one line, in Latin-1 as headers are, not 'a\\r\\nB: c'"),
    ({"effect": {"type": "set_header", "name": "X", "value": "\N{SNOWMAN}"}},
     "fault: effect.value must be text on one line, in Latin-1 as headers are, not '\N{SNOWMAN}'"),
    ({"effect": {"type": "reset", "after": 1}}, "fault: effect.after is not known for reset; its attributes are: none"),
    ({"effect": {"type": "delay"}}, "fault: effect delay needs exactly one of seconds, uniform and lognormal"),
    ({"effect": {"type": "delay", "seconds": 1, "uniform": [1, 2]}},
     "fault: effect delay needs exactly one of seconds, uniform and lognormal"),
    ({"effect": {"type": "delay", "uniform": [2, 1]}},
     "fault: effect.uniform must be two numbers of seconds, [least, most], not [2, 1]"),
    ({"effect": {"type": "delay", "lognormal": {"median": 0, "sigma": 1}}},
     """fault: effect.lognormal must be {"median": seconds above 0, "sigma": 0 to 10}, not {'median': 0, 'sigma': 1}"""),
    ({"effect": {"type": "drip", "bytesPerSecond": 0}}, "fault: effect.bytesPerSecond must be a number above 0, not 0"),
    ({"effect": {"type": "drip", "bytesPerSecond": 10**400}},
     f"fault: effect.bytesPerSecond must be a number above 0, at most 1,000,000,000,000, not 1{'0' * 199}…"),
    ({"effect": {"type": "hang", "seconds": float("inf")}},
     "fault: effect.seconds must be a number of 0 or more, at most 1,000,000,000,000, not inf"),
    ({"effect": {"type": "set_header", "name": "a b", "value": ""}},
     "fault: effect.name must be the name of a header, such as Location, not 'a b'"),
    ({"effect": {"type": "expire_session", "every": 1}}, "fault: effect.every must be true or false, not 1"),
    ({"effect": "reset", "side": "left"}, "fault: side must be before or after, not 'left'"),
    ({"effect": {"type": "delay", "seconds": 1}, "side": "before"},
     "fault: side must be after: delay changes a true answer, and before processing there is none"),
    ({"effect": "reset", "match": {"outcome": "good"}},
     "fault: match.outcome is not known before the request is processed; it needs side after"),
    ({"effect": "reset", "match": ["ping"]}, """fault: match must be an object such as {"event": "ping"}, not ['ping']"""),
    ({"effect": "reset", "skip": -1}, "fault: skip must be a whole number of 0 or more, not -1"),
    ({"effect": "reset", "times": 0}, "fault: times must be a whole number of 1 or more, not 0"),
    ({"effect": "reset", "probability": 1.5}, "fault: probability must be a number from 0 to 1, not 1.5"),
    ({"effect": "reset", "per": "player"}, "fault: per must be all or session, not 'player'"),
    ({"effect": "reset", "forSeconds": 0}, "fault: forSeconds must be a number above 0, not 0"),
    ({"effect": "reset", "name": "a/b"},
     "fault: name must be letters, digits, dots, dashes and underscores, at most 64, not 'a/b'"),
    ({"effect": "reset", "time": 1},
     "fault: time is not known; a fault has name, effect, match, side, skip, times, probability, per, forSeconds"),
    ({"effect": "reset", "name": "mine", "skip": "2"}, """fault "mine": skip must be a whole number of 0 or more, not '2'"""),
]  # fmt: skip


@pytest.mark.parametrize(("value", "line"), WRONG)
def test_a_wrong_rule_is_refused_with_one_line_that_names_the_field_and_the_values_allowed(
    value: Any, line: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole line is compared
        faults.rule_from_json(value)
    assert str(refused.value) == line
    assert list(Draft202012Validator(faults.rule_schema()).iter_errors(value)) or "exactly one" in line or _beyond(line)


def _beyond(line: str) -> bool:
    """Rules that tie two fields together are the code's alone; the schema speaks of one field at a time."""
    beyond = ("must be left out", "not known before", "changes a true answer", "[2, 1]", "not inf", "not 1000")
    return any(words in line for words in beyond)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = sorted({name for effect in EFFECTS.values() for name in effect.attributes})
EFFECT = st.builds(
    lambda kind, attributes: {"type": kind, **attributes},
    st.sampled_from(list(EFFECTS)), st.dictionaries(st.sampled_from(ATTRIBUTES), JSON, max_size=3),
)  # fmt: skip
KEYS = ("name", "match", "side", "skip", "times", "probability", "per", "forSeconds")


@settings(deadline=None, max_examples=300)
@given(JSON | st.fixed_dictionaries({"effect": EFFECT | JSON}, optional=dict.fromkeys(KEYS, JSON)))
def test_any_json_is_a_rule_or_is_refused_with_one_line(value: Any) -> None:
    refusal = None
    try:
        rule = faults.rule_from_json(value)
    except ValueError as error:
        refusal = str(error)
    if refusal is None:
        assert faults.rule_from_json(json.loads(json.dumps(rule.to_json()))) == rule
    else:
        assert len(refusal.splitlines()) == 1


def test_a_wrong_match_is_refused_in_the_words_of_match() -> None:
    with pytest.raises(ValueError, match=r"match.evnt is not known \(did you mean event\?\)"):
        faults.rule_from_json({"effect": "reset", "match": {"evnt": "ping"}})


def test_an_event_that_is_nearly_one_is_refused_since_the_fault_would_never_fire() -> None:
    with pytest.raises(ValueError, match=r"'pnig' is not an event type \(did you mean ping\?\)"):
        faults.reset(event=["play", "pnig"])
    assert faults.reset(event={"matches": "^pnig$"}).match.wanted == {"event": {"matches": "^pnig$"}}


@pytest.mark.parametrize("type_", [["reset"], {"type": "reset"}, None, 3])
def test_an_effect_that_is_no_word_is_refused_as_any_other(type_: Any) -> None:
    with pytest.raises(ValueError, match=r"effect\.type must be one of status, delay, .*, not "):
        faults.rule_from_json({"effect": {"type": type_}})


def test_a_constructor_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"faults\.reset knows no evnt; it takes name, side, skip"):
        faults.reset(evnt="ping")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"effect\.code must be a whole number"):
        faults.status(42)


def test_a_constructor_takes_a_match_and_fields_of_it() -> None:
    assert faults.reset(match=Match({"event": "ping"}), playhead=3).match.wanted == {"event": "ping", "playhead": 3}


# -- which request it meets -----------------------------------------------------------------------------------------------


def test_before_the_request_is_never_processed_and_after_it_is_counted(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="play"))
    emulator.add_fault(faults.status(503, event="ping", side="after"))
    assert statuses(emulator, sid, "play", "ping") == [503, 503]
    play, ping = emulator.requests(Match({"kind": "event"}))
    assert (play.verdict, play.outcome, play.status) == (Verdict.FAULTED, Outcome.FAULTED, 503)
    assert (ping.verdict, ping.outcome, ping.status) == (Verdict.ACCEPTED, Outcome.GOOD, 503)
    assert play.fault is not None
    assert ping.fault is not None
    assert (play.fault.side, ping.fault.side) == ("before", "after")
    view = emulator.session(sid)
    assert view is not None
    assert view.events == ["sessionStart", "ping"]


def test_the_first_rule_that_fires_wins_in_the_order_they_were_added(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, event="ping", times=1))
    emulator.add_fault(faults.status(501))
    assert statuses(emulator, sid, "ping", "ping", "play") == [500, 501, 501]
    assert [state.hits for state in emulator.faults()] == [1, 2]


def test_a_rule_that_fires_before_leaves_nothing_for_those_after(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, side="after"))
    emulator.add_fault(faults.status(501, times=1))
    assert statuses(emulator, sid, "ping", "ping") == [501, 500]


def test_skip_and_times_count_matching_requests_over_all(emulator: Emulator) -> None:
    one, two = start(emulator), start(emulator)
    emulator.add_fault(faults.status(500, event="ping", skip=1, times=2))
    met = [send(emulator, sid, event).response.status
           for sid, event in [(one, "ping"), (one, "play"), (two, "ping"), (one, "ping"), (two, "ping")]]  # fmt: skip
    assert met == [204, 204, 500, 500, 204]


def test_per_session_each_session_counts_by_itself(emulator: Emulator) -> None:
    one, two = start(emulator), start(emulator)
    emulator.add_fault(faults.status(500, event="ping", skip=1, times=1, per="session"))
    assert [statuses(emulator, one, *["ping"] * 3), statuses(emulator, two, *["ping"] * 3)] == [[204, 500, 204]] * 2


def test_a_fault_rests_when_its_seconds_are_over(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    emulator.add_fault(faults.status(503, for_seconds=60))
    assert statuses(emulator, sid, "ping") == [503]
    emulator.advance(59.9)
    assert statuses(emulator, sid, "ping") == [503]
    emulator.advance(0.1)
    assert statuses(emulator, sid, "ping") == [204]
    assert [state.active for state in emulator.faults()] == [False]


def test_match_speaks_of_everything_in_the_request(emulator: Emulator) -> None:
    sid = start(emulator)
    wanted: list[dict[str, Any]] = [
        {"params": {"media.ad.id": "a"}}, {"playhead": {"min": 30}}, {"qoe": {"media.qoe.bitrate": {"exists": True}}},
        {"metadata": {"a": "b"}}, {"session": sid, "event": "pauseStart"}, {"path": {"matches": "/events$"}},
    ]  # fmt: skip
    for number, match in enumerate(wanted):
        emulator.add_fault(faults.status(500 + number, match=match))
    met = [
        send(emulator, sid, "adStart", params=AD), send(emulator, sid, "ping", 31),
        send(emulator, sid, "ping", qoeData={"media.qoe.bitrate": 5}),
        send(emulator, sid, "adStart", params={**AD, "media.ad.id": "x"}, customMetadata={"a": "b"}),
        send(emulator, sid, "pauseStart"), send(emulator, sid, "ping"),
    ]  # fmt: skip
    assert [answer.response.status for answer in met] == [500, 501, 502, 503, 504, 505]


def test_after_processing_a_rule_may_ask_what_came_of_the_request(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, side="after", outcome="ignored"))
    emulator.add_fault(faults.status(501, side="after", verdict="malformed"))
    emulator.add_fault(faults.status(502, side="after", rule="ad-outside-break"))
    emulator.add_fault(faults.status(503, side="after", status=201))
    ad = send(emulator, sid, "adStart", params=AD)
    assert ad.response.status == 500
    assert statuses(emulator, sid, "nonsense", "play") == [501, 204]
    assert emulator.handle(post("/api/v1/sessions", body("sessionStart"))).response.status == 503
    emulator.remove_fault("status")
    assert send(emulator, sid, "adStart", params=AD).response.status == 502
    assert [one.outcome for one in emulator.requests(Match({"event": "adStart"}))] == ["ignored", "ignored"]


def test_asking_what_came_of_a_request_does_not_count_it_twice() -> None:
    asked, plain = Emulator(seed=1), Emulator(seed=1)
    asked.add_fault(faults.drop_header("Date", outcome="good"))
    reports = []
    for emulator in (asked, plain):
        emulator.freeze()
        sid = start(emulator)
        for second, event in enumerate(["play", "bufferStart", "play", "ping", "sessionComplete"]):
            send(emulator, sid, event, second * 10, ts=1_700_000_000_000 + second * 10_000)
        view = emulator.session(sid)
        assert view is not None
        reports.append({**view.report.to_json(), "why": None})
    assert reports[0] == reports[1]


def test_probability_is_the_share_of_requests_it_fires_at(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, probability=0.2))
    met = statuses(emulator, sid, *["ping"] * 1000)
    assert 160 <= met.count(500) <= 240
    hits = [one.fault.draw for one in emulator.requests(Match({"status": 500})) if one.fault]
    assert len(hits) == met.count(500)
    assert all(draw is not None and draw < 0.2 for draw in hits)


def test_probability_0_never_fires_and_1_always(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, probability=0))
    assert set(statuses(emulator, sid, *["ping"] * 100)) == {204}
    emulator.replace_faults([faults.status(500, probability=1)])
    assert set(statuses(emulator, sid, *["ping"] * 100)) == {500}


def test_the_seed_decides_which_requests_are_hit() -> None:
    met = []
    for seed in (1, 1, 2):
        emulator = Emulator(seed=seed, faults=[faults.status(500, event="ping", probability=0.5)])
        met.append(statuses(emulator, start(emulator), *["ping"] * 50))
    assert met[0] == met[1] != met[2]


def test_another_session_does_not_change_which_requests_of_this_one_are_hit() -> None:
    met = []
    for others in (0, 3):
        emulator = Emulator(seed=1, faults=[faults.status(500, event="ping", probability=0.5)])
        sid = start(emulator)
        more = [start(emulator, params={**START_PARAMS, "media.id": f"film {number}"}) for number in range(others)]
        answers = []
        for _ in range(50):
            answers.append(send(emulator, sid, "ping").response.status)
            for other in more:
                send(emulator, other, "ping")
        met.append(answers)
    assert met[0] == met[1]


def test_session_ids_do_not_depend_on_the_order_in_which_players_come() -> None:
    films = [{**START_PARAMS, "media.id": f"film {number}"} for number in range(3)]
    ids = []
    for order in ([0, 1, 2], [2, 0, 1]):
        emulator = Emulator(seed=1)
        ids.append({number: start(emulator, params=films[number]) for number in order})
    assert ids[0] == ids[1]
    assert len(set(ids[0].values())) == 3


def test_a_start_that_is_sent_again_is_drawn_for_again() -> None:
    emulator = Emulator(seed=1, faults=[faults.status(500, kind="session", probability=0.5)])
    met = {emulator.handle(post("/api/v1/sessions", body("sessionStart"))).response.status for _ in range(30)}
    assert met == {201, 500}


def test_a_rate_lets_so_many_through_and_refills_with_the_emulators_clock(emulator: Emulator) -> None:
    emulator.freeze()
    sid, other = start(emulator), start(emulator)
    emulator.add_fault(faults.rate_limit(2, event="ping", per="session", retry_after=3))
    assert statuses(emulator, sid, *["ping"] * 4) == [204, 204, 429, 429]
    assert statuses(emulator, other, "ping") == [204]
    emulator.advance(0.5)
    assert statuses(emulator, sid, "ping", "ping") == [204, 429]
    assert dict(emulator.requests()[-1].response_headers)["Retry-After"] == "3"


def test_a_slow_rate_lets_one_through_in_several_seconds(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    emulator.add_fault(faults.rate_limit(0.1, retry_after=None))
    assert statuses(emulator, sid, "ping", "ping") == [204, 429]
    assert "Retry-After" not in dict(emulator.requests()[-1].response_headers)
    emulator.advance(10)
    assert statuses(emulator, sid, "ping", "ping") == [204, 429]


def test_an_effect_that_has_nothing_to_do_keeps_its_budget(emulator: Emulator) -> None:
    emulator.add_fault(faults.drop_header("Location", times=1))
    emulator.add_fault(faults.expire_session())
    sid = "0" * 64
    assert statuses(emulator, sid, "ping") == [404]
    assert "Location" not in dict(emulator.handle(post("/api/v1/sessions", body("sessionStart"))).response.headers)
    assert [state.hits for state in emulator.faults()] == [1, 0]


def test_a_request_that_never_arrived_whole_meets_no_fault(emulator: Emulator) -> None:
    emulator.add_fault(faults.reset())
    answer = emulator.handle(post("/api/v1/sessions", b"{")._replace(complete=False))
    assert answer.response.status == 400
    assert answer.steps == ()


# -- effects --------------------------------------------------------------------------------------------------------------


def test_status_has_the_apis_own_body_unless_another_is_given(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping"))
    emulator.add_fault(faults.status(500, {"error": 1}, event="play"))
    emulator.add_fault(faults.status(502, "<h1>Bad Gateway</h1>", {"Content-Type": "text/html"}, event="pauseStart"))
    emulator.add_fault(faults.status(204, event="bufferStart"))
    own, json_body, text, empty = (
        send(emulator, sid, event).response for event in ("ping", "play", "pauseStart", "bufferStart")
    )
    assert json.loads(own.body) == {"message": "Service Unavailable"}
    assert json_body.raw.endswith(b'\r\n\r\n{"error": 1}')
    assert text.raw.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert dict(text.headers)["Content-Type"] == "text/html"
    assert dict(text.headers)["Content-Length"] == str(len(text.body))
    assert not {"Content-Type", "Content-Length"} & set(dict(empty.headers))
    assert all(dict(one.headers)["Access-Control-Allow-Origin"] == "*" for one in (own, json_body, text, empty))


def test_set_header_knows_the_true_value_the_session_and_the_host(emulator: Emulator) -> None:
    emulator.add_fault(faults.set_header("location", "https://{host}{value}?s={session}&{other}"))
    answer = emulator.handle(post("/api/v1/sessions", body("sessionStart"))._replace(host="collect.example"))
    sid = emulator.session_ids()[0]
    location = dict(answer.response.headers)["Location"]
    assert location == f"https://collect.example/api/v1/sessions/{sid}?s={sid}&{{other}}"
    assert f"Location: {location}\r\n".encode() in answer.response.raw


def test_steps_are_what_the_effect_says(emulator: Emulator) -> None:
    sid = start(emulator)
    steps = {}
    for rule in (faults.reset(), faults.close(), faults.hang(), faults.hang(3), faults.delay(7), faults.malformed()):
        emulator.replace_faults([rule])
        steps[rule.effect, str(rule.attributes.get("seconds"))] = send(emulator, sid, "ping").steps
    assert steps["reset", "None"] == (Reset(),)
    assert steps["close", "None"] == (Close(),)
    assert steps["hang", "None"] == (Wait(None), Close())
    assert steps["hang", "3"] == (Wait(3), Close())
    assert steps["delay", "7"][0] == Wait(7.0)
    assert isinstance(steps["malformed", "None"][0], Send)


def test_the_log_tells_the_number_that_a_delay_was_drawn_by(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.delay(uniform=(2, 4), event="ping"))
    emulator.add_fault(faults.delay(1, event="play"))
    answer = send(emulator, sid, "ping")
    send(emulator, sid, "play")
    (ping,), (play,) = (emulator.requests(Match({"event": event})) for event in ("ping", "play"))
    assert ping.fault is not None
    assert play.fault is not None
    assert ping.fault.draw is not None
    assert answer.steps[0] == Wait(2 + 2 * ping.fault.draw)
    assert play.fault.draw is None


def test_delays_are_drawn_from_their_distribution() -> None:
    emulator = Emulator(seed=1)
    sid = start(emulator)
    emulator.add_fault(faults.delay(uniform=(1, 3), event="ping"))
    emulator.add_fault(faults.delay(lognormal={"median": 2, "sigma": 0.5}, event="play"))
    uniform = [send(emulator, sid, "ping").steps[0] for _ in range(300)]
    lognormal = [send(emulator, sid, "play").steps[0] for _ in range(301)]
    seconds = [step.seconds for step in uniform if isinstance(step, Wait) and step.seconds is not None]
    skewed = sorted(step.seconds for step in lognormal if isinstance(step, Wait) and step.seconds is not None)
    assert all(1 <= one <= 3 for one in seconds)
    assert 1.9 < sum(seconds) / len(seconds) < 2.1
    assert 1.8 < skewed[150] < 2.2  # the median
    assert skewed[-1] > 5  # the tail
    assert len(set(seconds)) > 290


def test_an_expired_session_answers_410_from_now_on_and_the_log_says_which_fault_did_it(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.expire_session(event="ping", skip=1))
    assert statuses(emulator, sid, "ping", "ping", "ping", "play") == [204, 410, 410, 410]
    dead = emulator.requests(Match({"status": 410}))
    assert {(one.verdict, one.outcome, one.fault and one.fault.rule) for one in dead} == {
        ("gone", "faulted", "expire-session")
    }
    assert emulator.summary().bad == 0
    assert statuses(emulator, start(emulator), "ping", "ping") == [204, 204]


def test_a_forgotten_session_answers_404_from_now_on(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.forget_session(event="ping"))
    assert statuses(emulator, sid, "play", "ping", "ping") == [204, 404, 404]


def test_an_event_may_be_counted_before_its_session_is_closed(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.expire_session(event="ping", side="after"))
    assert statuses(emulator, sid, "ping", "ping") == [204, 410]
    assert [one.outcome for one in emulator.requests(Match({"event": "ping"}))] == ["good", "faulted"]


def test_every_session_can_be_closed_at_once(emulator: Emulator) -> None:
    sids = [start(emulator) for _ in range(3)]
    emulator.add_fault(faults.forget_session(every=True, event="ping"))
    assert statuses(emulator, sids[1], "ping") == [404]
    assert [statuses(emulator, sid, "play") for sid in sids] == [[404]] * 3
    assert statuses(emulator, start(emulator), "ping") == [204]


def test_a_truncated_answer_promises_more_than_it_sends(emulator: Emulator) -> None:
    emulator.add_fault(faults.truncate(4))
    error = emulator.handle(post("/api/v1/sessions", b"{"))
    created = emulator.handle(post("/api/v1/sessions", body("sessionStart")))
    promised = int(dict(error.response.headers)["Content-Length"])
    assert error.response.body == b'{"me'
    assert promised > 4
    assert (dict(created.response.headers)["Content-Length"], created.response.body) == ("1", b"")


# -- the rules in force ---------------------------------------------------------------------------------------------------


def test_rules_without_a_name_get_one(emulator: Emulator) -> None:
    names = [emulator.add_fault(rule).name for rule in (faults.reset(), faults.reset(), faults.expire_session())]
    assert names == ["reset", "reset-2", "expire-session"]


def test_a_name_is_taken_once(emulator: Emulator) -> None:
    emulator.add_fault(faults.reset(name="mine"))
    with pytest.raises(ValueError, match='there is already a fault "mine"'):
        emulator.add_faults([faults.close(), faults.hang(name="mine")])
    assert [state.rule.name for state in emulator.faults()] == ["mine"]


def test_replacing_counts_afresh_or_changes_nothing(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, times=1))
    statuses(emulator, sid, "ping", "ping")
    with pytest.raises(ValueError, match="already"):
        emulator.replace_faults([faults.reset(name="a"), faults.close(name="a")])
    assert statuses(emulator, sid, "ping") == [204]
    emulator.replace_faults([faults.status(500, times=1)])
    assert statuses(emulator, sid, "ping", "ping") == [500, 204]


def test_hits_are_listed_with_the_rules(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(500, event="ping", skip=1, times=1))
    statuses(emulator, sid, "ping", "ping", "ping", "play")
    (state,) = emulator.faults()
    assert (state.hits, state.matched, state.active) == (1, 3, False)


def test_a_reset_goes_back_to_the_faults_of_the_start() -> None:
    emulator = Emulator(seed=1, faults=[faults.status(500, name="first", times=1)])
    assert emulator.handle(post("/api/v1/sessions", body("sessionStart"))).response.status == 500
    emulator.add_fault(faults.reset())
    emulator.reset()
    assert [(state.rule.name, state.hits) for state in emulator.faults()] == [("first", 0)]
    emulator.begin_with_faults([faults.close(name="second")])
    emulator.reset()
    assert [state.rule.name for state in emulator.faults()] == ["second"]


def test_clearing_the_log_leaves_the_faults(emulator: Emulator) -> None:
    emulator.add_fault(faults.reset())
    emulator.clear_log()
    assert len(emulator.faults()) == 1


def test_a_mistake_of_ours_in_a_fault_is_answered_500_and_marked_broken(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503))
    monkeypatch.setattr("mcmock.faults.effects.answer", lambda *_: 1 / 0)
    assert send(emulator, sid, "ping").response.status == 500
    assert emulator.summary().broken == 1
