"""Golden sessions: what a session sent, kept in a file beside the test, and compared with it the next time.

Decides what of a session is kept (ids and times go, playheads are rounded) and how a difference is told, event by event.
It knows neither the emulator nor pytest: a session and a folder are handed in.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcmock.analytics.views import SessionView
from mcmock.checks import timeline_text
from mcmock.checks.verification import events_of
from mcmock.core.events import VISITOR_KEYS
from mcmock.core.model import Exchange
from mcmock.core.text import decoded

SUFFIX: Final = ".golden.json"
FORMAT: Final = 1
CONTEXT: Final = 2
"""Events alike that are shown on either side of a difference."""

Row = dict[str, Any]
"""One event as it is kept: `event`, `playhead`, `status`, and its `params`, `qoeData` and `customMetadata`."""

# Values that differ with every run, by what they look like or by the key they stand under.
_PLACEHOLDERS = (
    (re.compile(r"[0-9a-fA-F]{64}"), "<session>"),
    (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
)
_IDS: Final = frozenset(VISITOR_KEYS)
_DURATIONS: Final = frozenset({"media.qoe.timeToStart"})
_EPOCHS: Final = ((1.0e9, 2.2e9), (1.0e12, 2.2e12))  # 2001 to 2039, in seconds and in milliseconds


class GoldenStore(NamedTuple):
    """Where golden files are kept, and what may be done to them.

    `update` rewrites what differs; a missing file is written unless `frozen`, as on a build server. `wrote` is told.
    """

    folder: Path
    update: bool = False
    frozen: bool = False
    wrote: Callable[[Path], None] | None = None


def on_build_server(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether `CI` is set, as build servers do."""
    return environment.get("CI", "").lower() not in ("", "0", "false")


class RecordedSession(SessionView):
    """A session that knows where its golden files are."""

    goldens: GoldenStore

    def assert_matches_golden(self, name: str, *, playhead_step: float = 1.0) -> None:
        """Compare what the session sent with `NAME.golden.json` beside the test.

        Playheads are rounded to whole multiples of `playhead_step` seconds. Where there is no such file yet it is
        written, except where `CI` is set; `pytest --mcmock-update` rewrites it. Raises AssertionError that tells the
        difference event by event, ValueError for a name that is no file name.
        """
        __tracebackhide__ = True
        path = _path(self.goldens.folder, name)
        now = rows(self, playhead_step)
        if self.goldens.update or (not path.exists() and not self.goldens.frozen):
            _write(self.goldens, path, now)
        elif not path.exists():
            raise AssertionError(
                f"there is no {path.name}: run the test once without CI set, and commit the file it writes"
            )
        elif difference := compare(_read(path), now):
            raise AssertionError(
                f"session {timeline_text.short(self.id)} is not as in {path.name}{_HINT}\n\n{difference}"
            )


_HINT = "\n- there, + now, ! changed; pytest --mcmock-update accepts what is now"


def recorded(view: SessionView, goldens: GoldenStore) -> RecordedSession:
    one = RecordedSession._make(view)
    one.goldens = goldens
    return one


# -- what is kept ---------------------------------------------------------------------------------------------------------


def rows(view: SessionView, playhead_step: float = 1.0) -> list[Row]:
    """Return every event that named the session, rejected ones too, in processing order."""
    if not playhead_step > 0:
        raise ValueError(f"playhead_step must be more than 0 seconds, not {playhead_step!r}")
    return [_row(one, playhead_step) for one in events_of(view)]


def _row(one: Exchange, step: float) -> Row:
    row: Row = {"event": one.event_type, "playhead": _rounded(one.playhead, step), "status": one.status}
    parts = {"params": one.params, "qoeData": one.qoe, "customMetadata": one.metadata}
    return row | {name: {key: _steady(key, part[key]) for key in sorted(part)} for name, part in parts.items() if part}


def _rounded(playhead: float | None, step: float) -> float | None:
    """Return the nearest multiple of `step`, halves upwards; a whole number where it is one."""
    if playhead is None or not math.isfinite(playhead):
        return None
    value = round(math.floor(playhead / step + 0.5) * step, 6)
    return int(value) if value == int(value) else value


