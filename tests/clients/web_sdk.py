"""Adobe's Web SDK in a page of Chromium: stories that a player tells it, and the time that passes in them.

The SDK is `dist/alloy.js` of the npm package @adobe/alloy, unchanged. Nothing waits: the page's clock and the emulator's are
moved on together, and the story goes on when what the page has sent is answered.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcmock.testing.server import TestClock
from tests import programs
from tests.clients.stories import Story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

HERE = Path(__file__).parent / "alloy"
EDGE = "edge.localhost"
"""What the page calls the server: `edgeDomain` takes a name without a port, and so it is port 443 of it."""

FINEST = 1000
"""Milliseconds that pass at once, at most: what the SDK does by a timer meets the emulator's clock so closely."""


class Viewer:
    """A page whose player tells what it plays; its clock, and the emulator's."""

    def __init__(self, page: Page, clock: TestClock) -> None:
        self.page, self._clock = page, clock

    def watch(self, way: str, story: Story) -> None:
        """Tell a story from its first step to its last."""
        now = 0.0
        for at, event, playhead, details in story:
            self.wait(at - now)
            now = at
            self.tell(way, event, playhead, details)

    def tell(self, way: str, event: str, playhead: float = 0, details: Mapping[str, Any] | None = None) -> None:
        """Tell one step, and return when all that it asked for is answered."""
        self.page.evaluate("(words) => tell(...words)", [way, event, playhead, details or {}])
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass, on the page and in the emulator."""
        left = round(seconds * 1000)
        while left > 0:
            step = min(left, FINEST)
            self._clock.advance(step / 1000)
            self.page.clock.run_for(step)
            self.settle()
            left -= step

    def sleep(self, seconds: float) -> None:
        """Let time pass in which the machine of the page sleeps: what was due meanwhile comes once, at its end."""
        self._clock.advance(seconds)
        self.page.clock.fast_forward(round(seconds * 1000))
        self.settle()

    def settle(self) -> None:
        self.page.evaluate("settled()")

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """What became of each call: the event, and None, or why its promise was rejected."""
        return [(event, error) for event, error in self.page.evaluate("told")]

    @property
    def refused(self) -> list[tuple[str, str]]:
        return [(event, error) for event, error in self.told if error is not None]


def open_page(context: BrowserContext, address: str, clock: TestClock) -> Viewer:
    """Open the page at an instant of the emulator's clock, at which it stands still."""
    page = context.new_page()
    now = round(clock.now() * 1000) / 1000
    page.clock.install(time=now - 3600)  # it runs until it is stopped, which is never in its past
    page.clock.pause_at(now)
    page.goto(address)
    page.evaluate("configured")
    return Viewer(page, clock)


# -- the browser -----------------------------------------------------------------------------------------------------------


class _Pages(http.server.SimpleHTTPRequestHandler):
    """The page's files, at http://localhost."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rpartition("/")[2] or "page.html"
        return str(programs.find("alloy")) if name == "alloy.js" else str(HERE / name)

    def log_message(self, *_: object) -> None:
        """Nothing: the log of these tests is the emulator's."""


@contextmanager
def pages() -> Iterator[str]:
    """Serve the page's files; the address, whose host is `localhost`."""
    programs.need("alloy", "the Web SDK")  # here: a skip on the server's thread would leave the page waiting
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def browser(https_url: str, *words: str) -> Iterator[Browser]:
    """Run a Chromium in which port 443 of `EDGE` is the server, whose certificate is not asked for its authority."""
    chromium = programs.need("chromium", "the Web SDK")
    from playwright.sync_api import sync_playwright

    port = https_url.rpartition(":")[2]
    rules = f"--host-resolver-rules=MAP {EDGE}:443 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE localhost"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[rules, *words])
        yield launched
        launched.close()
