"""`mcmock replay`: send a recorded session or a timeline to any server, and say where its answers differ.

It waits, sends and prints; what is sent and what is a difference is `mcmock.recordings.replay_plan`'s business.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from urllib.parse import quote

import click

from mcmock.cli.packaged import fixtures, recording
from mcmock.cli.saying import say
from mcmock.cli.sending import (
    Pace,
    Server,
    Wait,
    plan_of,
    progress,
    send_all,
    server_at,
    waiting_for,
)
from mcmock.core import clock
from mcmock.core.printable import printable
from mcmock.recordings.formats import Recording
from mcmock.recordings.replay_plan import (
    Plan,
    PlannedRequest,
    ReplayAnswer,
    Run,
    different_findings,
    different_session,
    unopened,
)
from mcmock.recordings.timeline import Timeline

SUITES = ("timelines", "conformance")
"""The folders of fixtures/ that --all sends."""


@click.command()
@click.argument("files", nargs=-1, metavar="FILE…")
@click.option(
    "--to", required=True, metavar="URL", envvar="MCMOCK_URL", help="The server, without the path of the API."
)
@click.option(
    "--all", "everything", is_flag=True, help="Send every timeline and conformance file that comes with mcmock."
)
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Recorded seconds per second. [default: 1]")
@click.option("--flat-out", is_flag=True, help="Do not wait between requests.")
@click.option("--advance", is_flag=True, help="Move the server's clock instead of waiting; it must be mcmock.")
@click.option("--sessions", type=click.IntRange(min=1), default=1, show_default=True, help="How many at once.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it is mcmock and has one.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A certificate authority to trust (PEM).")
def replay(
    files: tuple[str, ...], to: str, everything: bool, speed: float | None, flat_out: bool, advance: bool,
    sessions: int, token: str | None, ca: str | None,
) -> None:  # fmt: skip
    """Send recorded sessions at a server, and compare its answers.

    FILE is a timeline, a log export (NDJSON), a HAR, or a recording of a client; names such as
    fixtures/timelines/ads.json are also found inside the installed package. Exits 1 if an answer is not
    the one that the file expects.
    """
    if sum((speed is not None, flat_out, advance)) > 1:
        raise click.UsageError("--speed, --flat-out and --advance exclude each other: choose one")
    if advance and sessions > 1:
        raise click.UsageError("--advance moves the one clock of the server, so it takes --sessions 1")
    named = [*(name for suite in SUITES if everything for name in _names_in(suite)), *files]
    if not named:
        raise click.UsageError("name a FILE, or give --all")
    pace = Pace(None if flat_out or advance else speed or 1, advance)
    server = server_at(to, token, ca)
    found = [(name, recording(name)) for name in named]
    sys.exit(asyncio.run(_replay(found, server, pace, sessions)))


def _names_in(suite: str) -> list[str]:
    files = fixtures().joinpath(suite).iterdir()
    return sorted(f"fixtures/{suite}/{file.name}" for file in files if file.name.endswith(".json"))


# -- playing --------------------------------------------------------------------------------------------------------------


async def _replay(found: list[tuple[str, Recording]], server: Server, pace: Pace, sessions: int) -> int:
    different = count = 0
    async with server:
        judges = pace.advance or await server.is_mcmock()
        try:
            for name, read in found:
                start = (await server.ask("POST", "/clock/freeze"))["now"] if pace.advance else clock.Clock().now()
                planned = plan_of(name, read, round(start * 1000))
                count += len(planned.steps) * sessions
                different += await _play_all(planned, server, pace, sessions, judges)
        finally:
            if pace.advance:
                await server.ask("POST", "/clock/resume")
    say(_verdict(len(found), count, different))
    return 1 if different else 0


def _verdict(files: int, requests: int, different: int) -> str:
    sent = f"{requests} requests of {files} file{'s' if files > 1 else ''}"
    return f"{sent}: {f'{different} differences' if different else 'all as expected'}"


async def _play_all(plan: Plan, server: Server, pace: Pace, sessions: int, judges: bool) -> int:
    """Play `plan` so many times at once; the number of differences. `judges`: the server is mcmock, and can be asked."""
    left_out = f" ({plan.left_out} requests left out: their sessions began earlier)" if plan.left_out else ""
    say(printable(plan.name) + left_out)
    if sessions == 1:
        return await _play(plan, server, pace, judges, _print_step)
    different: list[str] = []

    def tell(_: PlannedRequest, __: ReplayAnswer, line: str | None) -> None:
        bar.update(1)
        if line is not None:
            different.append(line)

    with progress(len(plan.steps) * sessions) as bar:
        plays = [_play(plan, server, pace, False, tell) for _ in range(sessions)]
        await asyncio.gather(*plays)
    for line in dict.fromkeys(different):
        say(f"  {different.count(line)} × {printable(line)}")
    return len(different)


Tell = Callable[[PlannedRequest, ReplayAnswer, str | None], None]


def _print_step(step: PlannedRequest, got: ReplayAnswer, line: str | None) -> None:
    answer = got.status if got.error is None else got.error
    differs = f"  DIFFERS: {line}" if line else ""
    told = f"{step.at:8.3f} s  {step.words:<32} expected {step.status or '-'}  got {answer}{differs}"
    say(f"  {printable(told)}")


async def _play(plan: Plan, server: Server, pace: Pace, judges: bool, tell: Tell) -> int:
    run, wait, different = Run(plan), waiting_for(pace, server), 0

    async def heard(step: PlannedRequest, got: ReplayAnswer, line: str | None) -> None:
        nonlocal different
        if line is None and judges and step.findings is not None and step.session not in run.ids:
            line = await _different_refusal(step, got, server)
        tell(step, got, line)
        different += line is not None

    await send_all(run, server.send, wait, heard)
    if judges and pace.true_time and plan.timeline is not None:
        different += await _compare_judgement(plan, plan.timeline, run, server, wait if pace.advance else None)
    return different


async def _different_refusal(step: PlannedRequest, got: ReplayAnswer, server: Server) -> str | None:
    """Where the findings of a step that opened no session differ: no session has it, so the newest request is looked at."""
    newest = (await server.ask("GET", "/requests?order=desc&limit=1"))["requests"]
    ours = [one for one in newest if (one["path"], one["status"]) == (step.target, got.status)]
    return next(different_findings([step], [[found["rule"] for found in one["findings"]] for one in ours]), None)


async def _compare_judgement(plan: Plan, timeline: Timeline, run: Run, server: Server, advance: Wait | None) -> int:
    """Return what only mcmock can be asked: findings, and the report of a session that ends as the timeline says."""
    lines: list[str] = []
    for session, sid in run.ids.items():
        steps = [step for step in plan.steps if step.session == session]
        exchanges = (await server.ask("GET", f"/requests?session={quote(sid)}&limit={len(steps)}"))["requests"]
        lines += different_findings(steps, [[one["rule"] for one in exchange["findings"]] for exchange in exchanges])
    if timeline.close is None or advance is not None:
        if timeline.close is not None and advance is not None:
            await advance(timeline.close.at - timeline.steps[0].at)
        for sid in run.ids.values():
            if timeline.close is not None and timeline.close.reason == "expired":
                await server.ask("POST", f"/sessions/{quote(sid)}/expire")
            report = await server.ask("GET", f"/sessions/{quote(sid)}/report")
            session = await server.ask("GET", f"/sessions/{quote(sid)}")
            after = None if session["closedAt"] is None else session["closedAt"] - session["openedAt"]
            found = [finding["rule"] for finding in session["findings"]]
            lines += different_session(timeline, report, found, after)
        lines += [] if run.ids else unopened(timeline)
    for line in lines:
        say(f"  DIFFERS: {printable(line)}")
    return len(lines)
