"""The garbage collector forgets what is in the log, so that a long log causes no pauses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from mcmock import faults
from mcmock.engine import Emulator
from tests.conftest import send, start


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that is made as `mcmock serve` makes it: no collection looks at it before it is frozen."""
    gc.collect()
    gc.disable()
    try:
        made = Emulator(seed=1)
        gc.freeze()
        gc.enable()
        yield made
    finally:
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"qoeData": {"media.qoe.bitrate": 3_000_000}}, {"no": "such"}],
    ids=["plain", "a finding", "refused"],
)
def test_the_collector_forgets_every_entry(emulator: Emulator, wrong: dict[str, Any]) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.set_header("X-Late", "yes", match={"event": "play"}))
    for _ in range(8):
        send(emulator, sid, "ping", **wrong)
        send(emulator, sid, "play")
    for _ in range(3):  # once for the lines of an answer, once for the answer, and once for the row
        gc.collect()
    rows = [row for block in emulator.engine.log._blocks.values() for row in block.rows]
    assert len(rows) == 17
    assert not any(map(gc.is_tracked, rows))


def test_it_forgets_what_is_accepted_at_its_first_look(emulator: Emulator) -> None:
    """A look at an entry more costs every request, and those that are long in coming are pauses for everybody."""
    sid = start(emulator)
    for _ in range(8):
        send(emulator, sid, "ping")
    gc.collect()
    rows = [row for block in emulator.engine.log._blocks.values() for row in block.rows]
    assert len(rows) == 9
    assert not any(map(gc.is_tracked, rows))
