"""What a template says of a body is what is said of it without one."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest

from mcmock.core.events import content_key
from mcmock.core.json_decoding import BadJson, decode
from mcmock.core.model import Kind, Mode
from mcmock.protocols.media_collection import templates
from mcmock.protocols.media_collection.body import judge
from mcmock.protocols.media_collection.templates import LEARN_AFTER, Templates
from tests.protocols.test_body import recorded

RUNS = re.compile(rb"[0-9]+")
OTHERS = (
    b"0", b"7", b"12", b"00", b"007", b"100000", b"100001", b"99999", b"9" * 15, b"9" * 16, b"9" * 400, b"", b"-1", b"1e3",
    b"1.0", b"1.5", b"0.25", b"1.", b"0.1234567890123456", b"\xd9\xa1", b"1 ", b" 1", b"true", b'"1"', b"1,", b"1}",
)  # fmt: skip
SANE = OTHERS[:3]


def kind_of(event_type: str) -> Kind:
    return Kind.SESSION if event_type == "sessionStart" else Kind.EVENT


def texts() -> Iterator[tuple[bytes, str]]:
    """Every recorded body of one event, and its type."""
    for _, text in recorded():
        try:
            value = decode(text)
        except BadJson:
            continue
        if isinstance(value, dict) and isinstance(value.get("eventType"), str):
            yield text, value["eventType"]


def taught(kind: Kind, text: bytes, mode: Mode) -> Templates | None:
    """Templates that have seen a body often enough; None where it is refused."""
    known, judged = Templates(mode), judge(kind, text, mode)
    if judged.refusal is not None:
        return None
    for _ in range(LEARN_AFTER):
        known.learn(text, str(judged.event_type), judged.events[0], judged.findings)
    return known


def bent(chance: random.Random, text: bytes) -> bytes:
    """The body with up to three of its runs of digits changed; often as another player would."""
    others = SANE if chance.random() < 0.4 else OTHERS
    for _ in range(chance.randint(1, 3)):
        run = chance.choice(list(RUNS.finditer(text)) or [re.match(b"", text)])
        assert run is not None
        text = text[: run.start()] + chance.choice(others) + text[run.end() :]
    return text


def agree(known: Templates, kind: Kind, text: bytes, mode: Mode) -> bool:
    """Compare what is recalled of a body with what is judged; whether anything is."""
    recalled = known.recall(text)
    if recalled is None:
        return False
    judged = judge(kind, text, mode)
    assert judged.refusal is None, text
    assert (recalled.event_type, recalled.findings) == (judged.event_type, judged.findings), text
    time = judged.events[0]["playerTime"]
    assert repr((recalled.playhead, recalled.ts)) == repr((time["playhead"], time["ts"])), text
    if kind is Kind.SESSION:
        assert recalled.content == content_key(judged.events[0]["params"]), text
    return True


@pytest.mark.parametrize("mode", Mode)
def test_what_is_recalled_of_a_body_is_what_is_judged(mode: Mode) -> None:
    chance, taken, asked = random.Random(1), 0, 0
    for text, event_type in dict(texts()).items():
        kind = kind_of(event_type)
        known = taught(kind, text, mode)
        if known is None:
            continue
        agree(known, kind, text, mode)
        for _ in range(12):
            taken += agree(known, kind, bent(chance, text), mode)
            asked += 1
    assert taken > asked / 10, "most are odd, and the others are known"


@pytest.mark.parametrize("value", ["undefined7", "{{7}}", "%VAR7%", "x@1234567", "0", " 0 ", "<id 7>"])
def test_a_text_that_becomes_a_placeholder_is_judged(value: str) -> None:
    """Digits may make a placeholder of a text."""
    learnt = {"x@1234567": "x@12345", " 0 ": " 17 "}.get(value, "17")
    event = {"eventType": "adStart", "playerTime": {"playhead": 1, "ts": 1},
             "params": {"media.ad.id": learnt, "media.ad.length": 3, "media.ad.name": "a",
                        "media.ad.playerName": "b", "media.ad.podPosition": 1}}  # fmt: skip
    known = taught(Kind.EVENT, json.dumps(event).encode(), Mode.DEFAULT)
    assert known is not None
    event["params"] |= {"media.ad.id": value}  # type: ignore[operator]
    text = json.dumps(event).encode()
    agree(known, Kind.EVENT, text, Mode.DEFAULT)
    assert known.recall(text) is None


def test_a_body_with_a_key_twice_is_no_template() -> None:
    """Loose mode takes it; what it says is the last of the two."""
    text = b'{"eventType":"ping","playerTime":{"playhead":1,"ts":1,"ts":2}}'
    known = taught(Kind.EVENT, text, Mode.LOOSE)
    assert known is not None
    assert known.recall(text) is None


BITRATES = (
    "0", "3200", "99999", "99999.9", "100000", "100000.5", "100001", "3000000", "3000000.25", "1e9", "9223372036854775807",
    "9223372036854775808", "1" * 40,
)  # fmt: skip


@pytest.mark.parametrize("learnt", BITRATES)
def test_what_is_said_of_a_bitrate_is_said_however_it_is_written(learnt: str) -> None:
    bodies = {
        bitrate: b'{"eventType":"ping","playerTime":{"playhead":1,"ts":1},"qoeData":{"media.qoe.bitrate":%b}}'
        % bitrate.encode()
        for bitrate in BITRATES
    }
    known = taught(Kind.EVENT, bodies[learnt], Mode.DEFAULT)
    assert known is not None
    for text in bodies.values():
        agree(known, Kind.EVENT, text, Mode.DEFAULT)


def test_no_more_is_kept_than_a_bound_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_TEMPLATES", 4)
    monkeypatch.setattr(templates, "MAX_SEEN", 8)
    known = Templates(Mode.DEFAULT)
    for number in range(30):
        event = {"eventType": "ping", "playerTime": {"playhead": 1, "ts": 1}, "customMetadata": {"x" * number: "y"}}
        for _ in range(LEARN_AFTER):
            known.learn(json.dumps(event).encode(), "ping", event, ())
        assert len(known._known) <= 4
        assert len(known._seen) <= 8 + 1


def test_a_long_body_is_not_learnt() -> None:
    event = {
        "eventType": "ping",
        "playerTime": {"playhead": 1, "ts": 1},
        "customMetadata": {"x": "y" * templates.MAX_BODY},
    }
    text = json.dumps(event).encode()
    known = taught(Kind.EVENT, text, Mode.DEFAULT)
    assert known is not None
    assert known.recall(text) is None
