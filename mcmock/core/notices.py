"""What listeners of an emulator are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Notice(NamedTuple):
    """Told to listeners: "exchange" and "delivery" with the seq, "reset", "cleared", "evicted", "clock", "faults" or "plan"
    with 0.
    """

    what: str
    seq: int


Listener = Callable[[Notice], None]
