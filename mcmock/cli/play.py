"""`mcmock play`: virtual viewers, to see what right and wrong look like, and to load a collector. No player is needed.

It knows the scenarios by their names, plays them, and sums up what was answered; it expects nothing of an answer. The sender
is `mcmock.cli.sending`, as for `replay`.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import click

from mcmock import __version__
from mcmock.checks.timeline_text import plural
from mcmock.cli.admin_client import CouldNotAsk
from mcmock.cli.packaged import fixtures, recording
from mcmock.cli.ready import default_url
from mcmock.cli.saying import say
from mcmock.cli.sending import Pace, Server, plan_of, progress, send_all, server_at, waiting_for
from mcmock.core import clock
from mcmock.core.printable import printable
from mcmock.core.wording import did_you_mean
from mcmock.protocols.base import SID
from mcmock.recordings.replay_plan import Plan, PlannedRequest, ReplayAnswer, Run

VIEWERS: Mapping[str, str] = {
    "vod": "watch-to-the-end",
    "ads": "ads",
    "chapters": "chapters",
    "live": "live",
    "impatient": "impatient",
    "leave-early": "leave-early",
    "seek": "seek-forward",
    "buffering": "buffering-and-pause",
    "errors": "errors-and-quality",
    "muted": "player-states",
    "downloaded": "downloaded",
}
"""Scenarios in which nothing is wrong, by the timeline that each is."""

MISTAKES: Mapping[str, str] = {
    "ad-outside-break": "ad-outside-break",
    "ad-not-closed": "ad-not-closed",
    "location-joined-twice": "location-joined-twice",
    "ts-in-seconds": "ts-in-seconds",
    "playhead-in-milliseconds": "playhead-in-milliseconds",
    "playhead-in-ad": "playhead-moved-in-ad",
    "pings-stop": "ping-gap",
    "never-ended": "idle-timeout",
    "never-played": "never-played",
    "start-refused": "start-refused",
    "media-id-empty": "media-id-empty",
    "metadata-on-wrong-event": "metadata-on-wrong-event",
    "chapter-overlap": "chapter-overlap",
    "out-of-order": "out-of-order",
    "sent-twice": "duplicate-event",
    "play-after-complete": "play-after-complete",
}
"""Scenarios with a mistake that integrators make."""

GROUPS: Mapping[str, Mapping[str, str]] = {"viewers": VIEWERS, "mistakes": MISTAKES}
"""A group's name stands for all of its scenarios."""

MAX_KINDS_SHOWN = 10
"""Kinds of refusals in a summary."""


@click.command()
@click.argument("scenarios", nargs=-1, metavar="SCENARIO…")
@click.option("--to", metavar="URL", envvar="MCMOCK_URL", help="The server. [default: the mcmock of this machine]")
@click.option("--players", type=click.IntRange(min=1), default=1, show_default=True, help="How many of each, at once.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Played seconds per second. [default: 1]")
@click.option("--flat-out", is_flag=True, help="Do not wait between requests.")
@click.option("--list", "listing", is_flag=True, help="Print the scenarios, and send nothing.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it is mcmock and has one.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A certificate authority to trust (PEM).")
def play(
    scenarios: tuple[str, ...], to: str | None, players: int, speed: float | None, flat_out: bool, listing: bool,
    token: str | None, ca: str | None,
) -> None:  # fmt: skip
    """Play virtual viewers at a server, and sum up its answers.

    SCENARIO is a name of --list, "viewers" or "mistakes" for all of a kind, or a file: a timeline, or any other that
    replay sends. Exits 1 if a request got no answer, and 4 if nothing answers at all.
    """
    if listing:
        say("\n".join(_list()))
        return
    if not scenarios:
        raise click.UsageError("name a SCENARIO, such as vod; --list prints them")
    if flat_out and speed is not None:
        raise click.UsageError("--speed and --flat-out exclude each other: choose one")
    server = server_at(to or default_url(), token, ca)
    start_ms = round(clock.Clock().now() * 1000)
    plans = [plan_of(name, recording(file), start_ms) for name, file in _chosen(scenarios)]
    try:
        sys.exit(asyncio.run(_play(plans, players, server, Pace(None if flat_out else speed or 1, advance=False))))
    except CouldNotAsk as error:
        hint = "" if to else "; start one with `mcmock serve`, or name a server with --to"
        raise CouldNotAsk(error.message + hint) from None


