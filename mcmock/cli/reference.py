"""docs/configuration.md, from the table of options: `python -m mcmock.cli.reference > docs/configuration.md`."""

from __future__ import annotations

from typing import Any

from mcmock.cli.options import GROUPS, LIVE, OPTIONS, TABLES, Option, Size

_HEAD = """# Configuration

Made from the table in `mcmock/cli/options.py`; a test compares. `mcmock serve` and `mcmock exec` take every option as a flag,
as an environment variable and as a key of `mcmock.toml`. A flag beats a variable, a variable beats the file, the file beats
the default. The Python fixtures take the same names, with underscores, in `mcmock_options`, `make_mcmock_server` and
`McmockServer`; those that name files, and those of the output, are for the command line only.

```text
mcmock serve --print-config
```

prints every value and where it came from, as a file that could be a `mcmock.toml`. The admin token is not printed.

## The file

`mcmock.toml` is read from the current folder, or from where `--config` (or `MCMOCK_CONFIG`) says. Paths in it are relative to
the file. A key that is no option is refused, with the nearest that is one. What may have
several values takes one, or a list.

```toml
port = 8410
https-port = 8443
max-log-bytes = "256M"
preset = ["throttled"]

[[fault]]
name = "ping-fails-twice"
effect = { type = "status", code = 503 }
match = { event = "ping" }
times = 2

[[scope]]
name = "living-room-tv"
header = "X-Device"
is = "tv"
```
"""

_TAIL = """
## While it runs

With `--watch`, mcmock looks at the config and at the file of faults four times a second and applies what has changed:
{live}. A file that is bad changes nothing: one line on stderr says what is wrong with it. A change of any other option is
announced, and takes a new start.

## Shell completion

```text
eval "$(_MCMOCK_COMPLETE=bash_source mcmock)"        # in ~/.bashrc
eval "$(_MCMOCK_COMPLETE=zsh_source mcmock)"         # in ~/.zshrc
_MCMOCK_COMPLETE=fish_source mcmock | source         # in ~/.config/fish/config.fish
```

completes commands, options and their values.

## Exit codes

| code | means |
|---|---|
| 0 | stopped by SIGINT or SIGTERM |
| 1 | checks failed, something was lost or unanswered (`exec`, `check`, `verify`, `wait`, `replay`, `play`); no server (`ready`) |
| 2 | wrong usage or config; one line on stderr says what and where |
| 3 | cannot listen: the address is taken, or not this machine's |
| 4 | could not ask the server (`find`, `wait`, `verify`, `report`, `tail`, `replay`, `play`); `ready`: a proxy is in the way |

A server on this machine (`localhost`, `127.0.0.0/8`, `::1`) is always asked directly. For others, `HTTP_PROXY`, `HTTPS_PROXY` and
`NO_PROXY` count, and a message names the proxy that stood between.
"""


def reference() -> str:
    """Return the page."""
    live = ", ".join(f"`{OPTIONS[name].key if name in OPTIONS else f'[[{name}]]'}`" for name in LIVE)
    groups = [f"\n## {group.title}\n\n{_table(group.options)}\n" for group in GROUPS]
    return "".join([_HEAD, *groups, _tables(), _TAIL.format(live=live)])


def _table(options: tuple[Option, ...]) -> str:
    rows = [
        f"| `{one.flag}` | `{one.variable}` | `{one.key}` | {_kind(one)} | {_default(one)} | {one.about} |"
        for one in options
    ]
    return "\n".join(["| flag | variable | key | value | default | |", "|---|---|---|---|---|---|", *rows])


def _kind(option: Option) -> str:
    words = option.type.words
    if choices := getattr(option.type, "choices", ()):
        words = ", ".join(choices)
    return f"{words}; several" if option.many else words


def _default(option: Option) -> str:
    value: Any = option.default
    if value in (None, ()):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(option.type, Size):
        return f"{value // 1024**2}M"
    return f"`{value}`"


def _tables() -> str:
    rows = "\n".join(f"| `[[{table.key}]]` | {table.about} |" for table in TABLES.values())
    return f"\n## Tables, in the file only\n\n| table | |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    print(reference(), end="")
