"""`mcmock serve`: runs the emulator until SIGINT or SIGTERM.

Each flag is also an environment variable (MCMOCK_PORT) and a key of mcmock.toml (port); flag beats variable beats file.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tomllib
from pathlib import Path
from typing import Any

import click

CANNOT_LISTEN = 3


def _load_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Make the file's keys the defaults of the flags they are named like."""
    if path is None:
        return None
    try:
        keys = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path}: {error}") from None
    known = {str(option.name) for option in context.command.params}
    for key in keys:
        if key.replace("-", "_") not in known:
            raise click.BadParameter(f"{path}: {key} is no option of serve")
    context.default_map = {key.replace("-", "_"): value for key, value in keys.items()}
    return path


@click.command(context_settings={"auto_envvar_prefix": "MCMOCK"})
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), is_eager=True, callback=_load_config, envvar="MCMOCK_CONFIG",
    help="A mcmock.toml with any of these options as keys.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, envvar="MCMOCK_HOST", help="The address to listen on.")
@click.option("--port", default=8410, show_default=True, envvar="MCMOCK_PORT", help="0 takes any free one.")
@click.option("--seed", type=int, envvar="MCMOCK_SEED", help="Makes session ids and faults repeatable.")
@click.option("--strict", is_flag=True, envvar="MCMOCK_STRICT", help="Refuse what the documentation does not allow.")
@click.option("--loose", is_flag=True, envvar="MCMOCK_LOOSE", help="Accept unknown params and wrong types, with findings.")
@click.option(
    "--max-log-bytes", default=64 * 1024 * 1024, show_default=True, envvar="MCMOCK_MAX_LOG_BYTES", help="Bounds the log."
)
@click.option(
    "--max-body-bytes", default=1024 * 1024, show_default=True, envvar="MCMOCK_MAX_BODY_BYTES", help="Bounds a request."
)
@click.option(
    "--after-end", type=click.Choice(["gone", "drop"]), default="gone", show_default=True, envvar="MCMOCK_AFTER_END",
    help="What events after sessionEnd get: 410, or a 204 that drops them.",
)  # fmt: skip
@click.option("--cors-headers", default="Content-Type", show_default=True, envvar="MCMOCK_CORS_HEADERS",
              help="Access-Control-Allow-Headers; some players send User-Agent, too.")  # fmt: skip
@click.option("--cors-max-age", type=int, envvar="MCMOCK_CORS_MAX_AGE", help="Adds Access-Control-Max-Age to preflights.")
@click.option("--ready-file", type=click.Path(path_type=Path), envvar="MCMOCK_READY_FILE", help="Written once it listens.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, envvar="MCMOCK_LOG_FORMAT",
    help="What the ready line looks like.",
)  # fmt: skip
def serve(**options: Any) -> None:
    """Run the emulator until SIGINT or SIGTERM."""
    from mcmock.emulator import Emulator  # late: `mcmock --help` should not wait for aiohttp

    place = {name: options.pop(name) for name in ("host", "port", "ready_file", "log_format")}
    del options["config"]
    try:
        emulator = Emulator(**options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    sys.exit(_run(_serve(emulator, **place)))


def _run(main: Any) -> int:
    """asyncio.run, on uvloop where the extra `speed` has put it."""
    try:
        import uvloop
    except ImportError:
        return int(asyncio.run(main))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return int(runner.run(main))


async def _serve(emulator: Any, host: str, port: int, ready_file: Path | None, log_format: str) -> int:
    from mcmock.server import Service

    service = Service(emulator, host=host, port=port)
    try:
        await service.start()
    except OSError as error:
        click.echo(f"mcmock: cannot listen on {host}:{port}: {error.strerror or error}", err=True)
        return CANNOT_LISTEN
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    _announce(service, ready_file, log_format)
    await stopped.wait()
    await service.stop()
    return 0


def _announce(service: Any, ready_file: Path | None, log_format: str) -> None:
    facts = {
        "event": "ready",
        "url": service.url,
        "httpsUrl": None,
        "adminUrl": service.admin_url,
        "seed": service.emulator.seed,
        "pid": os.getpid(),
    }
    line = json.dumps(facts)
    if ready_file is not None:
        ready_file.write_text(line + "\n")
    text = f"mcmock listens on {service.url} (log and control: {service.admin_url}, seed {service.emulator.seed})"
    click.echo(line if log_format == "json" else text)
