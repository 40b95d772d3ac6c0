"""What one session and the next of the same viewer say together: a view that goes on, details that were left behind.

Pure functions of two summaries, the earlier one first. Who keeps the sessions, and which came before which, is the caller's
business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcmock.analytics.processing import Summary
from mcmock.core.findings import make_finding
from mcmock.core.model import Finding, Mode

SAME_PLACE_S: Final = 15.0  # a ping and a half
BEGUN_S: Final = 5.0
TITLE_KEYS: Final = ("media.name", "media.assetId")
EPISODE_KEYS: Final = ("media.show", "media.season", "media.episode")
ABOUT_TITLE: Final = re.compile(
    r"title|programme|program|asset|(content|media|video|clip|episode)_?(id|name)", re.IGNORECASE
)
SHORT: Final = 3
"""Values shorter than that are the same by chance: an episode's number, a flag."""


def compare_with_previous(earlier: Summary, one: Summary, mode: Mode) -> tuple[Finding, ...]:
    """Return what is to be said of `one`, which the same viewer began after `earlier`."""
    found = (*_continued(earlier, one), *_left_behind(earlier, one), *_same_quality(earlier, one))
    made = (make_finding(rule, mode, "", message) for rule, message in found)
    return tuple(finding for finding in made if finding is not None)


def _continued(earlier: Summary, one: Summary) -> Iterator[tuple[str, str]]:
    """The same content, from where it was left, and not said to be resumed."""
    if earlier.media_id != one.media_id or one.start is None or one.live or earlier.completed:
        return
    began, left = one.began, earlier.playhead
    if one.start.params.get("media.resume") is True or began is None or not earlier.played:
        return
    if began > BEGUN_S and abs(began - left) <= SAME_PLACE_S:
        yield (
            "view-continued",
            f"goes on at {began:g} s, where {earlier.session_id} stopped at {left:g} s, without media.resume: "
            "one view is counted as two, and its markers begin anew",
        )


def _left_behind(earlier: Summary, one: Summary) -> Iterator[tuple[str, str]]:
    if earlier.media_id == one.media_id or earlier.start is None or one.start is None:
        return
    named = ", ".join(
        dict.fromkeys((*_same_params(earlier.start.params, one.start.params), *_same_metadata(earlier, one)))
    )
    if named:
        yield "details-carried-over", f"{named} still as in {earlier.session_id}, which was {earlier.media_id!r}"


def _same_params(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in TITLE_KEYS if _text(now.get(key)) and now.get(key) == before.get(key))
    if all(_text(now.get(key), 1) and now.get(key) == before.get(key) for key in EPISODE_KEYS):
        yield "media.episode"


def _same_metadata(earlier: Summary, one: Summary) -> Iterator[str]:
    """Metadata that names the title before, or is the same where it names a title."""
    assert earlier.start is not None
    assert one.start is not None
    before, now = earlier.start, one.start
    own = {now.params.get(key) for key in ("media.id", *TITLE_KEYS)}
    others = {name for key in ("media.id", *TITLE_KEYS) if (name := _text(before.params.get(key)))} - own
    for key, value in now.metadata.items():
        same = ABOUT_TITLE.search(key) is not None and value == before.metadata.get(key)
        if _text(value) and (value in others or (same and value not in own)):
            yield f"customMetadata.{key}"


def _same_quality(earlier: Summary, one: Summary) -> Iterator[tuple[str, str]]:
    first, last = one.first_quality, earlier.last_quality
    if earlier.media_id == one.media_id or first is None or last is None:
        return
    frames = first.get("media.qoe.droppedFrames")
    if isinstance(frames, int) and frames > 0 and first == last:
        yield (
            "quality-carried-over",
            f"begins with the quality that {earlier.session_id} ended with: {frames} dropped frames are counted again",
        )


def _text(value: object, least: int = SHORT) -> str:
    return value if isinstance(value, str) and len(value) >= least else ""
