"""mcmock with default dependencies only, whatever extras are installed: `python bench/plain.py serve …`."""

from __future__ import annotations

import sys

for extra in ("jsonschema_rs", "uvloop"):
    sys.modules[extra] = None  # type: ignore[assignment]  # importing it now raises ImportError

from mcmock.cli import main  # noqa: E402  # only after the extras are out of reach

main(prog_name="mcmock")
