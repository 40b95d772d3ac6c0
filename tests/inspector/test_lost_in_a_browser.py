"""What only a browser does: it hides Location where it is not exposed, and never sends what a preflight was refused for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from mcmock import faults
from mcmock.testing.server import McmockServer
from tests import programs
from tests.conftest import START_PARAMS, body

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLAYER = """
async ([url, start, headers]) => {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const answer = await fetch(`${url}/api/v1/sessions`, {
        method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(start),
      });
      const location = answer.headers.get("Location");
      if (location) return location;
    } catch { /* it tries again */ }
  }
  return null;
}
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = programs.need("chromium")
    from playwright.sync_api import sync_playwright

    with McmockServer() as elsewhere, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        opened = browser.new_page()
        opened.goto(f"{elsewhere.url}/api/v1/schemas/ping")  # a page of another origin on this machine
        yield opened
        browser.close()


def watch(page: Page, server: McmockServer, **headers: str) -> str | None:
    location: str | None = page.evaluate(PLAYER, [server.url, body("sessionStart", params=START_PARAMS), headers])
    return location


def test_a_page_that_may_read_location_loses_nothing(page: Page, mcmock_server: McmockServer) -> None:
    assert watch(page, mcmock_server) is not None
    assert mcmock_server.verdict("warning").passed


def test_a_location_that_the_page_may_not_read_is_unread(page: Page, mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.drop_header("Access-Control-Expose-Headers", name="hidden", kind="session"))
    assert watch(page, mcmock_server) is None
    first, second, third = mcmock_server.sessions()
    for session in (first, second):
        (finding,) = [one for one in session.findings if one.rule == "location-unread"]
        assert "the player never read Location" in finding.message
        assert (finding.severity, "the fault hidden" in finding.message) == ("info", True)
    assert "location-unread" not in {finding.rule for finding in third.findings}
    assert mcmock_server.verdict().passed, "the test asked for it"
    assert mcmock_server.losses().orphaned == 3


def test_a_header_that_the_preflight_is_refused_for_keeps_everything_back(
    page: Page, mcmock_server: McmockServer
) -> None:
    assert watch(page, mcmock_server, **{"X-Trace-Id": "1"}) is None
    assert {one.kind for one in mcmock_server.requests()} == {"preflight"}
    verdict = mcmock_server.verdict()
    assert verdict.counts["neverSent"] == len(mcmock_server.requests())
    assert "the header x-trace-id" in verdict.requests[0].findings[0].message


@pytest.mark.parametrize("wide", ["Content-Type, X-Trace-Id", "*"])
def test_the_option_that_the_finding_names_lets_it_through(page: Page, make_mcmock_server: object, wide: str) -> None:
    server: McmockServer = make_mcmock_server(cors_headers=wide)  # type: ignore[operator]
    assert watch(page, server, **{"X-Trace-Id": "1"}) is not None
    assert server.verdict().passed
