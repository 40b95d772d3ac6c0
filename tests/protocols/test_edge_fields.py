"""The table between mediaCollection and the Media Collection names of params, in both directions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mcmock.core.events import EVENT_TYPES
from mcmock.protocols.media_collection.schemas import params_of
from mcmock.protocols.media_edge import fields

START = {
    "playhead": 0,
    "sessionDetails": {"name": "film", "friendlyName": "A film", "length": 60, "hasResume": True, "authorized": "true"},
    "customMetadata": [{"name": "_tenant.channel", "value": "one"}, {"name": "empty", "value": ""}],
    "qoeDataDetails": {"bitrate": 2400, "timeToStart": 1251},
}


def test_a_start_is_read_by_media_collection_names() -> None:
    assert fields.read(START) == (
        {
            "media.id": "film", "media.name": "A film", "media.length": 60, "media.resume": True, "media.pass.auth": "true",
        },
        {"media.qoe.bitrate": 2400, "media.qoe.timeToStart": 1251},
        {"_tenant.channel": "one", "empty": ""},
    )  # fmt: skip


@pytest.mark.parametrize(
    "collection",
    [
        START,
        {"advertisingPodDetails": {"index": 1, "offset": 0, "friendlyName": "pre-roll"}},
        {"advertisingDetails": {"name": "ad-1", "length": 15, "podPosition": 1, "playerName": "p", "creativeURL": "u"}},
        {"chapterDetails": {"index": 1, "offset": 0, "length": 4, "friendlyName": "Opening"}},
        {"errorDetails": {"name": "decode", "source": "player"}, "qoeDataDetails": {"droppedFrames": 3}},
        {"statesStart": [{"name": "mute"}], "statesEnd": [{"name": "fullscreen"}]},
        {"sessionDetails": {"name": "film", "ID": "N/A", "genreList": ["a", "b"]}},
    ],
)
def test_what_is_written_is_what_was_read(collection: dict[str, Any]) -> None:
    assert fields.write(*fields.read(collection)) == {k: v for k, v in collection.items() if k not in fields.OWN}


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_param_of_the_first_api_has_a_field_or_is_about_the_visitor_or_the_sdk(event_type: str) -> None:
    """`media.ad.podFriendlyName` of adStart aside: it has the place that adBreakStart gives it."""
    known = set(params_of(event_type))
    without = set(fields.unplaced(known)) - {"media.libraryVersion", "media.errorId", "media.errorSource"}
    assert {param.partition(".")[0] for param in without} <= {"analytics", "visitor", "appInstallationId", "media"}
    assert {param for param in without if param.startswith("media.")} <= {fields.STATE_NAME}


def test_what_has_no_form_we_know_is_kept_under_its_key() -> None:
    sent = {"media.resumed": True, "qoeDataDetails": None, "sessionDetails": "film", "customMetadata": [1, {"name": 2}]}
    assert fields.read(sent) == ({"media.resumed": True, "sessionDetails": "film"}, {}, {})


def test_metadata_keeps_values_of_any_type() -> None:
    sent = {"customMetadata": [{"name": "a", "value": {"b": 1}}, {"name": "n"}, {"name": "a", "value": 2}]}
    assert fields.read(sent).metadata == {"a": 2, "n": None}


def test_the_page_of_the_tracking_plan_has_each_name_in_both_apis() -> None:
    page = (
        (Path(__file__).parents[2] / "docs" / "plan.md")
        .read_text(encoding="utf-8")
        .partition("## The names in both APIs")[2]
    )
    told = re.findall(r"^\| `([\w.]+)` \| `(\w+)\.(\w+)` \|$", page, re.M)
    assert told == [(param, *place) for param, place in fields.PLACES.items()]