# -- scenarios ------------------------------------------------------------------------------------------------------------


def _chosen(scenarios: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the file of each scenario that is meant."""
    for one in scenarios:
        if one in GROUPS:
            yield from ((name, _file(timeline)) for name, timeline in GROUPS[one].items())
        else:
            yield one, _found(one)


def _found(name: str) -> str:
    for known in GROUPS.values():
        if name in known:
            return _file(known[name])
    timelines = _timelines()
    if name in timelines:
        return _file(name)
    if Path(name).name == name and not Path(name).suffix and not Path(name).exists():
        hint = did_you_mean(name, [*GROUPS, *VIEWERS, *MISTAKES, *timelines])
        raise click.UsageError(f"{name}: no such scenario{hint}; --list prints them")
    return name


def _file(timeline: str) -> str:
    return f"fixtures/timelines/{timeline}.json"


def _timelines() -> list[str]:
    return sorted(
        file.name.removesuffix(".json")
        for file in fixtures().joinpath("timelines").iterdir()
        if file.name.endswith(".json")
    )


def _list() -> Iterator[str]:
    for group, known in GROUPS.items():
        yield f"{group}:"
        for name, timeline in known.items():
            plan = plan_of(name, recording(_file(timeline)), 0)
            yield f"  {name:<25} {len(plan.steps):>3} requests {plan.steps[-1].at:>6.1f} s  {plan.name}"
    named = {timeline for known in GROUPS.values() for timeline in known.values()}
    yield f"Every timeline that comes with mcmock is one, too: {', '.join(t for t in _timelines() if t not in named)}"


# -- playing --------------------------------------------------------------------------------------------------------------


class Answers:
    """What was answered, counted; of each answer only how long it took is kept."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.took: list[float] = []

    def take(self, step: PlannedRequest, got: ReplayAnswer) -> None:
        if got.status is None:
            self.missing[got.error or "no answer"] += 1
            return
        self.statuses[got.status] += 1
        if got.status >= 300:
            said = step.protocol.error_message(got.body)
            self.refusals[f"{got.status}" + (f": {said}" if said else "")] += 1

    def lines(self, players: int, seconds: float) -> Iterator[str]:
        sent, lost = self.statuses.total(), self.missing.total()
        statuses = [f"{number} × {status}" for status, number in sorted(self.statuses.items())]
        statuses += [f"{lost} without an answer"] if lost else []
        yield f"{plural(sent + lost, 'request')} by {plural(players, 'player')} in {seconds:.1f} s: {', '.join(statuses)}"
        if self.took:
            took = sorted(1000 * one for one in self.took)
            most, last = took[min(len(took) - 1, len(took) * 99 // 100)], took[-1]
            yield f"answered in {took[len(took) // 2]:.1f} ms (median), {most:.1f} ms (99 of 100), {last:.1f} ms (slowest)"
        kinds = (self.refusals + self.missing).most_common()
        yield from (f"  {number} × {printable(kind)}" for kind, number in kinds[:MAX_KINDS_SHOWN])
        if len(kinds) > MAX_KINDS_SHOWN:
            yield f"  and {len(kinds) - MAX_KINDS_SHOWN} other kinds"


class _Player(NamedTuple):
    """Sends as one viewer. `agent` tells it from the others, whose content and times are the same."""

    server: Server
    answers: Answers
    agent: str

    async def send(self, step: PlannedRequest, target: str, body: bytes) -> ReplayAnswer:
        """Send a request. Where something answered before, a connection that is refused is a missing answer."""
        began = clock.monotonic()
        try:
            got = await self.server.send(self._signed(step), target, body)
        except CouldNotAsk as error:
            if not self.answers.statuses:
                raise
            return ReplayAnswer(None, error=error.message)
        if got.status is not None:
            self.answers.took.append(clock.monotonic() - began)
        return got

    def _signed(self, step: PlannedRequest) -> PlannedRequest:
        named = any(name.lower() == "user-agent" for name, _ in step.headers)
        return step if named else step._replace(headers=(*step.headers, ("User-Agent", self.agent)))


async def _play(plans: Sequence[Plan], players: int, server: Server, pace: Pace) -> int:
    answers, began = Answers(), clock.monotonic()
    runs = [Run(plan) for plan in plans for _ in range(players)]
    async with server:
        try:
            await _play_all(runs, server, answers, pace)
        finally:  # also where somebody has seen enough and pressed Ctrl-C
            if answers.statuses:
                say("\n".join(answers.lines(len(runs), clock.monotonic() - began)))
        if await server.is_mcmock():
            for run in runs[::players]:
                say("\n".join(await _judged(run, server)))
    return 1 if answers.missing else 0


async def _play_all(runs: Sequence[Run], server: Server, answers: Answers, pace: Pace) -> None:
    single = len(runs) == 1
    if single:
        say(printable(runs[0].plan.name))
    with nullcontext() if single else progress(sum(len(run.plan.steps) for run in runs)) as bar:

        async def heard(step: PlannedRequest, got: ReplayAnswer, _: str | None) -> None:
            answers.take(step, got)
            if bar is not None:
                bar.update(1)
            else:
                answer = got.status if got.error is None else got.error
                say(f"  {printable(f'{step.at:8.3f} s  {step.words:<32} {answer}')}")

        name = f"mcmock-play/{__version__} (viewer {round(clock.Clock().now() * 1000):x}"
        players = [_Player(server, answers, f"{name}.{number})") for number in range(len(runs))]
        wait = waiting_for(pace, server)
        await asyncio.gather(
            *(send_all(run, player.send, wait, heard) for run, player in zip(runs, players, strict=True))
        )


# -- what mcmock makes of it ------------------------------------------------------------------------------------------------


async def _judged(run: Run, server: Server) -> list[str]:
    """Return what was found in the sessions of one player: each rule once, with its first message, and where to look."""
    name = printable(run.plan.name)
    if not run.ids:
        return [f"{name}: no session was opened"]
    try:
        sessions = [await server.ask("GET", f"/sessions/{quote(sid)}") for sid in run.ids.values()]
        findings = await _findings(run, sessions, server)
    except click.ClickException as error:
        return [f"{name}: {error.message}"]
    found: dict[str, list[str]] = {}
    for finding in findings:
        found.setdefault(f"{finding['severity']} {finding['rule']}", []).append(finding["message"])
    lines = [f"  {rule} × {len(said)}: {printable(said[0])}" for rule, said in found.items()]
    opened = ", its session is still open" if any(one["closedAt"] is None for one in sessions) else ""
    looks = [f"  {server.url}/__admin/#/session/{quote(sid)}" for sid in run.ids.values()]
    return [f"{name}{opened}:" if lines else f"{name}{opened}: nothing is wrong", *lines, *looks]


async def _findings(run: Run, sessions: Sequence[Any], server: Server) -> list[Any]:
    """Return the findings of sessions, of their requests, and of those requests that were meant for them and missed."""
    targets = {request[0] for step in run.plan.steps if SID in step.target and (request := run.request(step))}
    asked = [f"session={quote(sid)}" for sid in run.ids.values()] + [f"path={quote(one)}" for one in sorted(targets)]
    exchanges: dict[int, Any] = {}
    for which in asked:
        answer = await server.ask("GET", f"/requests?{which}&limit=1000")
        exchanges.update((one["seq"], one) for one in answer["requests"])
    return [
        finding for one in (*(exchanges[seq] for seq in sorted(exchanges)), *sessions) for finding in one["findings"]
    ]
