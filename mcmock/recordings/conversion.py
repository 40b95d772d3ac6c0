"""A session of one API as the other's requests, answered as a server of ours answers them.

What was taken in is written as requests of the other API, each when its original arrived, to sessions of the same ids. What the
recorded service did not take, and what came after the end, is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from mcmock.analytics.views import DROPPED, SessionView
from mcmock.core.events import Event
from mcmock.core.http import JSON
from mcmock.core.model import COUNTED_KINDS, TAKEN, Exchange, Mode, Request
from mcmock.protocols.base import Account, ApiProtocol
from mcmock.recordings.check import Playback

_ISSUED: Final = re.compile(r"[0-9a-f]{64}")
_HEADERS: Final = ((b"Content-Type", JSON.encode()),)


class Conversion(NamedTuple):
    """`exchanges` are the requests that were written, with their answers. `not_taken` counts recorded requests that were not
    written, `left_out` values by the name that the other API has no place for.
    """

    exchanges: tuple[Exchange, ...]
    not_taken: int
    left_out: Counter[str]


def convert(views: Sequence[SessionView], to: ApiProtocol, account: Account) -> Conversion:
    """Return sessions as requests to the API `to`."""
    playback, left_out, not_taken = Playback(Mode.DEFAULT), Counter[str](), 0
    for view, exchange in sorted(_requests(views), key=lambda pair: pair[1].seq):
        if not _was_taken(exchange) or not exchange.events:
            not_taken += 1
            continue
        session_id = _id_of(view)
        playback.at, playback.next_id = max(playback.at, exchange.at), session_id
        for events in _parts(exchange.events, view.session.downloaded):
            written = to.written(events, session_id, account, downloaded=view.session.downloaded)
            if events[0].event_type != "sessionStart":
                playback.adopt(session_id)
            playback.emulator.handle(Request("POST", written.target, _HEADERS, written.body))
            left_out.update(written.left_out)
    return Conversion(tuple(playback.emulator.requests()), not_taken, left_out)


def _requests(views: Iterable[SessionView]) -> Iterator[tuple[SessionView, Exchange]]:
    for view in views:
        yield from ((view, one) for one in view.exchanges if one.kind in COUNTED_KINDS)


def _was_taken(one: Exchange) -> bool:
    return one.verdict in TAKEN and not any(found.rule in DROPPED for found in one.findings)


def _parts(events: Sequence[Event], downloaded: bool) -> list[Sequence[Event]]:
    return [events] if downloaded else [[event] for event in events]


def _id_of(view: SessionView) -> str:
    """Return the id of the session, as both APIs give them out."""
    return view.id if _ISSUED.fullmatch(view.id) else sha256(view.id.encode("utf-8", "surrogatepass")).hexdigest()
