"""Golden sessions: what is kept, when it is written, and how a difference is told."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mcmock.checks import timeline_text
from mcmock.engine import Emulator
from mcmock.testing import golden
from mcmock.testing.golden import GoldenStore, RecordedSession, compare, on_build_server
from tests.conftest import START_PARAMS, body, post, send, start
from tests.testing.test_plugin import PLAYER

pytest_plugins = ["pytester"]

NOW = 1_700_000_000_000


def view(
    *events: tuple[str, float], goldens: GoldenStore, emulator: Emulator | None = None, params: Any = None
) -> RecordedSession:
    """A session that sends `events`, each with its playhead, a second apart."""
    emulator = emulator or Emulator(seed=1)
    session_id = start(emulator, ts=NOW, params={**START_PARAMS, **(params or {})})
    for number, (event, playhead) in enumerate(events, 1):
        send(emulator, session_id, event, playhead, ts=NOW + number * 1000)
    found = emulator.session(session_id)
    assert found is not None
    return golden.recorded(found, goldens)


def test_a_first_run_writes_the_file_and_the_next_compares(tmp_path: Path) -> None:
    wrote: list[Path] = []
    goldens = GoldenStore(tmp_path, wrote=wrote.append)
    view(("play", 0), ("ping", 10.2), goldens=goldens).assert_matches_golden("view")
    assert wrote == [tmp_path / "view.golden.json"]
    view(("play", 0), ("ping", 9.8), goldens=goldens, emulator=Emulator(seed=2)).assert_matches_golden("view")
    assert len(wrote) == 1
    with pytest.raises(AssertionError, match=r"is not as in view\.golden\.json"):
        view(("play", 0), ("ping", 11), goldens=goldens).assert_matches_golden("view")


def test_the_file_reads_like_the_session(tmp_path: Path) -> None:
    params = {"visitor.marketingCloudUserId": "12345", "media.name": "Käse", "media.id": "0f" * 32}
    view(("play", 0), ("ping", 10.49), goldens=GoldenStore(tmp_path), params=params).assert_matches_golden("view")
    text = (tmp_path / "view.golden.json").read_text(encoding="utf-8")
    assert json.loads(text)["mcmockGolden"] == 1
    assert text.split("\n")[4:6] == [
        '    {"event": "play", "playhead": 0, "status": 204},',
        '    {"event": "ping", "playhead": 10, "status": 204}',
    ]
    first = json.loads(text)["events"][0]
    assert first["params"]["visitor.marketingCloudUserId"] == "<id>"
    assert first["params"]["media.id"] == "<session>"
    assert first["params"]["media.name"] == "Käse"
    assert str(NOW) not in text


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("a", "f" * 64, "<session>"),
        ("a", "123e4567-e89b-12d3-a456-426614174000", "<id>"),
        ("a", "2026-11-21T09:00:00.123Z", "<time>"),
        ("a", 1_700_000_000_123, "<time>"),
        ("a", 1_700_000_000, "<time>"),
        ("analytics.visitorId", "anything", "<id>"),
        ("media.qoe.timeToStart", 350, "<duration>"),
        ("a", "film-1", "film-1"),
        ("a", 3600, 3600),
        ("a", True, True),
        ("a", None, None),
    ],
)
def test_only_what_differs_with_every_run_is_replaced(key: str, value: object, kept: object) -> None:
    assert golden._steady(key, value) == kept


@pytest.mark.parametrize(
    ("playhead", "step", "rounded"),
    [
        (10.49, 1, 10),
        (10.5, 1, 11),
        (0.5, 1, 1),
        (10.24, 0.25, 10.25),
        (11, 10, 10),
        (None, 1, None),
        (float("inf"), 1, None),
    ],
)
def test_playheads_are_rounded_to_the_step(playhead: float | None, step: float, rounded: float | None) -> None:
    assert golden._rounded(playhead, step) == rounded


def test_rejected_events_are_kept_with_their_status(tmp_path: Path) -> None:
    emulator = Emulator(seed=1)
    one = view(("play", 0), goldens=GoldenStore(tmp_path), emulator=emulator)
    emulator.handle(post(f"/api/v1/sessions/{one.id}/events", {**body("ping"), "playerTime": {"playhead": 3}}))
    again = emulator.session(one.id)
    assert again is not None
    assert [(row["event"], row["status"]) for row in golden.rows(again)] == [
        ("sessionStart", 201), ("play", 204), ("ping", 400),
    ]  # fmt: skip


def test_a_difference_is_told_event_by_event(tmp_path: Path) -> None:
    goldens = GoldenStore(tmp_path)
    pings = [("ping", number) for number in range(1, 8)]
    view(("play", 0), *pings, ("sessionComplete", 8), goldens=goldens).assert_matches_golden("view")
    changed = view(
        ("play", 0), *pings, ("pauseStart", 8), ("sessionComplete", 9), goldens=goldens, params={"media.name": "n"}
    )
    with pytest.raises(AssertionError) as raised:
        changed.assert_matches_golden("view")
    head, difference = str(raised.value).split("\n\n")
    assert head == (
        f"session {changed.id[:8]} is not as in view.golden.json\n"
        "- there, + now, ! changed; pytest --mcmock-update accepts what is now"
    )
    assert difference == textwrap.dedent(
        """\
        !    1  sessionStart               0  201
        !         params.media.name was missing, is "n"
             2  play                       0  204
             3  ping                       1  204
             …  4 events alike
             8  ping                       6  204
             9  ping                       7  204
        +   10  pauseStart                 8  204
        !   11  sessionComplete            9  204
        !         playhead was 8, is 9"""
    )


def test_what_is_missing_is_told_by_its_place_in_the_file() -> None:
    rows = [{"event": event, "playhead": 0, "status": 204} for event in ("play", "ping", "pauseStart", "ping")]
    assert compare(rows, rows) == ""
    assert compare(rows, [rows[0], rows[3]]) == textwrap.dedent(
        """\
             1  play                       0  204
             2  ping                       0  204
        -    3  pauseStart                 0  204
        -    4  ping                       0  204"""
    )
    assert max(map(len, compare([{"event": "x" * 200}], []).split("\n"))) <= timeline_text.WIDTH


def test_on_a_build_server_a_missing_file_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"there is no view\.golden\.json: run the test once without CI set"):
        view(("play", 0), goldens=GoldenStore(tmp_path, frozen=True)).assert_matches_golden("view")
    assert list(tmp_path.iterdir()) == []
    assert [on_build_server({"CI": value}) for value in ("true", "1", "yes", "", "false", "0")] == [True] * 3 + [
        False
    ] * 3
    assert not on_build_server({})


def test_update_rewrites_only_what_differs(tmp_path: Path) -> None:
    wrote: list[Path] = []
    goldens = GoldenStore(tmp_path, update=True, frozen=True, wrote=wrote.append)
    for events in ([("play", 0)], [("play", 0)], [("ping", 0)]):
        view(*events, goldens=goldens).assert_matches_golden("view")
    assert len(wrote) == 2
    view(("ping", 0), goldens=GoldenStore(tmp_path)).assert_matches_golden("view")


@pytest.mark.parametrize("text", ["{", "[]", '{"mcmockGolden": 2, "events": []}', '{"mcmockGolden": 1, "events": [1]}'])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "view.golden.json").write_text(text)
    with pytest.raises(
        ValueError, match=r"^view\.golden\.json is .*: delete it, or rewrite it with pytest --mcmock-update$"
    ):
        view(("play", 0), goldens=GoldenStore(tmp_path)).assert_matches_golden("view")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\nb"])
def test_a_name_must_be_a_file_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a golden session"):
        view(goldens=GoldenStore(tmp_path)).assert_matches_golden(name)


def test_in_pytest_the_file_lies_beside_the_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written on the first run, which says so; compared on the next; rewritten on demand; required where CI is set."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(
        **{
            "player": PLAYER,
            "inner/test_it": """
            import os
            from player import Player

            def test_view(mcmock_server):
                player = Player(mcmock_server.url)
                player.send(os.environ["EVENT"], 1)
                mcmock_server.session().assert_matches_golden("full view")
            """,
        }
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    monkeypatch.syspath_prepend(str(pytester.path))
    monkeypatch.setenv("EVENT", "play")
    first = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly")
    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(["wrote *full view.golden.json"])
    assert (pytester.path / "inner" / "full view.golden.json").exists()
    second = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly")
    second.assert_outcomes(passed=1)
    second.stdout.no_fnmatch_line("wrote *")

    monkeypatch.setenv("EVENT", "pauseStart")
    third = pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly")
    third.assert_outcomes(failed=1)
    third.stdout.fnmatch_lines(["E  *-    2  play *", "E  *+    2  pauseStart *"])
    pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly", "--mcmock-update").assert_outcomes(passed=1)
    pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly").assert_outcomes(passed=1)

    (pytester.path / "inner" / "full view.golden.json").unlink()
    monkeypatch.setenv("CI", "true")
    pytester.runpytest("-p", "no:cacheprovider", "-p", "no:randomly").assert_outcomes(failed=1)
