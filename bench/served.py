"""A `mcmock serve` of a benchmark's own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def serve(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Return the process, once it listens on a free port, and the facts of its ready line. The caller ends it."""
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", "--log-format", "json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())
