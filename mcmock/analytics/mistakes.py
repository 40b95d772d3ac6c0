"""The mistakes that integrators make, each kind in a module of its own: asked here, once for each event, before its effect."""

from __future__ import annotations

from collections.abc import Iterator

from mcmock.analytics.completion import check_completion
from mcmock.analytics.positions import check_positions
from mcmock.analytics.quality import check_quality
from mcmock.analytics.tally import Tally
from mcmock.analytics.units import check_units
from mcmock.core.events import Event
from mcmock.core.model import Finding


def check_mistakes(tally: Tally, event: Event, at: str, late: bool) -> Iterator[Finding | None]:
    """What is odd about an event that is about to be counted. `late` events are too old to tell where the playhead is.

    `watching`: content plays, and where its playhead was is known. Most events are pings, for which little of this is asked.
    """
    watching = not late and tally.head is not None and tally.playback.watching
    yield from check_units(tally, event, at, late, watching)
    yield from check_completion(tally, event, at, late, watching)
    yield from check_positions(tally, event, at, watching)
    if event.qoe or tally.rate is None:
        yield from check_quality(tally, event, at)
    _note(tally, event, late)


def _note(tally: Tally, event: Event, late: bool) -> None:
    """What the next session of the same viewer is compared with."""
    seen = tally.seen
    if not late:
        tally.playhead = event.playhead
    if event.event_type == "play" and seen.began is None and not tally.playback.in_break:
        seen = seen._replace(began=event.playhead)
    if event.qoe and event.event_type != "error":
        seen = seen._replace(first_quality=seen.first_quality or event.qoe, last_quality=event.qoe)
    tally.seen = seen
