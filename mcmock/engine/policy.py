"""The options of an emulator, checked once and then fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mcmock.analytics.plan import Plan
from mcmock.core.model import Mode

DEFAULT_LOG_BYTES: Final = 64 * 1024 * 1024
DEFAULT_BODY_BYTES: Final = 1024 * 1024

AfterEnd = Literal["gone", "drop"]
"""What an event after sessionEnd is answered: 410, or a 204 that drops it in silence (C-20)."""


@dataclass(frozen=True)
class Policy:
    """How an emulator judges and what it bounds.

    `max_log_bytes` bounds the log, `max_body_bytes` a request's body. `cors_headers` and `cors_max_age` (seconds) widen the
    preflight for browsers that ask for more than Content-Type; left out, the documented header is sent. `plan` is the
    tracking plan that is in force from the start, and again after every reset.
    """

    mode: Mode = Mode.DEFAULT
    after_end: AfterEnd = "gone"
    max_log_bytes: int = DEFAULT_LOG_BYTES
    max_body_bytes: int = DEFAULT_BODY_BYTES
    cors_headers: str | None = None
    cors_max_age: int | None = None
    plan: Plan | None = None

    def __post_init__(self) -> None:
        if self.after_end not in ("gone", "drop"):
            raise ValueError(f"after_end must be 'gone' or 'drop', not {self.after_end!r}")


def mode_of(*, strict: bool = False, loose: bool = False) -> Mode:
    """Return the mode that the two switches choose. Raises ValueError where both are on."""
    if strict and loose:
        raise ValueError("strict and loose exclude each other: choose one")
    return Mode.STRICT if strict else Mode.LOOSE if loose else Mode.DEFAULT