def _steady(key: str, value: Any) -> Any:
    """Return the value, or a placeholder where every run has another."""
    if key in _IDS:
        return "<id>"
    if key in _DURATIONS:
        return "<duration>"
    if isinstance(value, str):
        return next((word for pattern, word in _PLACEHOLDERS if pattern.fullmatch(value)), value)
    if isinstance(value, int | float) and any(low <= value <= high for low, high in _EPOCHS):
        return "<time>"
    return value


# -- the file -------------------------------------------------------------------------------------------------------------


def _path(folder: Path, name: str) -> Path:
    if not re.fullmatch(r"\w[\w. -]*", name):
        raise ValueError(f"{name!r} cannot name a golden session: use letters, digits, dots, dashes and spaces")
    return folder / f"{name}{SUFFIX}"


def _write(goldens: GoldenStore, path: Path, now: list[Row]) -> None:
    """One event a line, so that a diff in review reads like the session."""
    events = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in now)
    text = f'{{\n  "mcmockGolden": {FORMAT},\n  "events": [\n{events}\n  ]\n}}\n'
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.write_text(text, encoding="utf-8")
    if goldens.wrote is not None:
        goldens.wrote(path)


def _read(path: Path) -> list[Row]:
    hint = "delete it, or rewrite it with pytest --mcmock-update"
    try:
        kept = json.loads(decoded(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON ({error}): {hint}") from None
    if not isinstance(kept, dict) or kept.get("mcmockGolden") != FORMAT or not _is_rows(kept.get("events")):
        raise ValueError(f"{path.name} is not a golden session of this version: {hint}")
    return list(kept["events"])


def _is_rows(events: object) -> bool:
    return isinstance(events, list) and all(isinstance(row, dict) for row in events)


# -- the difference -------------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    sign: str  # " " alike, "-" only in the file, "+" only now, "!" changed
    text: str


def compare(kept: list[Row], now: list[Row]) -> str:
    """Return what differs, event by event; empty where nothing does."""
    lines = list(_lines(kept, now))
    if all(line.sign == " " for line in lines):
        return ""
    near = {
        at for place, line in enumerate(lines) if line.sign != " " for at in range(place - CONTEXT, place + CONTEXT + 1)
    }
    return "\n".join(_excerpt(lines, near))


def _excerpt(lines: list[_Line], near: set[int]) -> Iterator[str]:
    alike = 0
    for place, line in enumerate([*lines, _Line("", "")]):
        shown = place in near and line.sign
        if (shown or not line.sign) and alike:
            yield f"     …  {timeline_text.plural(alike, 'event')} alike"
            alike = 0
        if shown:
            yield timeline_text.clip(f"{line.sign} {line.text}", timeline_text.WIDTH)
        elif line.sign:
            alike += 1


def _lines(kept: list[Row], now: list[Row]) -> Iterator[_Line]:
    """Events are paired by their type; pairs are alike or changed, the rest is missing or new."""
    before, after = ([str(row.get("event")) for row in side] for side in (kept, now))
    for tag, a1, a2, b1, b2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            for at, (old, new) in enumerate(zip(kept[a1:a2], now[b1:b2], strict=True), b1 + 1):
                yield from _pair(at, old, new)
        else:
            yield from (_Line("-", _named(at, row)) for at, row in enumerate(kept[a1:a2], a1 + 1))
            yield from (_Line("+", _named(at, row)) for at, row in enumerate(now[b1:b2], b1 + 1))


def _pair(at: int, old: Row, new: Row) -> Iterator[_Line]:
    before, after = dict(_flat(old)), dict(_flat(new))
    changed = [key for key in (before | after) if before.get(key) != after.get(key)]
    yield _Line("!" if changed else " ", _named(at, new))
    for key in changed:
        yield _Line(
            "!", f"        {key} was {timeline_text.sent(before.get(key))}, is {timeline_text.sent(after.get(key))}"
        )


def _flat(row: Row) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _named(at: int, row: Row) -> str:
    return f"{at:>4}  {row.get('event')!s:<18}  {timeline_text.sent(row.get('playhead')):>8}  {row.get('status')}"
