"""`GET /__admin/health`, and `GET /__admin/metrics`: what operators watch.

It reads counters, and keeps none. prometheus_client writes Prometheus' text format; nothing is registered with it globally,
so two servers in a process stay two. Everything is read when somebody asks, on a thread of its own, holding each emulator's
lock for a session at a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from aiohttp import web

import mcmock
from mcmock.core.model import Outcome
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
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
    text = await asyncio.to_thread(render, asked.scopes, asked.meter)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def render(scopes: Scopes, meter: RequestCounts) -> bytes:
    """Return the numbers of a server, over all its scopes; `meter` is the server's own."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(scopes, meter))
    return bytes(generate_latest(registry))


class _Collector:
    """What prometheus_client asks for metrics."""

    def __init__(self, scopes: Scopes, meter: RequestCounts) -> None:
        self._scopes, self._meter = scopes, meter

    def collect(self) -> Iterator[Metric]:
        emulators = self._scopes.each()
        yield _gauge("mcmock_info", "Which mcmock this is.", {(mcmock.__version__,): 1}, ("version",))
        yield from self._answered()
        yield from _sessions(emulators)
        yield from _log(emulators)
        yield from _faults(emulators)
        yield _gauge("mcmock_scopes", "Scopes there are, the default one among them.", {(): len(emulators)})

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


def _sessions(emulators: list[Emulator]) -> Iterator[Metric]:
    states: Counter[tuple[str, ...]] = Counter()
    ignored = 0
    for emulator in emulators:
        for session_id in emulator.session_ids():
            if (outline := emulator.queries.outline(session_id)) is not None:
                states[str(outline.state),] += 1
                ignored += outline.counts[Outcome.IGNORED]
    yield _gauge("mcmock_sessions", "Sessions there are, by their state.", states, ("state",))
    yield _gauge(
        "mcmock_requests_ignored", "Requests that were accepted, but would be dropped or merged.", {(): ignored}
    )


def _log(emulators: list[Emulator]) -> Iterator[Metric]:
    logs = [emulator.queries.log_size() for emulator in emulators]
    yield _gauge("mcmock_log_requests", "Requests in the log.", {(): sum(log.requests for log in logs)})
    yield _gauge(
        "mcmock_log_bytes", "What the log weighs, as bounded by max-log-bytes.", {(): sum(log.bytes for log in logs)}
    )
    yield _counter(
        "mcmock_log_evicted",
        "Requests that the log let go since it was emptied.",
        {(): sum(e.evicted for e in emulators)},
    )


def _faults(emulators: list[Emulator]) -> Iterator[Metric]:
    hits: Counter[tuple[str, ...]] = Counter()
    for emulator in emulators:
        for state in emulator.faults():
            hits[state.rule.name, state.rule.effect] += state.hits
    yield _counter("mcmock_fault_hits", "Requests that each fault in force has met.", hits, ("fault", "effect"))


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
