"""`matches` answers as Python's `re` does, but no pattern and no text can keep it busy."""

from __future__ import annotations

import re
import warnings
from re import _parser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcmock import faults
from mcmock.core import regex
from mcmock.core.regex import MAX_PATTERN, MAX_PLACES, MAX_TEXT, searcher
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body
from tests.server.admin.test_faults_admin import ask

CATASTROPHIC = ["^(a+)+$", "(a*)*$b", "^(a|aa)+$", "(.*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "a*a*a*a*a*a*b"]

# -- the same answers as re -----------------------------------------------------------------------------------------------

ATOMS = st.sampled_from([
    "a", "b", "c", " ", r"\n", r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", "[ab]", "[^a]", ".", "^", "$", r"\b", r"\B", r"\A",
    r"\Z", "é", "_", "[a-c_]", "(?i:A)", "(?s:.)", "(?m:^)", "(?m:$)", r"(?a:\w)", r"(?a:\b)", "(?i:[^B])", "(?i:K)", "",
])  # fmt: skip
OFTEN = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?", "+?", "??", "{,2}"])
PATTERNS = st.builds(
    lambda flags, pattern: flags + pattern,
    st.sampled_from(["", "", "", "(?i)", "(?m)", "(?s)", "(?a)", "(?ims)"]),
    st.recursive(
        ATOMS,
        lambda inner: (
            st.builds("{}{}".format, inner, inner)
            | st.builds("(?:{}|{})".format, inner, inner)
            | st.builds("({}){}".format, inner, OFTEN)
        ),
        max_leaves=8,
    ),
)
TEXTS = st.text(st.sampled_from("aabbc \n_é1K\u212ak"), max_size=9)


@settings(max_examples=1500, deadline=None)
@given(pattern=PATTERNS, texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_it_finds_what_re_finds(pattern: str, texts: list[str]) -> None:
    """Both ways: what is left to `re`, and what is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = re.compile(pattern).search
    found, by_steps = searcher(pattern), regex._Search(regex._Program(_parser.parse(pattern))).found
    for text in texts:
        expected = search(text) is not None
        assert found(text) is expected, (pattern, text)
        assert by_steps(text) is expected, (pattern, text)


@pytest.mark.parametrize("pattern", ["b", "b$", "^a+b", "(a|b)+c?b"])
@pytest.mark.parametrize("before", [MAX_TEXT - 2, MAX_TEXT - 1, MAX_TEXT, MAX_TEXT + 100])
def test_it_looks_at_the_beginning_of_a_long_text(pattern: str, before: int) -> None:
    assert searcher(pattern)("a" * before + "b") is (before < MAX_TEXT)


def test_the_end_of_what_it_looks_at_is_not_the_end_of_the_text() -> None:
    assert not searcher("(a|b)$")("a" * MAX_TEXT + "c")
    assert searcher("(a|b)$")("a" * MAX_TEXT)
    assert not searcher("a$")("a" * MAX_TEXT + "c")


# -- its bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_a_text_takes_a_step_for_each_character(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    step = regex._Steps.next

    def counted(self: Any, places: int) -> int:
        nonlocal steps
        steps += 1
        return step(self, places)

    monkeypatch.setattr(regex._Steps, "next", counted)
    assert searcher(pattern)("a" * 4000 + "!") is False
    assert steps <= 4001


def test_what_a_pattern_remembers_is_bounded() -> None:
    search = regex._Search(regex._Program(_parser.parse("(a|b|.)*a(a|b|.){60}c")))
    for seed in range(40):
        search.found("".join("ab"[(n * n * (seed + 3) + n // 7) % 2] for n in range(300)))
        search.found("".join(chr(1000 + 300 * seed + n) for n in range(300)))
    assert all(len(steps.known) <= regex._KEPT for steps in search._steps.values())
    assert len(search._passing) <= regex._KEPT


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "refused: it has lookaround, (?=…) or (?<=…), which takes more than linear time"),
        ("(?<!a)b", "refused: it has lookaround, (?!…) or (?<!…), which takes more than linear time"),
        (r"(a)\1", r"refused: it has a backreference, such as \1, which takes more than linear time"),
        ("(?P<x>a)(?P=x)", r"refused: it has a backreference, such as \1, which takes more than linear time"),
        ("(a)?(?(1)b)", "refused: it has a condition, (?(1)…), which takes more than linear time"),
        ("(?>a)", "refused: it has an atomic group, (?>…), which takes more than linear time"),
        ("(x(a++))", "refused: it has a possessive repeat, such as a*+, which takes more than linear time"),
        ("(", "no regular expression: missing ), unterminated subpattern at position 0"),
        ("a{99999999999}", "no regular expression: the repetition number is too large"),
        ("a{4294967290}", f"too large: with its repeats written out it has more than {MAX_PLACES} steps"),
        ("(((a{60}){60}){60}){60}", f"too large: with its repeats written out it has more than {MAX_PLACES} steps"),
        ("(?:){99999999}", f"too large: with its repeats written out it has more than {MAX_PLACES} steps"),
        ("(" * 490 + ")" * 490, "nested too deep"),
        ("(" * 5000 + ")" * 5000, f"too long: 10,000 characters, and at most {MAX_PATTERN:,} are taken"),
        (None, "no regular expression: it must be text"),
    ],
)
def test_what_it_does_not_take_is_refused_by_name(pattern: object, said: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole line is compared
        searcher(pattern)
    assert str(refused.value) == said


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("()[]{}?*+|\\^$.:=!<>Pa1,-&"), max_size=30) | st.text(max_size=30))
def test_any_text_is_a_pattern_or_is_refused(pattern: str) -> None:
    try:
        found = searcher(pattern)
    except ValueError:
        return
    found("aaa1 :")


# -- with such a fault armed, by each way in ------------------------------------------------------------------------------

EVIL = "^(/|[a-z0-9]+)+$"
"""Over a path of 60 letters with a dot at its end, `re` goes through more ways than there are seconds since the beginning."""
TOML = f"""
[[fault]]
effect = {{ type = "status", code = 503 }}
match = {{ path = {{ matches = "{EVIL}" }} }}
"""


@pytest.mark.parametrize("way", ["python", "file", "control API"])
def test_a_catastrophic_pattern_stops_no_player(mcmock_server: McmockServer, way: str) -> None:
    """In time means: before this client's socket gives up."""
    if way == "python":
        mcmock_server.faults.add(faults.status(503, path={"matches": EVIL}))
    elif way == "file":
        mcmock_server.emulator.begin_with_faults(faults.load(TOML, "toml"))
    else:
        fault = {"effect": {"type": "status", "code": 503}, "match": {"path": {"matches": EVIL}}}
        assert ask(mcmock_server, "POST", "/faults", fault)[0] == 200
    with Wire(mcmock_server.url) as attacker, Wire(mcmock_server.url) as player:
        assert attacker.post("/" + "a" * 60 + ".", b"{}").startswith(b"HTTP/1.1 404 ")
        assert player.post("/api/v1/sessions", body("sessionStart")).startswith(b"HTTP/1.1 503 ")
        assert player.post("/api/v1/sessions/", body("sessionStart")).startswith(b"HTTP/1.1 503 ")


def test_nor_does_a_question_with_one(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.post("/" + "a" * 60 + ".", b"{}")
    assert ask(mcmock_server, "POST", "/requests/find", {"path": {"matches": EVIL}})[1]["matched"] == 0
    assert ask(mcmock_server, "GET", f"/requests?path.matches={EVIL.replace('+', '%2B')}")[1]["matched"] == 0
    assert len(mcmock_server.requests(path={"matches": "^(/|[a-z0-9]+)+[.]$"})) == 1
