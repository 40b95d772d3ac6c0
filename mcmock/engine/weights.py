"""What a log entry weighs in memory: sizes as Python itself tells them, not lengths of text.

A character takes one to four bytes, a header line two objects beside its text: whoever bounds memory has to count what the
process pays. It knows neither the log nor what is in the tables. `bench/log.py` measures the constants.
"""

from __future__ import annotations

from sys import getsizeof

from mcmock.core.model import FaultHit, Finding, RawHeaders

ENTRY_COST = 400
"""Bytes an entry costs beside its body and what it shares with no other."""

SESSION_COST = 400
"""Bytes it costs to know which entries a session id has, beside the id itself."""

HEADERS_COST = 400
"""Bytes it costs to keep one set of header lines and to find it again."""

LINE_COST = 144
"""Bytes a header line of a request costs beside its text."""

FINDING_COST = 120
"""Bytes a finding costs beside its own words."""

FAULT_COST = 160
"""Bytes it costs to know which fault met a request."""


def of_headers(lines: RawHeaders) -> int:
    """Return the bytes of a request's header lines."""
    return HEADERS_COST + sum([len(name) + len(value) + LINE_COST for name, value in lines])


def of_findings(findings: tuple[Finding, ...]) -> int:
    """Return the bytes of what was found: one body can have more of it than it has bytes of its own."""
    return sum([FINDING_COST + getsizeof(one.path) + getsizeof(one.message) for one in findings]) if findings else 0


def of_answer(lines: str, body: bytes) -> int:
    """Return the bytes of an answer with header lines that no other answer shares."""
    return getsizeof(lines) + len(body)


def of_fault(fault: FaultHit | None) -> int:
    return FAULT_COST if fault is not None else 0
