"""Lists of the control API: requests, sessions, counts; and one request of the log, and its emptying.

Lists go through a whole log, and take turns with everybody else: `mcmock.server.admin.line` lends them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from mcmock.core import turns, wording
from mcmock.core.match import Match, from_query
from mcmock.core.model import Exchange
from mcmock.core.paging import Window
from mcmock.engine import Emulator, Summary
from mcmock.serialization import json_shapes
from mcmock.server.admin import chunked
from mcmock.server.admin.json_answers import answered, encoded
from mcmock.server.admin.request import AdminError, AdminRequest, Reply

LISTING = ("since", "before", "limit", "order", "brief")
SCOPE = "scope"
"""Which scope is meant; without it, the default one. Every route knows it."""
EVERY = "*"
"""The scope that `GET /summary` adds all scopes up for."""

PAGE = 1000
"""How many requests, sessions or losses one answer lists unless `limit` says otherwise."""

PAGES = ("since", "limit")
"""What a query says of a list that has pages."""

T = TypeVar("T")
N = TypeVar("N", bound="int | None")

MAX_DIGITS = 15
"""Digits of a number in a path or a query."""


async def handle_requests(asked: AdminRequest) -> Reply:
    query = [(name, value) for name, value in asked.request.query.items() if name not in (*LISTING, SCOPE)]
    return await _listed(asked, from_query(query))


async def handle_find(asked: AdminRequest) -> Reply:
    if asked.body is not None and not isinstance(asked.body, dict):
        raise ValueError('the body must be a match such as {"event": "ping"}')
    if asked.body and "match" in asked.body:
        raise ValueError('here the body is the match itself, such as {"event": "ping"}: leave "match" out')
    return await _listed(asked, Match(asked.body))


async def handle_request(asked: AdminRequest) -> Reply:
    seq = asked.arguments["seq"]

    def told() -> dict[str, Any]:
        exchange = asked.emulator.request(int(seq)) if is_whole(seq) else None
        if exchange is None:
            raise AdminError(404, "unknown-request", f"there is no request {wording.named(seq)} in the log")
        return json_shapes.whole_to_json(exchange)

    return await answered(asked, told)


async def handle_clear(asked: AdminRequest) -> Reply:
    await emptied(asked, asked.emulator, asked.emulator.clear_log)
    return {}


async def emptied(asked: AdminRequest, emulator: Emulator, empty: Callable[[], T]) -> T:
    """Return what `empty` returns, which empties a log; what questions had made of it is let go of in turns."""
    remains = await asked.answer(emulator.queries.remains, emulator)
    done = empty()
    for part in remains:
        await asked.answer(partial(turns.let_go, part))
    asked.line.thaw()
    return done


async def _listed(asked: AdminRequest, match: Match) -> Reply:
    since, limit = window(asked, PAGE)
    before = whole(asked, "before", None)
    order = asked.request.query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise ValueError(f"order must be asc or desc, not {wording.shown(order)}")
    shape, emulator = _shape(asked), asked.emulator

    def listed() -> Iterator[bytes]:
        walk = emulator.queries.walk(match, since=since, before=before, newest_first=order == "desc")
        number = last = 0
        yield b'{"requests": ['
        for number, exchange in enumerate(islice(walk, limit), 1):
            last = exchange.seq
            yield (b", " if number > 1 else b"") + json.dumps(shape(exchange)).encode()
        matched = walk.total()
        rest = {"matched": matched, "evicted": emulator.evicted, "next": last if 0 < number < matched else None}
        yield b"], " + json.dumps(rest).encode()[1:]

    return await chunked.sent(asked, listed(), {"Content-Type": "application/json; charset=utf-8"})


async def handle_sessions(asked: AdminRequest) -> Reply:
    """Return the latest sessions, a page of them; those before session `before` where it is given."""
    limit, before = whole(asked, "limit", PAGE), asked.request.query.get("before")
    shape, emulator = _brief_session if is_brief(asked) else session_shape, asked.emulator
    if before is not None and not emulator.queries.knows(before):
        raise ValueError(f"before must be the id of a session, as next says it, not {wording.shown(before)}")

    def listed() -> dict[str, Any]:
        ids, further = emulator.queries.session_page(limit, before)
        shapes = (shape(emulator, session_id) for session_id in turns.paused(ids))
        sessions = [b"".join(encoded(one)) for one in shapes if one is not None]
        return {"sessions": sessions, "total": len(emulator.session_ids()), "next": further}

    return await answered(asked, listed)


def _brief_session(emulator: Emulator, session_id: str) -> dict[str, Any] | None:
    outline = emulator.queries.outline(session_id)
    return json_shapes.outline_to_json(outline) if outline is not None else None


def session_shape(emulator: Emulator, session_id: str) -> dict[str, Any] | None:
    """Return a session with the list of its events, None if there is no such session."""
    sheet = emulator.queries.sheet(session_id)
    return json_shapes.session_to_json(*sheet) if sheet is not None else None


async def handle_summary(asked: AdminRequest) -> Reply:
    every = asked.request.query.get(SCOPE) == EVERY
    emulators = asked.scopes.each() if every else [asked.emulator]
    return dict(Summary(*map(sum, zip(*[await summary(asked, one) for one in emulators], strict=True)))._asdict())


async def summary(asked: AdminRequest, emulator: Emulator) -> Summary:
    """Return the counts of one emulator, counted in turns."""
    return await asked.answer(emulator.summary, emulator)


def is_brief(asked: AdminRequest) -> bool:
    """Return whether `brief=1` asks for exchanges without headers and bodies, for sessions without their lists."""
    return asked.request.query.get("brief", "0") not in ("", "0", "false")


def _shape(asked: AdminRequest) -> Callable[[Exchange], dict[str, Any]]:
    return json_shapes.brief_to_json if is_brief(asked) else json_shapes.exchange_to_json


def whole(asked: AdminRequest, name: str, otherwise: N) -> int | N:
    """Return a whole number of the query. Raises ValueError for anything else."""
    text = asked.request.query.get(name)
    if text is None:
        return otherwise
    if not is_whole(text):
        raise ValueError(f"{name} must be a whole number of at most {MAX_DIGITS} digits, not {wording.shown(text)}")
    return int(text)


def window(asked: AdminRequest, limit: int | None = None) -> Window:
    """Return which part of a list is asked for; `limit` of it, or all, where the query says nothing of that."""
    return Window(whole(asked, "since", 0), whole(asked, "limit", limit))


def names(asked: AdminRequest) -> tuple[str | None, int | None]:
    """Return the same of a list whose places are names: the one behind which the page begins, and how many are asked for."""
    return asked.request.query.get("since"), whole(asked, "limit", None)


def is_whole(text: str) -> bool:
    """Return whether the text is a whole number that every store can hold."""
    return text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS
