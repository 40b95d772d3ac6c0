"""mcmock with default dependencies only, whatever extras are installed: `python bench/plain.py serve …`."""

from __future__ import annotations

import sys

sys.modules["uvloop"] = None  # type: ignore[assignment]  # importing it now raises ImportError

from mcmock.cli import main  # noqa: E402  # only after the extra is out of reach

main(prog_name="mcmock")
