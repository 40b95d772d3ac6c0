"""Verification for those who must not block a loop: the control API's `verify` and `wait`, and the fixture's `_async` ones.

Waits on a future that the emulator's listener wakes from whatever thread a request came in on. What is asked, and whether
it holds, is decided by `mcmock.checks.waiting` and `mcmock.checks.verification`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from mcmock.analytics.views import SessionView
from mcmock.checks.comparison import WITHIN, compare
from mcmock.checks.verification import LONGEST, Check, Result, Verification, check_from_json, wait_from_json
from mcmock.checks.waiting import Watch
from mcmock.core.findings import FailOn
from mcmock.core.wording import named, shown
from mcmock.engine import Emulator
from mcmock.serialization import json_shapes
from mcmock.server.admin import listings
from mcmock.server.admin.json_answers import answered
from mcmock.server.admin.line import Line
from mcmock.server.admin.request import AdminError, AdminRequest, Handler, Reply

T = TypeVar("T")


async def verify(emulator: Emulator, asked: Check) -> Verification:
    """`Emulator.verify` without blocking: whether it is so, and if not, what was there instead."""
    return await verified(emulator, asked, Line(), lambda answer: answer)


async def verified(emulator: Emulator, asked: Check, line: Line, made: Callable[[Verification], T]) -> T:
    """Return what `made` makes of the same. Both are done in turns with other questions of the line."""
    if not asked.within:
        return await line.ask(emulator, lambda: made(emulator.verify(asked)))
    news = ThreadsafeEvent()
    with Watch(emulator, asked, news.set) as watch, suppress(TimeoutError):

        def look() -> T | None:
            answer = watch.look()
            return made(answer) if answer is not None else None

        async with asyncio.timeout(asked.within):
            while (answer := await line.ask(emulator, look)) is None:
                await news.wait()
            return answer
    return await line.ask(emulator, lambda: made(watch.answer()))


class ThreadsafeEvent:
    """Set from any thread, waited for on the loop it was made on. It is clear again after each wait."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._is_set = False

    def set(self) -> None:
        if self._is_set:
            return
        self._is_set = True
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()
        self._is_set = False  # before the next look, so that what arrives during it sets it again


# -- handlers of the control API ------------------------------------------------------------------------------------------


async def handle_verify(asked: AdminRequest) -> Reply:
    return await _answered(asked, check_from_json(asked.body))


async def handle_wait(asked: AdminRequest) -> Reply:
    return await _answered(asked, wait_from_json(asked.body))


def waits(handler: Handler, body: Any) -> bool:
    """Return whether a request to that handler is about what is yet to come."""
    return handler is handle_wait or (handler is handle_verify and isinstance(body, dict) and bool(body.get("within")))


async def _answered(asked: AdminRequest, check: Check) -> Reply:
    """Return the verification, with status 409 instead of 200 where `?strict=1` asks for that and it did not pass."""
    strict = _is_set(asked, "strict")
    shape = await verified(asked.emulator, check, asked.line, json_shapes.verification_to_json)
    return await _judged(asked, lambda: shape, strict)


async def handle_verdict(asked: AdminRequest) -> Reply:
    """Return whether anything was lost: what the fixture says at the end of a test."""
    query = asked.request.query
    fail_on = _known_word(query.get("failOn", str(FailOn.LOST)))
    allow = [rule for words in query.getall("allow", []) for rule in words.split(",") if rule]
    strict = _is_set(asked, "strict")
    window = listings.window(asked, json_shapes.MAX_LISTED)

    def told() -> dict[str, Any]:
        verdict = asked.emulator.verdict(fail_on, allow)
        message = verdict.message if verdict.passed else f"{verdict.message}\n\n{verdict.story(asked.emulator)}"
        return json_shapes.verdict_to_json(verdict, message, window)

    return await _judged(asked, told, strict)


async def handle_compare(asked: AdminRequest) -> Reply:
    """Return two sessions side by side."""
    query = asked.request.query
    ids = [_session_named(asked, which) for which in ("old", "new")]
    strict, count_known = _is_set(asked, "strict"), _is_set(asked, "countKnown")
    within, window = _seconds_of(query.get("within", str(WITHIN))), listings.window(asked)

    def told() -> dict[str, Any]:
        old, new = (_view(asked, session_id) for session_id in ids)
        return json_shapes.comparison_to_json(compare(old, new, within), window=window, count_known=count_known)

    return await _judged(asked, told, strict)


def _session_named(asked: AdminRequest, which: str) -> str:
    session_id = asked.request.query.get(which)
    if session_id is None:
        raise ValueError(f"{which} is missing: compare wants old and new, the ids of two sessions")
    return session_id


def _view(asked: AdminRequest, session_id: str) -> SessionView:
    view = asked.emulator.session(session_id)
    if view is None:
        raise AdminError(404, "unknown-session", f"there is no session {named(session_id)}")
    return view


def _seconds_of(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"within must be 0 to {LONGEST:g} seconds, not {shown(text)}")
    return seconds


def _known_word(word: str) -> FailOn:
    if word in tuple(FailOn):
        return FailOn(word)
    raise ValueError(f"failOn must be never, rejected, lost or warning, not {shown(word)}")


def _is_set(asked: AdminRequest, name: str) -> bool:
    """Return whether a flag of the query is 1. Raises ValueError for anything but 0 and 1."""
    value = asked.request.query.get(name, "0")
    if value not in ("0", "1"):
        raise ValueError(f"{name} must be 0 or 1, not {shown(value)}")
    return value == "1"


async def _judged(asked: AdminRequest, told: Callable[[], dict[str, Any]], strict: bool) -> Reply:
    """Return the answer; one that did not pass is an error, too, where it was asked strictly."""

    def judged() -> dict[str, Any]:
        shape = told()
        if not strict or shape["result"] == Result.PASS:
            return shape
        return {**shape, "error": {"code": "not-passed", "message": shape["message"]}}

    return await answered(asked, judged, lambda shape: 409 if "error" in shape else 200)
