"""Was anything lost? One answer for the fixture, exec, check and the control API, and each way to lose something."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from mcmock import faults
from mcmock.checks import timeline_text
from mcmock.checks.verdict import Lost
from mcmock.core.model import Request
from mcmock.engine import Emulator
from mcmock.engine.outcomes import Analysis
from mcmock.engine.session_analysis import SessionAnalysis
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, post, send, start

AD = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}
VIEWER = {**START_PARAMS, "analytics.visitorId": "someone"}
NOBODY = START_PARAMS


def how(verdict: Lost) -> dict[str, int]:
    return {name: number for name, number in verdict.counts.items() if number}


def counting(calls: Counter[str], name: str, does: Callable[..., Any]) -> Callable[..., Any]:
    def done(*told: Any) -> Any:
        calls[name] += 1
        return does(*told)

    return done


def preflight(*headers: tuple[str, str], path: str = "/api/v1/sessions", **other: str) -> Request:
    lines = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST", **dict(headers), **other}
    return Request("OPTIONS", path, tuple((name.encode(), value.encode()) for name, value in lines.items()), b"")


# -- what is lost ---------------------------------------------------------------------------------------------------------


def test_a_plain_view_loses_nothing(emulator: Emulator) -> None:
    sid = start(emulator)
    for name in ("play", "ping", "sessionComplete", "sessionEnd"):
        send(emulator, sid, name)
    verdict = emulator.verdict("warning")
    assert (verdict.passed, verdict.lost, verdict.message) == (True, 0, "nothing is lost")


def test_what_was_rejected_is_lost(emulator: Emulator) -> None:
    sid = start(emulator)
    send(emulator, sid, "ping", qoeData=5)
    send(emulator, sid, "sessionEnd")
    send(emulator, sid, "ping")
    send(emulator, "9" * 64, "ping")
    verdict = emulator.verdict("rejected")
    assert how(verdict) == {"rejected": 3}
    assert verdict.rules == ("wrong-type", "gone", "unknown")
    assert emulator.verdict(allow=["gone", "unknown"]).lost == 1
    assert emulator.verdict(allow=["gone", "unknown", "wrong-type"]).passed


def test_what_is_ignored_is_lost_though_it_was_answered_204(emulator: Emulator) -> None:
    send(emulator, start(emulator), "adStart", params=AD)
    assert how(emulator.verdict()) == {"ignored": 1}
    assert emulator.verdict("rejected").passed
    assert emulator.verdict(allow=["ad-outside-break"]).passed
    assert not emulator.verdict(allow=["ad-not-closed"]).passed


def test_a_warning_that_ignores_nothing_fails_only_where_warnings_do(emulator: Emulator) -> None:
    send(emulator, start(emulator), "error")
    assert emulator.verdict().passed
    verdict = emulator.verdict("warning")
    assert (how(verdict), verdict.lost, verdict.rules) == ({"warnings": 1}, 0, ("error-without-id",))
    assert "to be looked at" in verdict.message


def test_never_fails_for_nothing(emulator: Emulator) -> None:
    send(emulator, "9" * 64, "ping")
    start(emulator)
    start(emulator)
    assert emulator.verdict("never").passed


def test_a_level_or_a_rule_there_is_not_is_named(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="fail_on must be never, rejected, lost or warning, not bad"):
        emulator.verdict("bad")
    with pytest.raises(ValueError, match=r"there is no rule ping-gapp \(did you mean ping-gap\?\)"):
        emulator.verdict(allow=["ping-gapp"])
    with pytest.raises(ValueError, match="allow must be a list of rules"):
        emulator.verdict(allow="ping-gap")


def test_what_is_allowed_does_not_excuse_what_else_is_wrong_with_a_request(emulator: Emulator) -> None:
    send(emulator, start(emulator), "ping", params={"a": 1}, qoeData={"b": 2})
    assert not emulator.verdict(allow=["params-on-ping"]).passed
    assert emulator.verdict(allow=["params-on-ping", "unknown-key"]).passed


def test_the_text_says_when_there_was_nothing_to_lose(emulator: Emulator) -> None:
    assert emulator.verdict().message == "nothing is lost, but no request has come"
    emulator.handle(Request("GET", "/api/v1/schemas/ping", (), b""))
    assert emulator.verdict().message == "nothing is lost, but no session was opened"
    start(emulator)
    assert emulator.verdict().message == "nothing is lost, but 1 session of 1 had nothing but a start"


# -- never sent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("Access-Control-Request-Headers", "content-type,x-trace-id"), "the header x-trace-id"),
        (
            ("Access-Control-Request-Headers", "authorization, user-agent, content-type"),
            "the headers authorization, user-agent",
        ),
        (("Access-Control-Request-Method", "DELETE"), "the method DELETE"),
        (("Access-Control-Request-Method", "PATCH"), "the method PATCH"),
        (("Access-Control-Request-Method", "post"), "the method post"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/downloaded", f"/api/v1/sessions/{'5' * 64}/events"])
def test_a_preflight_that_the_browser_refuses_says_why(
    emulator: Emulator, line: tuple[str, str], words: str, path: str
) -> None:
    answer = emulator.handle(preflight(line, path=path))
    one = emulator.request(answer.seq)
    assert one is not None
    (finding,) = one.findings
    assert finding.rule == "preflight-refused"
    assert words in finding.message
    assert "sends nothing after it" in finding.message
    assert how(emulator.verdict()) == {"neverSent": 1}


def test_the_option_that_widens_it_is_named_and_does_widen_it(emulator: Emulator) -> None:
    asked = preflight(("Access-Control-Request-Headers", "content-type, X-Trace-Id"))
    one = emulator.request(emulator.handle(asked).seq)
    assert one is not None
    assert '; --cors-headers "Content-Type, X-Trace-Id" lets it through' in one.findings[0].message
    for wide in ("Content-Type, X-Trace-Id", "content-type,x-trace-id", "*"):
        other = Emulator(seed=1, cors_headers=wide)
        other.handle(asked)
        assert other.verdict().passed


def test_a_star_does_not_cover_authorization() -> None:
    emulator = Emulator(seed=1, cors_headers="*")
    emulator.handle(preflight(("Access-Control-Request-Headers", "authorization")))
    assert how(emulator.verdict()) == {"neverSent": 1}


@pytest.mark.parametrize(
    "line",
    [
        ("Access-Control-Request-Headers", "content-type"),
        ("Access-Control-Request-Headers", ""),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Method", "GET"),
    ],
)
def test_a_preflight_that_passes_is_not_found_fault_with(emulator: Emulator, line: tuple[str, str]) -> None:
    emulator.handle(preflight(line))
    emulator.handle(Request("OPTIONS", "/api/v1/sessions", (), b""))  # no browser asked
    assert emulator.verdict("warning").passed


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (faults.status(503, name="down"), "it was answered 503 (by the fault down)"),
        (faults.reset(name="down"), "there was no answer (by the fault down)"),
        (faults.drop_header("Access-Control-Allow-Origin", name="down"), "has no Access-Control-Allow-Origin (by"),
        (
            faults.set_header("Access-Control-Allow-Origin", "https://other.example", name="down"),
            "the page is of https://page",
        ),
        (faults.drop_header("Access-Control-Allow-Headers", name="down"), "the header content-type"),
    ],
)
def test_a_preflight_that_a_fault_refused_is_the_faults(emulator: Emulator, rule: Any, words: str) -> None:
    emulator.add_fault(rule)
    one = emulator.request(emulator.handle(preflight(("Access-Control-Request-Headers", "content-type"))).seq)
    assert one is not None
    assert [finding.severity for finding in one.findings] == ["info"]
    assert words in one.findings[0].message
    assert "by the fault down" in one.findings[0].message
    assert emulator.verdict("warning").passed


# -- unread ---------------------------------------------------------------------------------------------------------------


def begin(emulator: Emulator, params: dict[str, Any], second: float = 0) -> str:
    return start(emulator, params=params, ts=1_700_000_000_000 + int(second * 1000))


def unread(emulator: Emulator) -> list[str]:
    return [one.session_id for one in emulator.verdict().sessions if one.finding.rule == "location-unread"]


@pytest.mark.parametrize("params", [VIEWER, NOBODY])
@pytest.mark.parametrize("gap", [0, 0.6, 4])
def test_starts_again_before_any_event_are_unread_at_once(
    emulator: Emulator, params: dict[str, Any], gap: float
) -> None:
    emulator.freeze()
    sids = []
    for _ in range(3):
        sids.append(begin(emulator, params))
        assert unread(emulator) == sids[:-1]
        emulator.advance(gap)
    assert "3 starts, no event; the player never read Location" in emulator.verdict().message.replace("\n    ", " ")


@pytest.mark.parametrize("params", [VIEWER, NOBODY])
@pytest.mark.parametrize("alive", [0, 1, 2])
def test_of_three_starts_of_which_one_lives_the_others_are_unread(
    emulator: Emulator, params: dict[str, Any], alive: int
) -> None:
    sids = [begin(emulator, params) for _ in range(3)]
    send(emulator, sids[alive], "play")
    send(emulator, sids[alive], "ping")
    assert unread(emulator) == [sid for sid in sids if sid != sids[alive]]


@pytest.mark.parametrize("params", [VIEWER, NOBODY])
def test_of_three_starts_that_all_have_events_the_earlier_ones_were_not_waited_for(
    emulator: Emulator, params: dict[str, Any]
) -> None:
    sids = [begin(emulator, params, second) for second in (0, 2, 4)]
    for sid in sids:
        send(emulator, sid, "play")
    send(emulator, sids[-1], "sessionComplete", 20)
    assert unread(emulator) == sids[:2]
    assert "one view is counted as two" in emulator.verdict().message.replace("\n    ", " ")


def test_a_request_that_was_rejected_shows_that_location_was_read(emulator: Emulator) -> None:
    send(emulator, begin(emulator, VIEWER), "ping", qoeData=5)
    begin(emulator, VIEWER)
    assert unread(emulator) == []


def test_a_view_that_is_begun_again_after_events_or_after_a_while_is_another_view(emulator: Emulator) -> None:
    send(emulator, begin(emulator, VIEWER), "play")
    begin(emulator, VIEWER)
    emulator.advance(11)
    begin(emulator, VIEWER)
    assert unread(emulator) == []


def test_other_content_and_other_viewers_are_no_second_start(emulator: Emulator) -> None:
    begin(emulator, VIEWER)
    begin(emulator, {**VIEWER, "media.id": "another"})
    begin(emulator, {**VIEWER, "analytics.visitorId": "somebody else"})
    begin(emulator, NOBODY)
    assert unread(emulator) == []


def test_two_players_without_a_name_that_play_side_by_side_are_two_viewers(emulator: Emulator) -> None:
    sids = [begin(emulator, NOBODY) for _ in range(2)]
    for name in ("play", "ping", "sessionComplete", "sessionEnd"):
        for sid in sids:
            send(emulator, sid, name)
    assert unread(emulator) == []


def test_downloaded_content_brings_its_events_with_it(emulator: Emulator) -> None:
    array = [body("sessionStart", params={**VIEWER, "media.downloaded": True}), body("play"), body("sessionEnd")]
    for path in ("/api/v1/downloaded", "/api/v1/downloaded"):
        emulator.handle(post(path, array))
    assert unread(emulator) == []


@pytest.mark.parametrize("rule", [faults.close(side="after"), faults.delay(30), faults.drop_header("Location")])
def test_a_start_whose_answer_a_fault_took_is_not_the_players_fault(emulator: Emulator, rule: Any) -> None:
    emulator.add_fault(rule.named("deaf"))
    emulator.handle(post("/api/v1/sessions", body("sessionStart", params=VIEWER)))
    (first,) = emulator.session_ids()
    emulator.clear_faults()
    send(emulator, begin(emulator, VIEWER), "play")
    view = emulator.session(first)
    assert view is not None
    ((finding),) = view.judgement.session_findings
    assert (finding.rule, finding.severity) == ("location-unread", "info")
    assert "the fault deaf met the answer of this start" in finding.message
    assert emulator.verdict("warning").passed


# -- what is expected -----------------------------------------------------------------------------------------------------


def test_what_was_arranged_is_expected(emulator: Emulator) -> None:
    expired, late = start(emulator), start(emulator, params={**START_PARAMS, "media.id": "other"})
    emulator.expire(expired)
    send(emulator, expired, "ping")
    emulator.advance(601)
    send(emulator, late, "ping")
    assert emulator.verdict().passed


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (faults.set_header("Location", "http://mcmock/api/v1/sessions/1"), "/api/v1/sessions/v1/events"),
        (faults.set_header("Location", "/va/api/v1/sessions/1"), "/va/api/v1/sessions/1/events"),
        (faults.drop_header("Location"), "/api/v1/sessions/undefined/events"),
        (faults.drop_header("Access-Control-Expose-Headers"), "/api/v1/sessions/null/events"),
        (faults.drop_header("Location"), "/undefined/events"),
    ],
)
def test_a_wrong_address_that_a_fault_gave_is_the_faults(emulator: Emulator, rule: Any, path: str) -> None:
    emulator.add_fault(rule.named("rewritten"))
    emulator.handle(post("/api/v1/sessions", body("sessionStart", params=VIEWER)))
    one = emulator.request(emulator.handle(post(path, body("play"))).seq)
    assert one is not None
    assert one.fault is not None
    assert one.fault.rule == "rewritten"
    astray = [finding for finding in one.findings if finding.rule == "misdirected"]
    assert all(finding.severity == "info" and "the fault rewritten" in finding.message for finding in astray)
    assert emulator.verdict("warning").passed


def test_a_wrong_address_after_a_start_that_was_answered_truly_is_the_players(emulator: Emulator) -> None:
    emulator.add_fault(faults.drop_header("Location", times=1))
    emulator.handle(post("/api/v1/sessions", body("sessionStart", params=VIEWER)))
    send(emulator, begin(emulator, {**VIEWER, "media.id": "another"}), "play")
    emulator.handle(post("/undefined/events", body("play")))
    assert how(emulator.verdict()) == {"misdirected": 1}


# -- over HTTP ------------------------------------------------------------------------------------------------------------


def asked(server: McmockServer, path: str, value: Any = None, **headers: str) -> tuple[int, Any]:
    data = json.dumps(value).encode() if value is not None else None
    sent = headers or ({"Content-Type": "application/json"} if value is not None else {})
    try:
        with urlopen(HttpRequest(f"{server.admin_url}{path}", data, sent), timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_verdict_is_one_get(mcmock_server: McmockServer) -> None:
    emulator = mcmock_server.emulator
    assert asked(mcmock_server, "/verdict")[1]["result"] == "pass"
    send(emulator, start(emulator), "adStart", params=AD)
    emulator.handle(post("/api/v1/session", body("play")))
    begin(emulator, NOBODY)
    begin(emulator, NOBODY)
    status, verdict = asked(mcmock_server, "/verdict")
    assert status == 200
    assert (verdict["result"], verdict["failOn"], verdict["lost"]) == ("fail", "lost", 3)
    assert verdict["counts"] == {
        "rejected": 0, "misdirected": 1, "ignored": 1, "neverSent": 0, "unread": 1, "errors": 0, "warnings": 0,
    }  # fmt: skip
    assert [one["path"] for one in verdict["requests"]][1:] == ["/api/v1/session"]
    assert [one["rule"] for one in verdict["findings"]] == ["location-unread"]
    assert verdict["rules"] == ["ad-outside-break", "misdirected", "location-unread"]
    assert verdict["message"].startswith(mcmock_server.verdict().message)
    few = asked(mcmock_server, "/verdict?limit=1")[1]
    assert few == {**verdict, "requests": verdict["requests"][:1], "next": 1}, "lost, counts and message are of all"
    assert "adStart" in verdict["message"].partition("seq      time")[2], "the timeline"
    assert asked(mcmock_server, "/verdict?failOn=rejected")[1]["result"] == "pass"
    assert (
        asked(mcmock_server, "/verdict?allow=misdirected,ad-outside-break&allow=location-unread")[1]["result"] == "pass"
    )


def test_a_strict_verdict_is_an_error_in_the_one_shape(mcmock_server: McmockServer) -> None:
    assert asked(mcmock_server, "/verdict?strict=1")[0] == 200
    mcmock_server.emulator.handle(post("/api/v1/session", body("play")))
    status, verdict = asked(mcmock_server, "/verdict?strict=1")
    assert status == 409
    assert verdict["result"] == "fail"
    assert verdict["error"] == {"code": "not-passed", "message": verdict["message"]}


@pytest.mark.parametrize("query", ["failOn=bad", "allow=no-such-rule", "strict=yes", "limit=few"])
def test_a_wrong_word_is_a_bad_request(mcmock_server: McmockServer, query: str) -> None:
    status, answer = asked(mcmock_server, f"/verdict?{query}")
    assert (status, answer["error"]["code"]) == (400, "bad-request")


@pytest.mark.parametrize("route", ["/verify", "/requests/wait"])
def test_verify_and_wait_are_strict_where_they_are_asked_to_be(mcmock_server: McmockServer, route: str) -> None:
    check = {"match": {"event": "ping"}, **({"timeout": 0} if route.endswith("wait") else {})}
    assert asked(mcmock_server, route, check)[0] == 200
    status, answer = asked(mcmock_server, f"{route}?strict=1", check)
    assert (status, answer["result"], answer["error"]["code"]) == (409, "fail", "not-passed")


def test_the_report_of_the_only_session(mcmock_server: McmockServer) -> None:
    status, answer = asked(mcmock_server, "/report")
    assert (status, answer["error"]["code"]) == (409, "no-session")
    sid = start(mcmock_server.emulator)
    assert asked(mcmock_server, "/report") == asked(mcmock_server, f"/sessions/{sid}/report")
    start(mcmock_server.emulator)
    status, answer = asked(mcmock_server, "/report")
    assert (status, answer["error"]["code"]) == (409, "several-sessions")
    assert sid in answer["error"]["message"]


def test_verify_no_findings(mcmock_server: McmockServer) -> None:
    emulator = mcmock_server.emulator
    check = {"noFindings": "warning"}
    assert asked(mcmock_server, "/verify", check)[1]["result"] == "fail", "there is no session yet"
    assert asked(mcmock_server, "/verify", {**check, "allowNoSessions": True})[1]["result"] == "pass"
    sid = start(emulator)
    assert asked(mcmock_server, "/verify", check)[1]["result"] == "pass"
    send(emulator, sid, "error")
    answer = asked(mcmock_server, "/verify", check)[1]
    assert (answer["result"], answer["matched"], answer["expected"]["noFindings"]) == ("fail", 1, "warning")
    assert "error-without-id" in answer["message"]
    assert asked(mcmock_server, "/verify", {"noFindings": "error"})[1]["result"] == "pass"
    assert asked(mcmock_server, "/verify", {**check, "match": {"event": "sessionStart"}})[1]["result"] == "pass"
    begin(emulator, NOBODY)
    begin(emulator, NOBODY)
    assert "location-unread" in asked(mcmock_server, "/verify", {"noFindings": "error"})[1]["message"]


def test_verify_no_losses(mcmock_server: McmockServer) -> None:
    emulator = mcmock_server.emulator
    sid = start(emulator)
    send(emulator, sid, "error")
    assert asked(mcmock_server, "/verify", {"noLosses": True})[1]["result"] == "pass"
    emulator.add_fault(faults.status(503, event="ping", times=1))
    send(emulator, sid, "ping")
    answer = asked(mcmock_server, "/verify?strict=1", {"noLosses": True})
    assert answer[0] == 409
    assert "1 lost" in answer[1]["message"]
    send(emulator, sid, "ping")
    assert asked(mcmock_server, "/verify", {"noLosses": True})[1]["result"] == "pass"
    send(emulator, sid, "adStart", params=AD)
    assert "ad-outside-break" in asked(mcmock_server, "/verify", {"noLosses": True})[1]["message"]


@pytest.mark.parametrize(
    "check",
    [
        {"noFindings": "worse"},
        {"noFindings": "error", "count": 1},
        {"noLosses": True, "within": 1},
        {"noLosses": "yes"},
        {"noLosses": True, "match": {"event": "ping"}},
    ],
)
def test_what_does_not_go_together_is_a_bad_request(mcmock_server: McmockServer, check: dict[str, Any]) -> None:
    status, answer = asked(mcmock_server, "/verify", check)
    assert (status, answer["error"]["code"]) == (400, "bad-request")


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_an_empty_post_of_any_type_is_taken_where_no_body_is_needed(mcmock_server: McmockServer, sent: str) -> None:
    sid = start(mcmock_server.emulator)
    for path in (f"/sessions/{sid}/expire", "/clock/freeze", "/presets/outage", "/reset"):
        request = HttpRequest(f"{mcmock_server.admin_url}{path}", b"", {"Content-Type": sent}, method="POST")
        with urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def test_a_scope_that_was_reset_is_empty_and_not_unknown(mcmock_server: McmockServer) -> None:
    assert asked(mcmock_server, "/verdict?scope=fresh")[0] == 404
    request = HttpRequest(f"{mcmock_server.url}/~fresh/__admin/reset", method="POST")
    urlopen(request, timeout=10).close()
    assert asked(mcmock_server, "/verdict?scope=fresh")[1]["result"] == "pass"
    assert asked(mcmock_server, "/summary?scope=fresh")[1]["total"] == 0


def test_a_verdict_on_many_sessions_looks_at_each_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each is compared with those of the same film beside it, and only a few timelines are told."""
    emulator = Emulator()
    for _ in range(40):
        session_id = start(emulator)
        send(emulator, session_id, "play")
        emulator.handle(post(f"/api/v1/sessions/{session_id}/events", b"no JSON"))
    looked: Counter[str] = Counter()
    for one, name in [(SessionAnalysis, "summary"), (Analysis, "view")]:
        monkeypatch.setattr(one, name, counting(looked, name, getattr(one, name)))
    verdict = emulator.verdict()
    assert len(verdict.requests) == 40
    assert "(35 more sessions not shown)" in verdict.story(emulator)
    assert looked["summary"] <= 2 * 40 + 17 * timeline_text.SESSIONS
    assert looked["view"] == timeline_text.SESSIONS
