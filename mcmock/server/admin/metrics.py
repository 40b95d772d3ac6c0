"""`GET /__admin/health`, and `GET /__admin/metrics`: what operators watch.

It reads counters, and keeps none. prometheus_client writes Prometheus' text format; nothing is registered with it globally,
so two servers in a process stay two. Everything is read when somebody asks, one scope after the other, in turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

import mcmock
from mcmock.core.model import Outcome
from mcmock.engine import Emulator
from mcmock.engine.types import LogSize
from mcmock.server.admin.request import AdminRequest, Reply
from mcmock.server.request_counts import RequestCounts

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def handle_health(asked: AdminRequest) -> Reply:
    if not asked.emulator.blocks:
        asked.emulator.catch_up()  # a file that cannot be written
    return {"status": "ok", "version": mcmock.__version__}


async def handle_metrics(asked: AdminRequest) -> Reply:
    read = [await asked.answer(lambda one=emulator: facts(one), emulator) for emulator in asked.scopes.each()]  # type: ignore[misc]
    text = render(read, asked.meter)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


class Facts(NamedTuple):
    """What there is to say of one scope."""

    states: Counter[str]
    ignored: int
    log: LogSize
    evicted: int
    hits: Mapping[tuple[str, ...], int]


def facts(emulator: Emulator) -> Facts:
    """Return what there is to say of a scope."""
    states: Counter[str] = Counter()
    ignored = 0
    for outline in emulator.queries.each_outline(emulator.session_ids()):
        states[outline.state] += 1
        ignored += outline.counts[Outcome.IGNORED]
    hits: Counter[tuple[str, ...]] = Counter()
    for state in emulator.faults():
        hits[state.rule.name, state.rule.effect] += state.hits
    return Facts(states, ignored, emulator.queries.log_size(), emulator.evicted, hits)


def render(scopes: Sequence[Facts], meter: RequestCounts) -> bytes:
    """Return the numbers of a server, over all its scopes; `meter` is the server's own."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(scopes, meter))
    return bytes(generate_latest(registry))


class _Collector:
    """What prometheus_client asks for metrics."""

    def __init__(self, scopes: Sequence[Facts], meter: RequestCounts) -> None:
        self._scopes, self._meter = scopes, meter

    def collect(self) -> Iterator[Metric]:
        scopes = self._scopes
        yield _gauge("mcmock_info", "Which mcmock this is.", {(mcmock.__version__,): 1}, ("version",))
        yield from self._answered()
        yield from _sessions(scopes)
        yield from _log(scopes)
        hits = sum((Counter(one.hits) for one in scopes), Counter[tuple[str, ...]]())
        hits.update(dict.fromkeys((key for one in scopes for key in one.hits), 0))
        yield _counter("mcmock_fault_hits", "Requests that each fault in force has met.", hits, ("fault", "effect"))
        yield _gauge("mcmock_scopes", "Scopes there are, the default one among them.", {(): len(scopes)})

    def _answered(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import HistogramMetricFamily

        meter = self._meter
        labels = ("kind", "outcome", "status")
        about = "Requests to the emulated API, by their outcome on arrival: what is ignored was good then."
        counted: dict[tuple[str, ...], int] = {
            (str(one.kind), str(one.outcome), str(one.status)): one.number for one in meter.counted()
        }
        yield _counter("mcmock_requests", about, counted, labels)
        seconds = HistogramMetricFamily(
            "mcmock_request_seconds", "From a whole request to the decision about its answer."
        )
        seconds.add_metric([], meter.buckets(), meter.seconds)
        yield seconds


def _sessions(scopes: Sequence[Facts]) -> Iterator[Metric]:
    states = sum((one.states for one in scopes), Counter[str]())
    by_state: dict[tuple[str, ...], int] = {(state,): number for state, number in states.items()}
    yield _gauge("mcmock_sessions", "Sessions there are, by their state.", by_state, ("state",))
    yield _gauge(
        "mcmock_requests_ignored",
        "Requests that were accepted, but would be dropped or merged.",
        {(): sum(one.ignored for one in scopes)},
    )


def _log(scopes: Sequence[Facts]) -> Iterator[Metric]:
    yield _gauge("mcmock_log_requests", "Requests in the log.", {(): sum(one.log.requests for one in scopes)})
    yield _gauge(
        "mcmock_log_bytes",
        "What the log weighs, as bounded by max-log-bytes.",
        {(): sum(one.log.bytes for one in scopes)},
    )
    yield _counter(
        "mcmock_log_evicted",
        "Requests that the log let go since it was emptied.",
        {(): sum(one.evicted for one in scopes)},
    )


def _gauge(name: str, about: str, values: Mapping[tuple[str, ...], int], labels: tuple[str, ...] = ()) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, about: str, values: Mapping[tuple[str, ...], int], labels: tuple[str, ...] = ()) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily

    family = CounterMetricFamily(name, about, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
