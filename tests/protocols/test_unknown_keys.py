"""A key that another event takes names that event: it was probably put on the wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from mcmock.core.events import EVENT_TYPES
from mcmock.engine import Emulator
from mcmock.protocols.media_collection import schemas
from tests.conftest import send, start

AD = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}
BREAK = {"media.ad.podIndex": 1, "media.ad.podSecond": 0}


def said(event: str, **parts: Any) -> str:
    emulator = Emulator(seed=1)
    answer = send(emulator, start(emulator), event, **parts)
    assert answer.response.status == 400
    return answer.response.body.decode()


@pytest.mark.parametrize(
    ("event", "parts", "hint"),
    [
        ("adBreakStart", {"params": {**BREAK, "media.ad.podPosition": 1}}, "it belongs to adStart"),
        ("adStart", {"params": {**AD, "media.ad.podIndex": 1}}, "it belongs to adBreakStart"),
        ("play", {"params": {"media.id": "film"}}, "it belongs to sessionStart"),
        ("ping", {"params": {"media.chapter.index": 1}}, "it belongs to chapterStart"),
        ("play", {"params": {"media.state.name": "mute"}}, "it belongs to stateStart and stateEnd"),
        ("play", {"media.id": "film"}, "it belongs in the params of sessionStart"),
        ("adStart", {"params": AD, "media.ad.creativeId": "x"}, "it belongs in params"),
        ("play", {"params": {"playhead": 1}}, "it belongs in playerTime"),
        ("play", {"qoeData": {"media.ad.id": "a"}}, "it belongs in the params of adStart"),
    ],
)
def test_the_event_that_takes_it_is_named(event: str, parts: dict[str, Any], hint: str) -> None:
    assert hint in said(event, **parts)


def test_a_key_that_no_event_takes_names_none() -> None:
    assert "belongs" not in said("play", params={"media.nothing": 1})


@pytest.mark.parametrize("event", [one for one in EVENT_TYPES if one != "sessionStart"])
def test_every_param_of_every_other_event_is_named(event: str) -> None:
    own = schemas.params_of(event)
    for other in EVENT_TYPES:
        for key in schemas.params_of(other):
            if key not in own:
                answer = said(event, params={key: 1})
                assert other in answer or "qoe" in key, (event, key)
