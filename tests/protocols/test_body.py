"""From bytes to a judgement: the same one with and without the extra `speed`, for every body that anybody can think of."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcmock.core import json_decoding
from mcmock.core.model import Kind, Mode
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection import schemas
from mcmock.protocols.media_collection.body import Judged
from tests.conftest import START_PARAMS, body
from tests.protocols.test_fidelity_body import ROWS, Case

FIXTURES = Path(__file__).parents[2] / "fixtures"


def slow(judge: Callable[[], Any]) -> Any:
    """What `judge` says without orjson, and with no shape remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_decoding, "orjson", None)
        patch.setattr(schemas, "_shapes", {})
        return judge()


def same(kind: Kind, text: bytes, mode: Mode = Mode.DEFAULT) -> Judged:
    fast = bodies.judge(kind, text, mode)
    again = slow(lambda: bodies.judge(kind, text, mode))
    assert repr(fast) == repr(again)  # repr: 1 and 1.0 and True are equal, and not the same
    return fast


def recorded() -> Iterator[tuple[Kind, bytes]]:
    """Every body of the project: what clients sent, timelines, and the cases of the fidelity table."""
    for path in sorted((FIXTURES / "clients").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            sent = json.loads(line)
            if sent["kind"] != "preflight":
                yield Kind(sent["kind"]), sent["body_raw"].encode()
    for path in sorted((FIXTURES / "timelines").glob("*.json")):
        for step in json.loads(path.read_text(encoding="utf-8"))["steps"]:
            kind = Kind.DOWNLOADED if isinstance(step["send"], list) else Kind.EVENT
            yield kind, json.dumps(step["send"]).encode()
    for cases in ROWS.values():
        yield from ((case.kind, text_of(case)) for case in cases)


def text_of(case: Case) -> bytes:
    return case.sent if isinstance(case.sent, bytes) else json.dumps(case.sent).encode()


def test_what_makes_it_fast_changes_no_judgement_of_any_body_of_the_project() -> None:
    seen = 0
    for kind, text in recorded():
        for mode in Mode:
            same(kind, text, mode)
            seen += 1
    assert seen > 1500


def digest() -> str:
    made = hashlib.sha256()
    for kind, text in recorded():
        made.update(repr(bodies.judge(kind, text, Mode.DEFAULT)).encode())
    return made.hexdigest()


def test_a_python_without_orjson_judges_the_same() -> None:
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from mcmock.core import json_decoding\n"
        "assert json_decoding.orjson is None\n"
        "from tests.protocols.test_body import digest; print(digest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert run.stdout.strip() == digest()


# -- any JSON -------------------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=8) | st.sampled_from(["", "\ud800", "\x00", "a\n", "media.id", "fullScreen", "1"])
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.integers(min_value=2**62, max_value=2**66),
    st.sampled_from([0, -0.0, 1e16, 1e22, 2**53, 2**63, 2**64]),
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
AD = {"media.ad.id": "a", "media.ad.length": 1, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
FULL = {
    "sessionStart": body("sessionStart", params=START_PARAMS | {"visitor.aamLocationHint": 9}, customMetadata={"a": "b"}),
    "ping": body("ping", qoeData={"media.qoe.bitrate": 1, "media.qoe.errorID": "e"}, customMetadata={}, params={}),
    "statesUpdate": body("statesUpdate", params={"statesStart": [{"media.state.name": "mute"}], "statesEnd": []}),
    "adBreakStart": body("adBreakStart", params={"media.ad.podIndex": 1, "media.ad.podSecond": 0.5}),
    "adStart": body("adStart", params=AD),
    "error": body("error", params={"media.errorId": "e"}, qoeData={"media.qoe.errorSource": "player"}),
    "stateStart": body("stateStart", params={"media.state.name": "mute"}),
}  # fmt: skip


@st.composite
def almost_valid(draw: st.DrawFn) -> tuple[str, Any]:
    """A full body with a few values replaced, added or taken away."""
    name = draw(st.sampled_from(sorted(FULL)))
    value: Any = copy.deepcopy(FULL[name])
    for _ in range(draw(st.integers(1, 3))):
        inner = value
        while draw(st.booleans()) and (deeper := [one for one in inner.values() if isinstance(one, dict)]):
            inner = draw(st.sampled_from(deeper))
        key = draw(st.sampled_from(sorted(inner)) | TEXT) if inner else draw(TEXT)
        if draw(st.booleans()):
            inner[key] = draw(VALUES)
        else:
            inner.pop(key, None)
    return name, value


def sent(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


@settings(max_examples=400, deadline=None)
@given(made=almost_valid(), mode=st.sampled_from(list(Mode)))
def test_almost_valid_bodies_are_judged_alike(made: tuple[str, Any], mode: Mode) -> None:
    name, value = made
    same(Kind.SESSION if name == "sessionStart" else Kind.EVENT, sent(value), mode)
    if name == "sessionStart":
        same(Kind.DOWNLOADED, sent([value, FULL["ping"]]), mode)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, kind=st.sampled_from([Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED]))
def test_any_json_is_judged_alike(value: Any, kind: Kind) -> None:
    judged = same(kind, sent(value))
    assert judged.refusal is not None


@settings(max_examples=300, deadline=None)
@given(
    text=st.binary(max_size=40)
    | st.text(alphabet='{}[]",:0123456789.eE+-ntfu\\ \n\t\ufeff\u00e4x', max_size=24).map(str.encode)
)
@example(text=b"-0")
@example(text=b"01")
@example(text=b"1.")
@example(text=b'"\\u0000"')
@example(text=b'{"a":1,"a":2}')
@example(text=b"18446744073709551616")
@example(text=b"-9223372036854775809")
@example(text=b"1E400")
@example(text=b"0e999999999999999999999")
@example(text=b"\xef\xbb\xbf{}")
@example(text=b'"\x7f"')
@example(text=b'"\\ud83d\\ude00"')
@example(text=b'"\xed\xa0\x80"')
@example(text=b" \x0b1")
@example(text=b"[" * 1100 + b"]" * 1100)
@example(text=b"1" * 400)
def test_any_text_is_read_alike(text: bytes) -> None:
    """The same value, or the same refusal in the same words."""
    assert read(text) == slow(lambda: read(text))


def read(text: bytes) -> str:
    try:
        return repr(json_decoding.decode(text))
    except json_decoding.BadJson as refused:
        return f"refused: {refused}"


# -- what the message says ------------------------------------------------------------------------------------------------


def test_a_message_names_ten_violations_and_counts_the_rest() -> None:
    value = body("ping", **{f"key{number:02}": 1 for number in range(25)})
    refusal = same(Kind.EVENT, sent(value)).refusal
    assert refusal is not None
    assert refusal.count("; ") == 10
    assert refusal.endswith("; and 15 more")


WIDE = {
    "unknown keys": (Kind.EVENT, body("ping", **{f"key{number}": number for number in range(5_000)})),
    "values of a wrong type": (
        Kind.SESSION,
        {**FULL["sessionStart"], "customMetadata": {f"key{number}": number for number in range(5_000)}},
    ),
    "elements that are no events": (Kind.DOWNLOADED, [FULL["sessionStart"], *range(5_000)]),
    "bad elements": (Kind.DOWNLOADED, [FULL["sessionStart"], *({"eventType": "ping"} for _ in range(5_000))]),
}


@pytest.mark.parametrize(("kind", "value"), WIDE.values(), ids=WIDE)
def test_no_more_than_a_thousand_violations_of_a_refused_body_are_looked_for(kind: Kind, value: Any) -> None:
    judged = bodies.judge(kind, sent(value), Mode.DEFAULT)
    assert judged.refusal is not None
    assert re.search(r"; and at least (989|990) more$", judged.refusal)  # one of them may be a mere warning
    assert len(judged.findings) <= bodies.MAX_FOUND


@pytest.mark.parametrize("wrong", ["", "playerTime"])
def test_what_would_not_refuse_a_body_hides_nothing_that_does(wrong: str) -> None:
    """Unknown keys do not refuse it in loose mode; what is missing does, however many of them there are."""
    value = body("ping", **{f"key{number}": number for number in range(2_000)})
    value.pop(wrong, None)
    judged = bodies.judge(Kind.EVENT, sent(value), Mode.LOOSE)
    assert (judged.refusal is not None) is bool(wrong)
    assert any(found.rule == "unknown-key" for found in judged.findings)


def test_an_element_of_an_array_is_named_by_its_place() -> None:
    judged = same(Kind.DOWNLOADED, sent([FULL["sessionStart"], body("play", "x")]))  # type: ignore[arg-type]
    assert judged.refusal == '[1].playerTime.playhead must be a number, but the string "x" was sent'
    assert judged.findings[0].path == "$[1].playerTime.playhead"


@pytest.mark.parametrize("kind", [Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED])
def test_duplicate_keys_are_found_at_every_depth(kind: Kind) -> None:
    start, ping = FULL["sessionStart"], FULL["ping"]
    value = {Kind.SESSION: start, Kind.EVENT: ping, Kind.DOWNLOADED: [start, ping]}[kind]
    for key in ("eventType", "playhead", "ts"):
        text = sent(value).replace(f'"{key}": '.encode(), f'"{key}": 0, "{key}": '.encode(), 1)
        assert [one.rule for one in same(kind, text).findings].count("duplicate-key") == 1


def test_everything_that_was_found_in_an_accepted_body_is_kept() -> None:
    """Only what is refused is not looked at to its end."""
    value = body("ping", **{f"key{number}": number for number in range(bodies.MAX_FOUND + 1)})
    judged = bodies.judge(Kind.EVENT, sent(value), Mode.LOOSE)
    assert judged.refusal is None
    assert len(judged.findings) == bodies.MAX_FOUND + 1 == 1_001
    assert len({found.path for found in judged.findings}) == 1_001


def decode_slowly(text: bytes) -> Any:
    return slow(lambda: json_decoding.decode(text))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_exactly_64_levels_of_nesting_pass(opening: str) -> None:
    levels = sum(map(opening.count, "[{"))
    for times in (64 // levels, 64 // levels + 1):
        closing = "".join({"[": "]", "{": "}"}[one] for one in reversed(opening) if one in "[{")
        text = (opening * times + "1" + closing * times).encode()
        for decode in (json_decoding.decode, decode_slowly):
            if times * levels <= 64:
                assert decode(text) == json.loads(text)
            else:
                with pytest.raises(json_decoding.BadJson, match="deeper than 64 levels"):
                    decode(text)


def test_65_levels_are_refused_and_empty_ones_count() -> None:
    assert json_decoding.decode(b"[" * 64 + b"]" * 64)
    with pytest.raises(json_decoding.BadJson, match="deeper than 64 levels"):
        json_decoding.decode(b"[" * 65 + b"]" * 65)
    beside = b"[[]," + b"[" * 63 + b"]" * 64
    assert json_decoding.decode(beside), "a level is counted once, however many stand on it"
    with pytest.raises(json_decoding.BadJson, match="deeper than 64 levels"):
        json_decoding.decode(b"[" + beside + b"]")
    wide = b"[" + b",".join([b"{}"] * 1_000) + b"]"
    assert len(json_decoding.decode(wide)) == 1_000, "many beside each other are not deep"


# -- what helps -----------------------------------------------------------------------------------------------------------


def test_a_sample_of_a_page_about_one_param_is_named_for_what_it_is() -> None:
    excerpt = body("sessionStart", params={"media.genre": "Comedy"})
    refusal = bodies.judge(Kind.SESSION, json.dumps(excerpt).encode(), Mode.DEFAULT).refusal
    assert refusal is not None
    assert refusal.endswith("it is an excerpt: pages about one param leave out the required ones")
    forgotten = {key: value for key, value in START_PARAMS.items() if key != "media.id"}
    text = json.dumps(body("sessionStart", params=forgotten)).encode()
    assert bodies.judge(Kind.SESSION, text, Mode.DEFAULT).refusal == "params.media.id is required, but was not sent"
