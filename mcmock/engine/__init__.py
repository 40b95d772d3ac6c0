"""The engine: one object that is the whole service, without a socket.

    emulator.py          the Emulator: the parts below in one hand
    engine.py            the parts: read a request, decide, note it in the log; the one lock
    committer.py         how an operation becomes true; this one for state in memory
    state.py             what an operation may read and change: the Transaction
    decisions.py         decides about a request: validity first, then the session, then whether it is open
    known_requests.py    decides about what is known by its form, in fewer steps
    fault_injection.py   a fault may fire before a request is processed, or after
    log.py               every request in the order of its arrival, bounded
    outcomes.py          what Analytics makes of a session: outcomes and findings, derived when somebody asks
    session_analysis.py  one session's Judge, and the counts that come of it
    queries.py           every question to the log and the sessions
    scopes.py            one emulator for each of those who share a server
    policy.py, types.py, session_ids.py

Rules of this package:

1. The log entry is written before `handle` returns: the log is complete before the first byte of the answer leaves.
2. The verdict is decided on arrival and never changes. Good or ignored is derived from the session's events in processing
   order whenever somebody asks (`mcmock.analytics`).
3. A bug of ours is answered 500, logged with the verdict `broken`, and harms no other request.
"""

from mcmock.engine.emulator import Emulator
from mcmock.engine.policy import DEFAULT_BODY_BYTES, DEFAULT_LOG_BYTES, AfterEnd
from mcmock.engine.types import DEFAULT_SCOPE, MARK_LENGTH, LogSize, Summary, mark

__all__ = [
    "DEFAULT_BODY_BYTES",
    "DEFAULT_LOG_BYTES",
    "DEFAULT_SCOPE",
    "MARK_LENGTH",
    "AfterEnd",
    "Emulator",
    "LogSize",
    "Summary",
    "mark",
]
