"""Session ids: 64 lower-case hex characters, the same ones again for the same seed."""

from __future__ import annotations

import hashlib
from typing import Final

from mcmock.core.tables import drop_oldest
from mcmock.engine.state import Transaction
from mcmock.engine.types import DEFAULT_SCOPE, MARK_LENGTH, mark

MAX_CONTENTS: Final = 100_000
"""Contents of which it is remembered how often they were watched: 13 to 60 MB. Beyond, the oldest ones go, and what is new is
numbered as if it had been watched as often as any of those: no id is issued twice."""


def issue(tx: Transaction, scope: str, content: str) -> str:
    """Return a new session id for what is watched.

    It depends on the seed, on what is watched and on how often that was before, not on the order in which players arrive: so
    that parallel load gets the same ids, and with them the same faults, each time.
    """
    number = (tx.issued.get(content) or tx.issued.get("") or 0) + 1
    tx.issued.put(content, number)
    if forgotten := drop_oldest(tx.issued, int(MAX_CONTENTS * tx.part), lambda key: not key):
        tx.issued.put("", max(tx.issued.get("") or 0, *forgotten))
    words = f"{tx.seed}/{scope}/{content}/{number}"
    drawn = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    return drawn if scope == DEFAULT_SCOPE else drawn[:-MARK_LENGTH] + mark(scope)
