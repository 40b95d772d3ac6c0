"""A real Redis for the tests: on a free loopback port, keeping nothing, stopped by its own pid."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests import programs

PROGRAM = programs.find("redis")

needs_redis = programs.needs("redis")


class RedisServer:
    """`stop` and `start` again: the same port, and with `folder` the same data (appended at once). `options` are its own."""

    def __init__(self, folder: Path | None = None, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._kept = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(folder)] if folder else []
        self._kept += options
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert PROGRAM is not None, "there is no redis-server on this machine"
        command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *self._kept]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(16).startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
