"""What a request costs inside the server, in counts that no busy machine changes: calls of Python functions, memory that stays.

A bound is a tenth above what was counted on Python 3.11; `python bench/steps.py` prints the counts, and the time. A request that
left the fast path would have some 300 calls.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest
import steps
from differential import Loop, World

from mcmock.server.fast_path import FastPath

MOST_CALLS = {
    "ping": 17, "ping in two packets": 38, "ping with a finding": 18, "ping with an integral float": 123,
    "ping that is refused": 150, "adStart": 23, "stateStart": 17, "preflight": 14, "sessionStart": 32,
    "sessionStart, a colon in its title": 32,
}  # fmt: skip

JOURNAL_CALLS = 4
"""What a ping may take more of where a journal keeps the state."""

PINGS = 500


@pytest.mark.parametrize("kind", steps.KINDS, ids=lambda kind: kind.name)
def test_a_request_takes_no_more_calls_than_it_did(kind: steps.Sent) -> None:
    fewest = min(steps.run(kind, 0).calls for _ in range(3))  # a second that begins amid one makes its answers anew
    assert fewest <= MOST_CALLS[kind.name]


def test_a_journal_adds_few_calls_to_a_ping() -> None:
    fewest = min(steps.run(steps.KINDS[0], 0, journal=True).calls for _ in range(3))
    assert fewest <= MOST_CALLS["ping"] + JOURNAL_CALLS


def test_a_ping_leaves_no_more_in_memory_than_it_did() -> None:
    """Its body, its row in the log, and nothing that is kept for it elsewhere."""
    ping = steps.KINDS[0]

    async def play(loop: Loop) -> float:
        world = World(loop, FastPath)
        link, raw = world.link(0), ping.raw(world.sessions[0])
        for _ in range(100):
            await steps.play(loop, link, [raw])
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(PINGS):
            await steps.play(loop, link, [raw])
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / PINGS - len(raw.partition(b"\r\n\r\n")[2])

    tracemalloc.start()
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, Loop)
            kept = runner.run(play(loop))
    finally:
        tracemalloc.stop()
    assert 200 < kept < 520
