"""What a viewer does, as a player tells it to the Web SDK: when, the event, the playhead, and the details of the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Step = tuple[float, str, float, Mapping[str, Any]]
"""Seconds from the first step; the event; the playhead; what mediaCollection has beside it."""

Story = tuple[Step, ...]

DETAILS: Mapping[str, Any] = {
    "name": "film-0001", "friendlyName": "Sample Film", "length": 60, "contentType": "vod", "streamType": "video",
}  # fmt: skip
START = {"sessionDetails": DETAILS}


def _pod(index: int, offset: int, name: str) -> Mapping[str, Any]:
    return {"advertisingPodDetails": {"index": index, "offset": offset, "friendlyName": name}}


def _ad(position: int, length: int, name: str) -> Mapping[str, Any]:
    details = {"name": name, "friendlyName": f"Ad {name}", "length": length, "podPosition": position}
    return {"advertisingDetails": details}


def _chapter(index: int, offset: int, length: int, name: str) -> Mapping[str, Any]:
    return {"chapterDetails": {"index": index, "offset": offset, "length": length, "friendlyName": name}}


def _quality(bitrate: int, dropped: int, frames: int) -> Mapping[str, Any]:
    quality = {"bitrate": bitrate, "droppedFrames": dropped, "framesPerSecond": frames, "timeToStart": 1251}
    return {"qoeDataDetails": quality}


VOD: Story = (
    (0, "sessionStart", 0, {**START, "customMetadata": [{"name": "isUserLoggedIn", "value": "false"}]}),
    (0.4, "play", 0, {}),
    (12.5, "pauseStart", 12.1, {}),
    (14, "play", 12.1, {}),
    (16, "pauseStart", 14.1, {}),  # a seek
    (16.5, "play", 40, {}),
    (18, "bufferStart", 41.5, {}),
    (18.8, "play", 41.5, {}),
    (30.5, "sessionComplete", 53.2, {}),
)

ADS: Story = (
    (0, "sessionStart", 0, START),
    (0.1, "adBreakStart", 0, _pod(1, 0, "preroll")),
    (0.2, "adStart", 0, {**_ad(1, 12, "ad-001"), "customMetadata": [{"name": "affiliate", "value": "a station"}]}),
    (12.3, "adComplete", 0, {}),
    (12.4, "adStart", 0, _ad(2, 16, "ad-002")),
    (15, "adSkip", 0, {}),
    (15.05, "adBreakComplete", 0, {}),
    (15.1, "play", 0, {}),
    (19, "adBreakStart", 3.9, _pod(2, 5, "midroll")),
    (19.05, "adStart", 3.9, _ad(1, 3, "ad-003")),
    (22, "adComplete", 3.9, {}),
    (22.05, "adBreakComplete", 3.9, {}),
    (22.1, "play", 3.9, {}),
    (26, "sessionComplete", 7.8, {}),
)

CHAPTERS: Story = (
    (0, "sessionStart", 0, START),
    (0.2, "play", 0, {}),
    (
        0.3,
        "chapterStart",
        0,
        {**_chapter(1, 0, 4, "Opening"), "customMetadata": [{"name": "segment", "value": "intro"}]},
    ),
    (4.2, "chapterComplete", 4, {}),
    (4.3, "chapterStart", 4, _chapter(2, 4, 20, "Middle")),
    (7, "chapterSkip", 7, {}),
    (7.1, "pauseStart", 7, {}),  # a seek to the next chapter
    (7.2, "play", 24, {}),
    (7.3, "chapterStart", 24, _chapter(3, 24, 10, "End")),
    (17.3, "chapterComplete", 34, {}),
    (18, "sessionEnd", 35, {}),
)

STATES: Story = (
    (0, "sessionStart", 0, START),
    (0.3, "play", 0, {}),
    (1.5, "statesUpdate", 1, {"statesStart": [{"name": "fullscreen"}]}),
    (2.5, "statesUpdate", 2, {"statesStart": [{"name": "mute"}]}),
    (5.5, "statesUpdate", 5, {"statesEnd": [{"name": "fullscreen"}]}),
    (9, "sessionEnd", 8, {}),
)

ERRORS: Story = (
    (0, "sessionStart", 0, START),
    (0.2, "play", 0, _quality(2400, 3, 25)),
    (3, "bitrateChange", 3, _quality(4800, 11, 30)),
    (5, "error", 5, {"errorDetails": {"name": "MEDIA_ERR_DECODE:3", "source": "player"}}),
    (9, "sessionEnd", 9, {}),
)
