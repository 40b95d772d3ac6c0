"""docs/configuration.md, from the table of options: `python -m mcmock.cli.reference > docs/configuration.md`."""

from __future__ import annotations

from typing import Any

from mcmock.cli.options import GROUPS, LIVE, OPTIONS, TABLES, Option, Size

_HEAD = """# Configuration

Set an option of `mcmock serve` or `mcmock exec` by a flag, by an environment variable or by a key of `mcmock.toml`. A flag wins
over a variable, a variable over the file, and the file over the default. In Python, pass the same names with underscores to
`mcmock_options`, `make_mcmock_server` or `McmockServer`. Options that name files or shape the output are for the command line
only.

To see every value and where it came from:

```text
mcmock serve --print-config
```

The output can be saved as a `mcmock.toml`. It never has the admin token.

## The file

Put `mcmock.toml` into the folder that you start mcmock from, or name another file with `--config` or `MCMOCK_CONFIG`. Paths in
it are relative to the file. An unknown key is refused, and the message names the nearest option. An option that may have several
values takes one value, or a list.

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

With `--watch`, mcmock checks the config and the file of faults four times a second and applies a change of
{live}. A file with a mistake changes nothing: one line on stderr names the mistake. When another option changes, a line says that
mcmock must be restarted.

## Shell completion

```text
eval "$(_MCMOCK_COMPLETE=bash_source mcmock)"        # in ~/.bashrc
eval "$(_MCMOCK_COMPLETE=zsh_source mcmock)"         # in ~/.zshrc
_MCMOCK_COMPLETE=fish_source mcmock | source         # in ~/.config/fish/config.fish
```

Then the Tab key completes commands, options and their values.

## Exit codes

| code | means |
|---|---|
| 0 | stopped by SIGINT or SIGTERM |
| 1 | checks failed, something was lost or unanswered (`exec`, `check`, `verify`, `wait`, `replay`, `play`); no server (`ready`) |
| 2 | wrong usage or config; one line on stderr says what and where |
| 3 | cannot listen: the address is taken, or not this machine's |
| 4 | could not ask the server (`find`, `wait`, `verify`, `report`, `tail`, `replay`, `play`); `ready`: a proxy is in the way |

## Proxies

Commands ask a server on this machine (`localhost`, `127.0.0.0/8`, `::1`) directly. For any other server they follow `HTTP_PROXY`,
`HTTPS_PROXY` and `NO_PROXY`. If a proxy answers in place of the server, the message names it.
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
