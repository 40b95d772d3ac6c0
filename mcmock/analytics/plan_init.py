"""A first tracking plan, written from sessions that were recorded: what all of them sent is required, the rest optional.

It judges what it wrote by the same sessions and leaves out what they do not keep. It reads events and returns TOML.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, Final

from mcmock.analytics.plan import OPTIONAL, PARTS, REQUIRED, Cadence, Plan, PlannedSession
from mcmock.analytics.plan_format import EVENTS, MAX_SECONDS
from mcmock.core.events import Event

EXAMPLE: Final = 60
"""Characters of an example; what is longer is left out."""

ENUMERATED: Final = ("media.contentType", "media.streamType", "visitor.marketingCloudOrgId", "analytics.trackingServer")
"""Params of which the values that were seen are written down: they are settings, or one of few words."""

USUAL: Final = ("play", "sessionComplete", "sessionEnd", "adBreakStart", "chapterStart")
"""Events that a session is asked for if all recorded ones had them; others, such as a pause, are up to the viewer."""

HEAD: Final = """\
# A tracking plan for mcmock: what each content type must send. See docs/plan.md for all keys.
# Written from {sessions}. Look it through: "required" is what all of them sent, "optional" what some did.
"""

Session = Sequence[Event]
"""A session's events, in order of arrival."""


def write(sessions: Iterable[Session]) -> str:
    """Return a plan as TOML. Raises ValueError where no session has a sessionStart, whose content type a plan goes by."""
    by_content: dict[str, list[Session]] = defaultdict(list)
    for events in sessions:
        start = next((one for one in events if one.event_type == "sessionStart"), None)
        content = start.params.get("media.contentType") if start is not None else None
        if isinstance(content, str):
            by_content[content].append([one for one in events if not one.after_end])
    if not by_content:
        raise ValueError("no session with a sessionStart was found, so that there is nothing to write a plan from")
    count = sum(map(len, by_content.values()))
    blocks = [HEAD.format(sessions="1 session" if count == 1 else f"{count} sessions")]
    for content, alike in sorted(by_content.items()):
        blocks += _section(f"content.{_key(content)}", alike)
    return "\n".join(blocks)


def _section(name: str, sessions: list[Session]) -> Iterator[str]:
    settings = [*_occurrences(sessions), *_cadence(sessions)]
    yield "\n".join([f"[{name}]", *settings, ""])
    for event, parts in EVENTS.items():
        sent = [one for events in sessions for one in events if one.event_type == event]
        for part in parts if sent else ():
            rows = list(_rows(event, part, [one.params if part == PARTS[0] else one.metadata for one in sent]))
            if rows:
                yield "\n".join([f"[{name}.{event}.{part}]", *rows, ""])


def _occurrences(sessions: list[Session]) -> Iterator[str]:
    """What all of them had; where it would not be judged by the end of each, it is not asked for."""
    seen = [{one.event_type for one in events} for events in sessions]
    usual = [one for one in USUAL if all(one in kinds for kinds in seen)]
    preroll = all(map(_has_preroll, sessions)) and "adBreakStart" in usual
    listed = [_value(one) for one in usual if not (preroll and one == "adBreakStart")]
    if preroll:
        listed.append('{ event = "adBreakStart", before = "play", when = "adStart", name = "a pre-roll break" }')
    yield f"events = [{', '.join(listed)}]"


def _has_preroll(events: Session) -> bool:
    """Return whether an ad break begins before main content plays."""
    breaks, plays = ([one.ts for one in events if one.event_type == kind] for kind in ("adBreakStart", "play"))
    return bool(breaks) and (not plays or min(breaks) <= min(plays))


def _cadence(sessions: list[Session]) -> Iterator[str]:
    """The time between two pings that follow each other in main content, if it is the same all over."""
    gaps = [gap for events in sessions for gap in _ping_gaps(events)]
    seconds = round(median(gaps)) if gaps else 0
    if len(gaps) > 1 and 0 < seconds <= MAX_SECONDS and all(_keeps(events, seconds) for events in sessions):
        yield f"pingSeconds = {seconds}"


def _keeps(events: Session, seconds: float) -> bool:
    judged = PlannedSession(Plan((), (), (Cadence(None, "pingSeconds", seconds),), (), True, {}, {}, {}))
    for event in events:
        judged.add(event)
    return not any(use.failed for use in judged.uses(closed=True).values())


def _ping_gaps(events: Session) -> Iterator[float]:
    ordered = sorted(events, key=lambda one: one.ts)
    is_ad = False
    for before, now in pairwise(ordered):
        is_ad = before.event_type == "adStart" or (
            is_ad and not before.event_type.startswith(("adComplete", "adSkip", "adBreak"))
        )
        if before.event_type == now.event_type == "ping" and not is_ad:
            yield (now.ts - before.ts) / 1000


def _rows(event: str, part: str, sent: list[Mapping[str, Any]]) -> Iterator[str]:
    times = Counter(key for one in sent for key, value in one.items() if value is not None)
    for key in sorted(times):
        values = [one[key] for one in sent if one.get(key) is not None]
        presence = REQUIRED if times[key] == len(sent) and all(value not in ("", {}) for value in values) else OPTIONAL
        yield f"{_key(key)} = {{ {', '.join(_fields(presence, key, values))} }}"


def _fields(presence: str, key: str, values: list[Any]) -> Iterator[str]:
    yield f'presence = "{presence}"'
    told = sorted({value for value in values if isinstance(value, str)})
    if key in ENUMERATED and told:
        yield f"values = [{', '.join(map(_value, told))}]"
        return
    if kind := _type(values):
        yield f'type = "{kind}"'
    example = next((value for value in values if isinstance(value, str | int | float)), None)
    if example is not None and len(str(example)) <= EXAMPLE:
        yield f"example = {_value(example)}"


def _type(values: list[Any]) -> str | None:
    """Return the type that all values have; JSON's whole numbers are numbers, which another session may send a fraction of."""
    return next((kind for kind, words in _TYPES if all(isinstance(value, words) for value in values)), None)


_TYPES: Final = (("boolean", bool), ("number", int | float), ("string", str), ("object", Mapping))


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    """Return a text, number or flag as TOML writes it; JSON's form is TOML's, but for what no line of TOML can hold."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
