"""`mcmock serve` as a process of its own, for tests that stop it, or kill it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.conftest import body


class Serving:
    """A context manager. `arguments` are those of `mcmock serve`; it listens on a free port unless they name one.

    `first` is Python that its process runs before anything else. `facts` are those of the ready line.
    """

    def __init__(self, *arguments: str, first: str = "") -> None:
        port = [] if "--port" in arguments else ["--port", "0"]
        script = f"{first}\nfrom mcmock.cli import main\nmain(prog_name='mcmock')"
        run = ["-c", script] if first else ["-m", "mcmock"]
        command = [sys.executable, *run, "serve", "--log-format", "json", *port, *arguments]
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=quiet
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.facts: dict[str, Any] = json.loads(line)
        self.url = str(self.facts["url"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> str:
        """End it by SIGTERM; what it wrote to stderr. Raises subprocess.TimeoutExpired after 20 seconds."""
        self.process.terminate()
        return self.process.communicate(timeout=20)[1]

    def kill(self) -> None:
        """As by `kill -9`."""
        self.process.kill()
        self.process.communicate()


class Client:
    """One keep-alive connection to a server, as a player has it."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._prefix = place.path
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, value: Any = None) -> tuple[int, Any, str]:
        """The status, the body as JSON (None if there is none), and the Location."""
        text = json.dumps(value).encode() if value is not None else None
        self._connection.request(
            method, self._prefix + path, text, {"Content-Type": "application/json"} if text else {}
        )
        answer = self._connection.getresponse()
        got = answer.read()
        return answer.status, json.loads(got) if got else None, answer.headers.get("Location", "")

    def start(self) -> str:
        """Open a session; its path."""
        status, told, path = self.ask("POST", "/api/v1/sessions", body("sessionStart"))
        assert status == 201, told
        return path

    def send(self, path: str, event_type: str = "ping", playhead: float = 0, ts: int = 1_700_000_000_000) -> int:
        return self.ask("POST", f"{path}/events", body(event_type, playhead, ts))[0]

    def admin(self, method: str, path: str, value: Any = None) -> Any:
        status, told, _ = self.ask(method, f"/__admin/{path}", value)
        assert status == 200, (status, told)
        return told
