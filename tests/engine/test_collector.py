"""The garbage collector forgets what is in the log, so that a long log causes no pauses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from mcmock import faults
from mcmock.core.collector import LOOKS, THAW, Collector, collector
from mcmock.engine import Emulator
from mcmock.engine.log import BLOCK, Entry
from tests.conftest import body, post, send, start


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


def test_it_looks_in_time_though_a_full_log_frees_what_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts no tuple that is made in the memory of one that was freed: then a look comes late, and at everything at once."""
    monkeypatch.setattr(collector, "is_owned", True)
    emulator = Emulator(seed=1, max_log_bytes=400_000)
    sid, most = start(emulator), 0
    ping = post(f"/api/v1/sessions/{sid}/events", body("ping"))
    for _ in range(10):
        for _ in range(500):
            emulator.handle(ping)
        most = max(
            most, sum(type(one) is tuple and len(one) == len(Entry._fields) for one in gc.get_objects(generation=0))
        )
    assert emulator.evicted > 1000
    assert most <= 2 * BLOCK


def test_it_looks_at_everything_new_once_and_passes_over_it_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand sessions took it 20 to 30 ms each time; now and then it looks at all, for what has become garbage since."""
    told: list[str] = []
    owner = Collector()
    monkeypatch.setattr(gc, "collect", lambda generation: told.append(str(generation)))
    for name in ("freeze", "unfreeze", "set_threshold"):
        monkeypatch.setattr(gc, name, lambda *_, name=name: told.append(name))
    monkeypatch.setattr(gc, "callbacks", [])
    owner.own()
    assert told == ["set_threshold", "freeze"]
    told.clear()
    for _ in range(LOOKS[1] * LOOKS[2]):
        owner.look()
    assert told == [*"0000000", "1", *"0000000", "2"]
    told.clear()
    for _ in range(THAW):
        for phase in ("start", "stop"):
            owner._note(phase, {"generation": 1})
            owner._note(phase, {"generation": 2})
    assert told == ["freeze"] * (THAW - 1) + ["unfreeze"]
