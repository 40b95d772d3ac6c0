"""What a start costs: the CPU of a server's first answer, beside bare aiohttp's in turns, and that of `mcmock --help`.

    python bench/start.py [--rounds 10]

A server is asked for `/` until it answers, and its CPU time (user and system) is read right then. The least of the rounds
counts: what else a machine does only adds. Run it where mcmock is installed from a wheel: an editable install takes longer
over each import.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from throughput import PEERS, first_answer

SERVERS = ("mcmock", "mcmock[speed]")


def cpu_of(*arguments: str) -> float:
    """CPU seconds that a command of mcmock takes from its start to its end."""
    process = subprocess.Popen([sys.executable, "-m", "mcmock", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = range(parser.parse_args().rounds)
    able = [name for name in SERVERS if PEERS[name].needs()]
    names = [one for name in able for one in (PEERS[name].yardstick, name)]
    runs = [{name: first_answer(PEERS[name]) for name in names} for _ in rounds]
    least = {name: min(run[name] for run in runs) for name in names}
    print("| first answer of | CPU, ms | ratio to bare aiohttp |\n|---|---|---|")
    for name in names:
        print(f"| {name} | {least[name] * 1000:.0f} | {least[name] / least[PEERS[name].yardstick]:.2f} |")
    print(f"\n`mcmock --help`: {min(cpu_of('--help') for _ in rounds) * 1000:.0f} ms of CPU")


if __name__ == "__main__":
    main()
