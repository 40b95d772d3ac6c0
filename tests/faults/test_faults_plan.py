"""The plan by itself: what it counts for which rule, what it forgets with one, and where its numbers begin and end."""

from __future__ import annotations

import math

import pytest
from jsonschema import Draft202012Validator

from mcmock import faults
from mcmock.core.match import Match
from mcmock.core.model import Kind, Response
from mcmock.faults.effects import EFFECTS, EffectContext
from mcmock.faults.rule import FaultRule
from mcmock.faults.selection import ActiveRule, FaultCandidate, FaultCounters, FaultQuery, Fired, decide, is_active

SEEN = FaultCandidate(Kind.EVENT, "ping", "sid", "default", "/api/v1/sessions/sid/events", lambda: None)


def no_answer(status: int, message: str) -> Response:
    raise AssertionError(f"nothing is answered here: {status} {message}")


SCENE = EffectContext(None, "sid", True, "localhost", False, no_answer)


def asked(
    counters: FaultCounters, rule: FaultRule, *, key: str = "sid", now: float = 0.0, serial: int = 1
) -> Fired | None:
    return decide((ActiveRule(rule, serial, 0.0),), counters, FaultQuery("before", SEEN, SCENE, key, now), seed=7)


def test_a_rule_that_is_forgotten_leaves_nothing_and_takes_nothing_of_another_with_it() -> None:
    counters = FaultCounters()
    sometimes, limit = faults.status(503, probability=0.5, per="session"), faults.rate_limit(1, per="session")
    for serial in (1, 2):
        for key in ("a", "b"):
            asked(counters, sometimes, key=key, serial=serial)
            asked(counters, limit, key=key, serial=serial + 10)
    counters.forget({1, 11})
    assert {serial for serial, _, _ in counters.counts.scan()} == {2, 12}
    assert set(counters.buckets.scan()) == {(12, "a"), (12, "b")}


def test_only_a_rule_that_draws_or_counts_by_session_remembers_sessions() -> None:
    """What is remembered of each session grows with the sessions."""
    plain = FaultCounters()
    for key in ("a", "b", "c"):
        asked(plain, faults.status(503, skip=1, times=9), key=key)
    assert {key for _, _, key in plain.counts.scan()} == {""}
    drawing = FaultCounters()
    asked(drawing, faults.status(503, probability=0.5), key="a")
    assert "a" in {key for _, _, key in drawing.counts.scan()}


def test_a_number_below_the_probability_fires_and_one_that_equals_it_does_not() -> None:
    """So that 0 never fires, whatever is drawn."""
    fired = asked(FaultCounters(), faults.status(503, name="one", probability=math.nextafter(1, 0)))
    assert fired is not None
    assert fired.hit.draw is not None
    drawn = fired.hit.draw
    assert asked(FaultCounters(), faults.status(503, name="one", probability=drawn)) is None
    assert asked(FaultCounters(), faults.status(503, name="one", probability=math.nextafter(drawn, 1))) is not None


def test_a_rate_per_session_is_a_bucket_for_each() -> None:
    counters, rule = FaultCounters(), faults.rate_limit(2, per="session")
    hits = [asked(counters, rule, key=key) is not None for key in ("a", "a", "a", "b", "b", "b")]
    assert hits == [False, False, True, False, False, True]


def test_a_bucket_holds_a_seconds_worth_however_long_nobody_came() -> None:
    counters, rule = FaultCounters(), faults.rate_limit(3)
    assert [asked(counters, rule, now=0.0) is not None for _ in range(4)] == [False, False, False, True]
    assert [asked(counters, rule, now=1000.0) is not None for _ in range(4)] == [False, False, False, True]


@pytest.mark.parametrize(("now", "fires"), [(0.0, True), (9.999, True), (10.0, False), (11.0, False)])
def test_at_the_end_of_its_seconds_a_rule_rests_and_says_so(now: float, fires: bool) -> None:
    rule, counters = faults.status(503, for_seconds=10), FaultCounters()
    assert is_active(ActiveRule(rule, 1, 0.0), counters, now) is fires
    assert (asked(counters, rule, now=now) is not None) is fires


def test_a_rule_with_times_is_active_until_the_last_of_them() -> None:
    rule, counters = faults.status(503, times=2), FaultCounters()
    active = []
    for _ in range(3):
        active.append(is_active(ActiveRule(rule, 1, 0.0), counters, 0.0))
        asked(counters, rule)
    assert active == [True, True, False]
    assert counters.count(1, "hits") == 2
    per_session = faults.status(503, times=1, per="session")
    assert asked(FaultCounters(), per_session) is not None
    assert is_active(ActiveRule(per_session, 1, 0.0), counters, 0.0)  # another session may come


def test_a_rule_equals_one_that_says_the_same_and_nothing_else() -> None:
    one, same, other = faults.status(503), faults.status(503), faults.status(502)
    assert one == same
    assert len({one, same, other}) == 2
    assert one != other
    assert one != "status"


def test_a_rule_made_by_hand_has_the_defaults_of_one_from_json() -> None:
    by_hand = FaultRule("", "reset", {}, Match(), "before")
    assert by_hand == faults.rule_from_json({"effect": "reset"})
    assert by_hand.to_json() == faults.reset().to_json()


def test_a_match_that_was_compiled_already_is_taken_as_it_is() -> None:
    rule = faults.rule_from_json({"effect": "reset", "match": Match({"event": "ping"})})
    assert rule.match.wanted == {"event": "ping"}
    with pytest.raises(ValueError, match="outcome is not known before"):
        faults.rule_from_json({"effect": "reset", "match": Match({"outcome": "good"})})


def test_of_several_fields_that_nobody_knows_yet_the_first_is_named() -> None:
    with pytest.raises(ValueError, match=r"match\.outcome is not known before"):
        faults.rule_from_json({"effect": "reset", "match": {"status": 400, "outcome": "good"}})


# -- the schema says what the code does -------------------------------------------------------------------------------------


def test_the_schema_names_the_defaults_that_a_rule_has() -> None:
    parts = faults.rule_schema()["properties"]
    made = faults.reset().to_json()
    assert {name: part["default"] for name, part in parts.items() if "default" in part} == {
        name: made[name] for name in ("skip", "probability", "per")
    }
    assert [name for name, part in parts.items() if part.get("readOnly")] == ["hits", "matched", "active"]
    by_title = {one["title"]: one["properties"] for one in parts["effect"]["oneOf"] if "title" in one}
    assert by_title["expire_session"]["every"]["default"] is False


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_schema_takes_an_effect_as_a_word_where_the_code_does(effect: str) -> None:
    try:
        faults.rule_from_json({"effect": effect})
    except ValueError:
        taken = False
    else:
        taken = True
    assert Draft202012Validator(faults.rule_schema()).is_valid({"effect": effect}) is taken


def test_the_schema_refuses_a_field_of_match_that_there_is_not() -> None:
    schema = Draft202012Validator(faults.rule_schema())
    assert schema.is_valid({"effect": "reset", "match": {"event": "ping"}})
    assert not schema.is_valid({"effect": "reset", "match": {"evnt": "ping"}})
