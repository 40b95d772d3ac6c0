"""The Emulator: one object that is the whole service, without a socket.

It composes the rest of the core and adds one thing of its own: the order in which a request is judged. There is one door
for requests, `handle`, and one lock, which every method that touches state takes. The control API, the pytest fixture and
the command line are three ways to call the same methods. It is built in layers, each a class over the one above:

    terms.py      its nouns: a Call on its way, a Decision, a Summary; what a verdict means for the outcome
    standing.py   what one session's Judge has been told, and the counts that come of it
    state.py      sessions, log, clock and lock, and how they begin and are forgotten
    desk.py       decides about a request: validity first, then the session, then whether it is open
    analyst.py    what Analytics makes of a session: outcomes and findings, derived when somebody asks
    meddling.py   faults: one may fire before a request is processed, or after
    asking.py     every question to the log and the sessions
    door.py       the Emulator itself: handle, time, reset

Rules of this package:

1. The log entry is written before `handle` returns: the log is complete before the first byte of the answer leaves.
2. The verdict is decided on arrival and never changes. Good or ignored is derived from the session's events in processing
   order whenever somebody asks (`mcmock.analytics`).
3. A bug of ours is answered 500, logged with the verdict `broken`, and harms no other request.
"""

from mcmock.engine.emulator import Emulator
from mcmock.engine.types import (
    DEFAULT_BODY_BYTES,
    DEFAULT_LOG_BYTES,
    DEFAULT_SCOPE,
    MARK_LENGTH,
    MOST_JUDGED,
    MOST_SESSIONS,
    TURN,
    AfterEnd,
    LogSize,
    Summary,
    mark,
    outcome_by,
)

__all__ = [
    "DEFAULT_BODY_BYTES",
    "DEFAULT_LOG_BYTES",
    "DEFAULT_SCOPE",
    "MARK_LENGTH",
    "MOST_JUDGED",
    "MOST_SESSIONS",
    "TURN",
    "AfterEnd",
    "Emulator",
    "LogSize",
    "Summary",
    "mark",
    "outcome_by",
]
