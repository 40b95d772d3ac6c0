"""One event, counted: the one door through which a tally grows.

1. First the time since the last event goes on the account the session stood on, then the event has its effect.
2. An ignored event moves time between accounts at most: it adds to no count, opens no record, and is not heard.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcmock.analytics.effects import EFFECTS, no_effect
from mcmock.analytics.hearing import hear
from mcmock.analytics.mistakes import check_mistakes
from mcmock.analytics.order_findings import check_origin, check_playhead, check_time
from mcmock.analytics.tally import Moment, Stamp, Tally
from mcmock.core import findings
from mcmock.core.events import Event
from mcmock.core.model import Finding


def count(tally: Tally, event: Event, at: str = "$") -> tuple[Finding, ...]:
    """Count `event` and say what is odd about it. `at` is where its body stands in the request's."""
    index = len(tally.seqs)
    tally.seqs.append(event.seq)
    tally.stamps.append(Stamp(event.ts, event.event_type, not event.after_end))
    if event.after_end:
        again = event.event_type == "sessionEnd"
        rule = "session-ended-before" if again else "event-after-end"
        found = [tally.say(rule, "", f"{event.event_type} came after the session had ended: dropped")]
    else:
        found = list(_take(tally, event, index, at))
    return tuple(finding for finding in found if finding is not None)


def _take(tally: Tally, event: Event, index: int, at: str) -> Iterator[Finding | None]:
    before, started, late = tally.playback, "content_starts" in tally.counts, event.ts < tally.clock
    elapsed = 0 if tally.origin is None else max(0, event.ts - tally.clock)
    tally.spend(event.ts, index)
    if tally.last_at is None or event.at >= tally.last_at:
        tally.last_at, tally.last_seq = event.at, event.seq
    yield from check_time(tally, event, index, elapsed, at)
    yield from check_mistakes(tally, event, at, late)
    if not late:
        yield from check_playhead(tally, event, at)
    effect = EFFECTS.get(event.event_type, no_effect)
    consequences = tuple(finding for finding in effect(tally, Moment(event, index, at)) if finding is not None)
    yield from consequences
    yield from check_origin(tally, event, before, at)
    if not findings.ignores(consequences):
        hear(tally, event, index, before, started, late)
