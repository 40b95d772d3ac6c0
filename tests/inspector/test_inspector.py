"""The inspector page in a real browser: what a user sees, reads, presses and hears. Chromium is driven over loopback.

Every page a test opens fails it on a Content-Security-Policy violation, a script error or a message on the console, so
that each of these tests also shows that recorded data stays text.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import mcmock
from mcmock import faults
from mcmock.server.admin import pages
from mcmock.testing.server import McmockServer
from tests import programs
from tests.conftest import START_PARAMS, Wire, send
from tests.player import Player, evening, posted, refused
from tests.recordings import test_edge_clients

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytestmark = pytest.mark.mcmock(fail_on="never")  # much of what the page is for is bad on purpose

MARKUP = "<img src=x onerror=alert(1)>"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
SHOTS = os.environ.get("MCMOCK_SCREENSHOTS")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
LONG = 11_000
GREEN, RED = "rgb(26, 122, 85)", "rgb(192, 39, 45)"
PATIENCE = 30_000
"""Milliseconds until something counts as missing: on a busy machine the page itself asks less often, up to ten seconds apart."""

WATCH = """
window.alert = (text) => window.complain(`alert: ${text}`);
document.addEventListener("securitypolicyviolation", (event) => {
  window.complain(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = programs.need("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium)
        yield launched
        launched.close()


EDGE = Path(__file__).parents[2] / "fixtures" / "edge"
Open = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages, and looks at the end for what must not have happened on any of them."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(url: str, *, viewport: dict[str, int] | None = None, quiet: bool = True, **options: Any) -> Page:
        context = browser.new_context(viewport=viewport or DESK, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.expose_function("complain", lambda text: complaints.append(text))  # noqa: PLW0108 -- playwright wants a function
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        if quiet:
            page.on("console", lambda message: complaints.extend(heard(message.text)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def heard(text: str) -> list[str]:
    """What the console said, but for Chromium's remark that a test reads the canvas."""
    return [] if text.startswith("Canvas2D") else [f"console: {text}"]


@pytest.fixture
def page(open_page: Open, mcmock_server: McmockServer) -> Page:
    shown = open_page(mcmock_server.admin_url + "/")
    expect(shown.locator(".connection")).to_have_text("live")
    return shown


def expect(locator: Locator) -> Any:
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=PATIENCE)
    return playwright_expect(locator)


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("grid", name="Requests of this session").locator("tr[data-index]", has_text=text)


def number(page: Page, name: str) -> Locator:
    return page.locator(f".numbers [data-key={name}]")


def settled(page: Page, server: McmockServer) -> None:
    """Wait until every request of the one session has come to the page."""
    rows = str(len(server.session().exchanges) + 1)
    expect(page.get_by_role("grid", name="Requests of this session")).to_have_attribute("aria-rowcount", rows)


def controls(page: Page) -> Locator:
    page.get_by_role("button", name="Controls", exact=True).click()
    return page.get_by_role("dialog", name="Controls")


# -- two sessions -----------------------------------------------------------------------------------------------------------


def two_evenings(server: McmockServer) -> tuple[Player, Player]:
    """Two viewings of one film; the second pauses, and has a show to name."""
    old, new = Player(server, "The Long Tide"), Player(server, "The Long Tide", **{"media.show": "Tides"})
    for player, events in ((old, []), (new, [(12, "pauseStart", 12), (14, "play", 12)])):
        for moment, event, playhead in [(0.1, "play", 0), (10, "ping", 10), *events, (20, "sessionComplete", 18)]:
            player.send(moment, event, playhead)
    return old, new


def test_two_sessions_stand_above_each_other_with_their_differences(
    open_page: Open, mcmock_server: McmockServer
) -> None:
    old, new = two_evenings(mcmock_server)
    page = open_page(f"{mcmock_server.admin_url}/#/session/{new.id}")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    assert page.url.endswith(f"#/compare/{old.id}/{new.id}")
    expect(page.locator(".compare .verdict")).to_contain_text("differences")
    params = page.get_by_role("table", name="Differences: Params")
    expect(params.locator("tbody tr")).to_have_text(["+newmedia.show (sessionStart at 0.0 s)–Tides"])
    events = page.get_by_role("table", name="Differences: Events")
    expect(events.locator("tr.is-new")).to_have_text(
        ["+newpauseStart at 12.0 s–sent", "+newplay at 14.0 s–sent"]
    )  # fmt: skip
    expect(page.get_by_role("table", name="Differences: Report")).to_contain_text("pause time0 s2 s")
    timeline = page.get_by_role("region", name="Timeline of the new session")
    timeline.locator(".cursor").press("Home")
    for _ in range(3):
        timeline.locator(".cursor").press("ArrowRight")
    expect(timeline.locator(".tip")).to_contain_text("pauseStart")
    expect(timeline.locator(".tip")).to_contain_text("the old session has it not")
    assert axe_faults(page) == []


def test_both_timelines_move_together_and_another_session_is_chosen(
    open_page: Open, mcmock_server: McmockServer
) -> None:
    old, new = two_evenings(mcmock_server)
    page = open_page(f"{mcmock_server.admin_url}/#/compare/{old.id}/{new.id}")
    ranges = page.get_by_role("region", name="Timeline of the").locator(".range")
    expect(ranges.first).not_to_be_empty()
    whole = ranges.first.text_content()
    page.get_by_role("region", name="Timeline of the old session").get_by_role("button", name="Zoom in").click()
    expect(ranges.first).not_to_have_text(str(whole))
    expect(ranges.last).to_have_text(str(ranges.first.text_content()))
    page.get_by_role("combobox", name="The new session").select_option(old.id)
    expect(page.locator(".compare .verdict")).to_contain_text("the same")
    page.get_by_role("combobox", name="The old session").select_option(new.id)
    assert old.send(25, "sessionEnd", 18) == 204
    page.get_by_role("button", name="Compare again").click()
    expect(page.get_by_text("closing-events")).to_be_visible()
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_role("combobox", name="The old session")).to_have_value(old.id)


def test_sessions_that_are_not_there_are_said_to_be_none(open_page: Open, mcmock_server: McmockServer) -> None:
    page = open_page(f"{mcmock_server.admin_url}/#/compare/no/body", quiet=False)
    expect(page.locator(".compare .verdict")).to_have_text("there is no session no")


# -- live -----------------------------------------------------------------------------------------------------------------


def test_a_session_played_over_http_appears_without_reload(page: Page, mcmock_server: McmockServer) -> None:
    expect(page.get_by_role("heading", name="Waiting for a player")).to_be_visible()
    player = Player(mcmock_server, "The Long Tide")
    expect(page.get_by_role("heading", name="The Long Tide")).to_be_visible()
    player.send(0.1, "play", 0)
    expect(page.locator(".session-head .state")).to_have_text("playing")
    player.send(10, "ping", 10)
    player.send(20, "pauseStart", 20)
    expect(page.locator(".session-head .state")).to_have_text("paused")
    expect(row(page, "pauseStart")).to_be_visible()
    expect(number(page, "contentTimeSpent")).to_contain_text("19.9 s")
    expect(page.locator("[data-session] .state")).to_have_text("paused")


def test_a_session_of_the_media_edge_api_is_shown_as_one_of_the_first_api_is(
    page: Page, mcmock_server: McmockServer
) -> None:
    [session_id] = test_edge_clients.play(mcmock_server, EDGE / "alloy__ads.jsonl").values()
    expect(page.get_by_role("heading", name="Sample Film")).to_be_visible()
    expect(page.locator(".session-head .told")).to_contain_text("vod · 1:00 · media-edge")
    settled(page, mcmock_server)
    complete = mcmock_server.request(event="sessionComplete")
    assert complete.playhead is not None
    expect(row(page, "sessionComplete").locator("td", has_text=re.compile(rf"^{complete.playhead:g}$"))).to_have_count(
        1
    )
    row(page, "sessionComplete").click()
    facts = page.locator("dl.facts")
    expect(facts).to_contain_text("playhead8 s")
    expect(facts).to_contain_text("ts2026-11-27")
    page.goto(f"{mcmock_server.admin_url}/#session/{session_id}")  # now from the log, and not from the stream
    page.reload()
    expect(row(page, "sessionComplete").locator("td", has_text=re.compile(rf"^{complete.playhead:g}$"))).to_have_count(
        1
    )


def test_a_sample_session_is_played_from_the_empty_page(page: Page, mcmock_server: McmockServer) -> None:
    page.get_by_role("button", name="Play a sample session").click()
    expect(page.get_by_role("heading", name="A film")).to_be_visible()
    expect(page.locator(".session-head .state")).to_have_text("ended")
    row(page, "").first.press("End")  # a session that had ended when it was opened is shown from its start
    expect(row(page, "sessionEnd")).to_be_visible()
    expect(page.get_by_role("button", name="Play a sample session")).to_have_count(0)
    session = mcmock_server.session()
    assert [found.rule for one in mcmock_server.requests() for found in one.findings] == []
    assert [found.rule for found in session.findings] == []
    report = session.report
    assert (report.content_completes, report.ad_count, len(report.chapters)) == (True, 1, 1)
    assert (report.content_time_spent, report.pause_count, report.buffer_count) == (60.0, 1, 1)


def test_a_sample_session_belongs_to_the_scope_of_the_page(open_page: Open, mcmock_server: McmockServer) -> None:
    shown = open_page(mcmock_server.admin_url + "/?scope=mine", quiet=False)  # Chromium notes each 404 on its console
    shown.get_by_role("button", name="Play a sample session").click()
    expect(shown.get_by_role("heading", name="A film")).to_be_visible()
    expect(shown.locator(".session-head .state")).to_have_text("ended")
    assert mcmock_server.sessions() == []


def test_a_sample_session_that_is_refused_says_why(open_page: Open, mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.status(503, event="sessionStart"))
    shown = open_page(mcmock_server.admin_url + "/", quiet=False)  # Chromium notes a 503 on its console
    button = shown.get_by_role("button", name="Play a sample session")
    button.click()
    expect(shown.locator(".toast.is-error")).to_contain_text("The sample got 503")
    expect(button).to_be_enabled()


def test_the_newest_session_is_first_and_followed_until_one_is_chosen(page: Page, mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "First")
    expect(page.get_by_role("heading", name="First")).to_be_visible()
    Player(mcmock_server, "Second")
    expect(page.get_by_role("heading", name="Second")).to_be_visible()
    expect(page.locator("[data-session] strong")).to_have_text(["Second", "First"])
    page.get_by_role("link", name="First").click()
    Player(mcmock_server, "Third")
    expect(page.locator("[data-session]")).to_have_count(3)
    expect(page.get_by_role("heading", name="First")).to_be_visible()


def test_the_list_is_filtered_by_text_outcome_and_state(page: Page, mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    Player(mcmock_server, "Clean", "another player").send(1, "sessionEnd", 0)
    names = page.locator("[data-session] strong")
    expect(names).to_have_count(2)
    page.get_by_label("Filter sessions by text").fill("ANOTHER")
    expect(names).to_have_text(["Clean"])
    page.get_by_label("Filter sessions by text").fill("")
    page.get_by_label("Filter sessions by outcome").select_option("ignored")
    expect(names).to_have_text(["The Long Tide"])
    page.get_by_label("Filter sessions by outcome").select_option("")
    page.get_by_label("Filter sessions by state").select_option("ended")
    expect(names).to_have_text(["Clean"])


def test_an_outcome_that_a_later_event_changes_is_corrected(page: Page, mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()  # what comes later than five seconds changes nothing any more
    player = Player(mcmock_server, "Overtaken")
    player.send(0.1, "play", 0)
    player.send(20, "adStart", 5, params=player.ad("Coffee", 1), shift=1)
    expect(row(page, "adStart").locator(".outcome")).to_have_text("ignored")
    player.send(20, "adBreakStart", 5, params=player.ad_break(1))
    expect(row(page, "adStart").locator(".outcome")).to_have_text("good")


def test_it_says_when_it_is_disconnected_and_catches_up(open_page: Open) -> None:
    with McmockServer(seed=1) as server:
        port = int(server.url.rpartition(":")[2])
        shown = open_page(server.admin_url + "/", quiet=False)
        expect(shown.locator(".connection")).to_have_text("live")
    expect(shown.locator(".connection")).to_have_text("disconnected")
    expect(shown.locator("[data-notice=lost]")).to_be_visible()
    with McmockServer(seed=1, port=port) as server:
        Player(server, "After the break")
        expect(shown.get_by_role("heading", name="After the break")).to_be_visible()
        expect(shown.locator("[data-notice=lost]")).to_have_count(0)


def test_it_says_that_entries_left_the_log(open_page: Open) -> None:
    with McmockServer(seed=1, max_log_bytes=8_000) as server:
        shown = open_page(server.admin_url + "/")
        player = Player(server, "Much")
        for second in range(40):
            player.send(second, "ping", second)
        expect(shown.locator("[data-notice=evicted]")).to_contain_text("left the log")
        shown.context.close()


# -- one request ----------------------------------------------------------------------------------------------------------


def test_a_bad_request_shows_its_reason(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Broken pings")
    player.raw({"eventType": "ping", "playerTime": {"playhead": "soon", "ts": player.ts}})
    row(page, "wrong-type").click()
    details = page.get_by_role("region", name="Request", exact=True)
    expect(details.locator(".verdict")).to_contain_text("400 bad")
    expect(details.locator(".finding")).to_contain_text("$.playerTime.playhead")
    expect(details.locator(".finding .about")).to_have_text(re.compile("another type than the schema says"))
    expect(details.get_by_role("region", name="Response body")).to_contain_text("playhead")
    assert page.url.endswith(f"/{mcmock_server.request(status=400).seq}")


def test_a_request_that_never_became_a_session_is_under_all_requests(page: Page, mcmock_server: McmockServer) -> None:
    assert refused(mcmock_server.url, "/api/v1/sessions", {"eventType": "sessionStart"}) == 400
    page.get_by_role("link", name="All requests").first.click()
    page.get_by_role("grid", name="All requests").locator("tr", has_text="missing-key").click()
    expect(page.locator(".request .verdict")).to_contain_text("400 bad")
    page.get_by_label("Filter requests by outcome").select_option("good")
    expect(page.get_by_text("No request yet.")).to_be_visible()


def test_a_line_says_what_was_lost_and_leads_to_the_first_of_it(page: Page, mcmock_server: McmockServer) -> None:
    line = page.locator("#verdict")
    player = Player(mcmock_server, "The Long Tide")
    player.send(0.1, "play", 0)
    player.send(10, "ping", 10)
    expect(line).to_have_text("Nothing is lost")
    expect(line).to_have_css("color", GREEN)
    expect(line.locator("a")).to_have_count(0)

    player.send(11, "adComplete", 11)
    seq = mcmock_server.request(event="adComplete").seq
    expect(line).to_have_text(f"A request is lost: 1 ignored. First: #{seq} adComplete")
    expect(line).to_have_css("color", RED)
    line.get_by_role("link").click()
    expect(page.locator(".request h2")).to_contain_text("adComplete")
    assert page.url.endswith(f"#/session/{mcmock_server.session().id}/{seq}")

    assert refused(mcmock_server.url, "/api/v1/session", {"eventType": "sessionStart"}) == 404
    expect(line).to_contain_text("2 requests are lost: 1 misdirected, 1 ignored")
    mcmock_server.reset()
    expect(line).to_have_text("Nothing is lost, but no session was opened")


def test_what_was_lost_without_a_session_is_led_to_in_the_log(open_page: Open, mcmock_server: McmockServer) -> None:
    assert refused(mcmock_server.url, "/api/v1/session", {"eventType": "sessionStart"}) == 404
    seq = mcmock_server.request(status=404).seq
    shown = open_page(mcmock_server.admin_url + "/")
    expect(shown.locator("#verdict")).to_have_text(
        f"A request is lost: 1 misdirected. First: #{seq} POST /api/v1/session"
    )
    shown.locator("#verdict a").click()
    expect(shown.locator(".request .finding").first).to_contain_text("misdirected")
    assert shown.url.endswith(f"#/log/{seq}")


def test_the_copied_curl_sends_the_same_request_again(
    open_page: Open, mcmock_server: McmockServer, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shown = open_page(mcmock_server.admin_url + "/", permissions=["clipboard-read", "clipboard-write"])
    player = Player(mcmock_server, 'It\'s a "quoted" $name `x` \\')
    player.send(1, "play", 0, customMetadata={"who": "l'été\n$(touch pwned)"})
    row(shown, "play").first.click()
    shown.get_by_role("button", name="Copy as curl").click()
    command = shown.evaluate("navigator.clipboard.readText()")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=20)
    first, again = mcmock_server.requests(event="play")
    assert again.body == first.body
    assert dict(again.request_headers)["Content-Type"] == "application/json"
    assert list(tmp_path.iterdir()) == []


def copied(page: Page) -> str:
    page.get_by_role("button", name="Copy as curl").click()
    return str(page.evaluate("navigator.clipboard.readText()"))


def again(command: str, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    subprocess.run(["bash", "-c", command], cwd=folder, check=True, capture_output=True, timeout=20)


CLIPBOARD = ["clipboard-read", "clipboard-write"]


def test_a_body_is_shown_and_sent_again_as_it_was_written(
    open_page: Open, mcmock_server: McmockServer, tmp_path: Path
) -> None:
    """A key that came twice, numbers that JavaScript cannot hold: what a value would lose is often what was wrong."""
    shown = open_page(mcmock_server.admin_url + "/", permissions=CLIPBOARD)
    sent = b'{"eventType": "ping",  "eventType": "play", "n": 12345678901234567890, "f": 1.0, "e": [ ], "s": "a, {b}"}'
    Player(mcmock_server, "As written").raw(sent)
    row(shown, "duplicate-key").click()
    body = shown.get_by_role("region", name="Request body").locator("pre")
    expect(body).to_have_text(
        '{\n  "eventType": "ping",\n  "eventType": "play",\n  "n": 12345678901234567890,\n  "f": 1.0,\n  "e": [],\n'
        '  "s": "a, {b}"\n}'
    )
    again(copied(shown), tmp_path)
    first, second = mcmock_server.requests(rule="duplicate-key")
    assert second.body_bytes == first.body_bytes == sent


@pytest.mark.parametrize("path", ["/api/v1/sessions/{sid}/events", "/api/v1/../v1/sessions/[1-3]/events"])
def test_a_path_that_curl_would_read_as_a_pattern_is_sent_again_as_it_was(
    open_page: Open, mcmock_server: McmockServer, tmp_path: Path, wire: Wire, path: str
) -> None:
    shown = open_page(mcmock_server.admin_url + "/#/log", permissions=CLIPBOARD)
    wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    shown.get_by_role("grid", name="All requests").locator("tr", has_text="POST").click()
    again(copied(shown), tmp_path)
    first, second = mcmock_server.requests()
    assert first.path == second.path == path
    assert "content-type" not in {name.lower() for name, _ in second.request_headers}
    assert ("X-Empty", "") in second.request_headers
    assert second.status == first.status


def test_a_refused_request_that_names_no_session_is_not_asked_about(page: Page, wire: Wire) -> None:
    for request in (b"POST", b"OPTIONS"):
        wire.send(request + b" /api/v1/sessions/nobody/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        wire.answer()
    page.get_by_role("link", name="All requests").first.click()
    expect(page.get_by_role("grid", name="All requests").locator("tr", has_text="nobody")).to_have_count(2)
    page.wait_for_timeout(400)  # real time: changed sessions are asked about after 300 ms


def test_a_request_stays_open_though_its_session_is_still_being_fetched(
    page: Page, mcmock_server: McmockServer
) -> None:
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/sessions/*/report", hold)
    player = Player(mcmock_server, "Slow to come")
    player.send(1, "play", 0)
    row(page, "play").click()
    details = page.get_by_role("region", name="Request", exact=True)
    expect(details).to_be_visible()
    held[0].continue_()
    expect(page.locator(".session-head h1")).to_have_text("Slow to come")
    page.wait_for_timeout(200)  # real time: for what comes after the answer
    expect(details).to_be_visible()


def test_what_was_recorded_stays_text(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, MARKUP, MARKUP)
    player.send(1, "ping", 0, customMetadata={"note": MARKUP})
    player.send(3, "chapterStart", 0, params=player.chapter(MARKUP))
    player.send(4, "error", 0, qoeData={"media.qoe.errorID": MARKUP, "media.qoe.errorSource": "player"})
    player.raw(f'"{MARKUP}"'.encode(), ("X-Odd", MARKUP))
    refused(mcmock_server.url, "/api/v1/<b>odd</b>", {})
    expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
    row(page, "metadata-on-wrong-event").click()
    expect(page.get_by_role("region", name="Request body")).to_contain_text(MARKUP)
    page.get_by_role("button", name="Close the request").click()
    expect(page.get_by_role("region", name="Chapters, one by one")).to_contain_text(MARKUP)
    row(page, "not-an-object").click()
    expect(page.get_by_role("region", name="Request body")).to_contain_text(MARKUP)
    page.get_by_role("link", name="All requests").first.click()
    expect(page.get_by_role("grid", name="All requests")).to_contain_text("<b>odd</b>")
    assert page.locator("img, #main b:has-text('odd')").count() == 0


# -- the report and the timeline ------------------------------------------------------------------------------------------


def test_a_number_lights_up_what_it_was_summed_from(page: Page, mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    number(page, "bufferTime").click()
    report = mcmock_server.session().report
    why = page.locator(".why")
    expect(why).to_contain_text(f"({report.buffer_time:g} s) = {report.buffer_time:g} s")
    assert lit_columns(page) > 0
    number(page, "bufferTime").click()
    expect(why).to_have_text("")
    assert lit_columns(page) == 0


def test_a_number_in_doubt_is_marked_and_says_by_which_rule(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Doubted")
    player.send(0, "play", 0)
    player.send(10, "pauseStart", 10)
    expect(number(page, "pauseCount")).not_to_contain_text("?")
    player.send(10.1, "sessionComplete", 10)
    doubt = number(page, "pauseCount").locator(".doubt")
    expect(doubt).to_have_attribute("aria-label", " in doubt by pause-at-end")
    expect(number(page, "pauseCount")).to_have_attribute("title", re.compile("in doubt by pause-at-end"))
    expect(number(page, "errorCount").locator(".doubt")).to_have_count(0)


def test_every_number_of_the_report_can_be_asked_why(page: Page, mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    settled(page, mcmock_server)
    names = page.locator(".report [data-key]").evaluate_all("all => all.map((one) => one.dataset.key)")
    assert set(mcmock_server.session().report.to_json()["exact"]) - set(names) == set(TOLD_ELSEWHERE)
    why = page.locator(".why")
    for name in dict.fromkeys(names):
        page.locator(f".report [data-key='{name}']").first.click()
        expect(why).not_to_have_text("")
        assert "undefined" not in why.inner_text()
        assert "NaN" not in why.inner_text()


def test_a_press_is_not_lost_when_the_page_changes_under_it(page: Page, mcmock_server: McmockServer) -> None:
    """An event comes while the button is down: what would be drawn anew is drawn after the click."""
    player = Player(mcmock_server, "Pressed")
    player.send(0, "play", 0)
    player.send(10, "ping", 10)
    asked = number(page, "contentTimeSpent")
    expect(asked).to_contain_text("10 s")
    asked.hover()
    page.mouse.down()
    player.send(20, "ping", 20)
    expect(page.locator(".session-head .counts")).to_contain_text("4 good")  # it has the new report, too
    expect(asked).to_contain_text("10 s")
    page.mouse.up()
    expect(asked).to_contain_text("20 s")
    expect(asked).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".why")).to_contain_text("= 20 s")


TOLD_ELSEWHERE = ("closeReason", "firstTs", "lastTs", "sessionId", "state")
"""What the page's head and axis say already."""


def test_a_connection_that_was_reset_is_told_as_no_answer(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Reset")
    mcmock_server.faults.add(faults.reset(event="ping"))
    with pytest.raises(OSError, match=r"reset|aborted"):
        player.send(5, "ping", 5)
    row(page, "faulted").click()
    expect(page.locator(".request .verdict")).to_contain_text("No answer, faulted")
    expect(page.locator(".request .facts")).to_contain_text("cut off")


def test_a_session_whose_first_requests_left_the_log_keeps_its_beginning(open_page: Open) -> None:
    with McmockServer(seed=1, max_log_bytes=8_000, clock="frozen") as server:
        player = Player(server, "Much")
        player.send(0, "play", 0)
        for second in range(1, 61):
            player.send(second, "ping", second)
            server.summary()  # somebody looks, so that each event is judged before it leaves the log
        shown = open_page(server.admin_url + "/")
        expect(number(shown, "contentTimeSpent")).to_contain_text("1:00")
        assert span(shown) == (0, 60)
        expect(row(shown, "ping").last).to_contain_text("1:00.0")
        shown.context.close()


def lit_columns(page: Page) -> int:
    """How many pixel columns of the timeline carry the bar that marks a lit span."""
    page.wait_for_timeout(100)
    return int(
        page.evaluate("""() => {
          const canvas = document.querySelector(".stage canvas");
          const ratio = window.devicePixelRatio;
          const row = canvas.getContext("2d").getImageData(0, Math.round(19 * ratio), canvas.width, 1).data;
          let lit = 0;
          for (let at = 0; at < row.length; at += 4) if (row[at + 3] === 255 && row[at + 2] > 180 && row[at] < 80) lit += 1;
          return lit;
        }""")
    )


def test_zoom_and_pan_by_wheel_buttons_and_keys(page: Page, mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()
    evening(mcmock_server)
    settled(page, mcmock_server)
    expect(page.get_by_role("button", name="Show the whole session")).to_have_attribute("aria-pressed", "true")
    everything = span(page)
    page.locator(".stage").hover()
    page.mouse.wheel(0, -400)
    assert wait_for_span(page, lambda shown: width(shown) < width(everything) * 0.7)
    zoomed = span(page)
    page.mouse.wheel(-300, 0)
    assert wait_for_span(page, lambda shown: shown[0] < zoomed[0])
    page.get_by_role("button", name="Zoom out").click()
    assert wait_for_span(page, lambda shown: width(shown) > width(zoomed))
    page.get_by_role("button", name="Show the whole session").click()
    assert wait_for_span(page, lambda shown: shown == everything)
    page.locator(".cursor").focus()
    page.keyboard.press("+")
    assert wait_for_span(page, lambda shown: width(shown) < width(everything))
    before = span(page)
    page.keyboard.press("Shift+ArrowLeft")
    assert wait_for_span(page, lambda shown: shown[0] < before[0])
    page.keyboard.press("0")
    assert wait_for_span(page, lambda shown: shown == everything)


def test_times_read_the_same_wherever_they_stand(open_page: Open, mcmock_server: McmockServer) -> None:
    """The axis of a long session zoomed to milliseconds, and midnight, which some locales call 24 o'clock."""
    shown = open_page(mcmock_server.admin_url + "/", locale="en-US", timezone_id="UTC")
    told = shown.evaluate("""async () => {
      const { duration, timeOfDay } = await import("./inspector/format.js");
      const midnight = new Date(new Date().setUTCHours(0, 5, 9, 0)).getTime() / 1000;
      return [duration(5549.34, 2), duration(59.96, 1), duration(7), duration(-61.2), timeOfDay(midnight)];
    }""")
    assert told == ["1:32:29.34", "1:00.0", "0:07", "−1:01", "00:05:09"]


def test_what_a_user_did_is_shown_without_the_pause_that_spares_the_server(page: Page) -> None:
    """The same while the pause lasts, and while the page is still fetching."""
    ran = page.evaluate("""async () => {
      const { Refresh } = await import("./inspector/refresh.js");
      const answers = [];
      const refresh = new Refresh(() => new Promise((resolve) => answers.push(resolve)), 60_000);
      const until = async (count) => { while (answers.length < count) await new Promise((go) => setTimeout(go)); };
      const counts = [];
      refresh.ask();
      await until(1);
      refresh.ask(); // waits: it is being fetched
      refresh.hurry(); // so does this, but then it is next
      counts.push(answers.length);
      answers[0]();
      await until(2);
      answers[1]();
      await new Promise((go) => setTimeout(go));
      refresh.ask(); // waits for a minute
      counts.push(answers.length);
      refresh.hurry();
      await until(3);
      return [...counts, answers.length];
    }""")
    assert ran == [1, 2, 3]


def test_two_fingers_zoom_and_one_pans(open_page: Open, mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()
    evening(mcmock_server)
    shown = open_page(
        mcmock_server.admin_url + f"/#/session/{mcmock_server.session().id}", viewport=PHONE, has_touch=True
    )
    settled(shown, mcmock_server)
    everything = span(shown)
    box = shown.locator(".stage").bounding_box()
    assert box is not None
    touch = shown.context.new_cdp_session(shown)

    def fingers(kind: str, *places: float) -> None:
        points = [{"x": box["x"] + at, "y": box["y"] + 100, "id": index} for index, at in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 100, 140)
    for step in range(1, 9):
        fingers("touchMove", 100 - step * 8, 140 + step * 8)
    fingers("touchEnd")
    assert wait_for_span(shown, lambda now: width(now) < width(everything) * 0.7)
    pinched = span(shown)
    fingers("touchStart", 60)
    for step in range(1, 9):
        fingers("touchMove", 60 + step * 15)
    fingers("touchEnd")
    assert wait_for_span(shown, lambda now: now[0] < pinched[0])


def span(page: Page) -> tuple[float, float]:
    """The seconds in sight, as the page says them."""
    page.wait_for_timeout(60)
    first, last = page.locator("output.range").inner_text().split(" – ")
    return clock(first), clock(last)


def clock(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def width(shown: tuple[float, float]) -> float:
    return shown[1] - shown[0]


def wait_for_span(page: Page, holds: Callable[[tuple[float, float]], bool]) -> bool:
    return any(holds(span(page)) for _ in range(40))


def test_hovering_a_mark_tells_what_it_is_and_a_click_opens_it(page: Page, mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()
    player = Player(mcmock_server, "One")
    player.send(10, "play", 0)
    player.send(20, "error", 10, qoeData={"media.qoe.errorID": "E", "media.qoe.errorSource": "player"})
    expect(row(page, "error")).to_be_visible()
    expect(page.locator(".lane", has_text="Requests")).to_be_visible()
    lane = page.locator(".lane", has_text="Requests").bounding_box()
    stage = page.locator(".stage").bounding_box()
    assert lane is not None
    assert stage is not None
    x, y = stage["x"] + stage["width"] * 0.5, lane["y"] + 8
    page.mouse.move(x, y)
    expect(page.locator(".tip")).to_contain_text("play")
    page.mouse.click(x, y)
    play = mcmock_server.request(event="play")
    expect(page.get_by_role("heading", name=f"#{play.seq} play")).to_be_visible()


@pytest.mark.long
def test_a_long_session_loads_scrolls_and_zooms_smoothly(page: Page, mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()
    player = Player(mcmock_server, "Three hours")
    for second in range(1, LONG):
        send(mcmock_server.emulator, player.id, "ping", second, ts=player.ts + second * 1000)
    page.reload()
    grid = page.get_by_role("grid", name="Requests of this session")
    expect(grid).to_have_attribute("aria-rowcount", str(LONG + 1))
    assert grid.locator("tr").count() < 100
    grid.locator("tr[tabindex='0']").first.focus()
    page.keyboard.press("End")
    first, last = mcmock_server.requests()[0].seq, mcmock_server.requests()[-1].seq
    expect(grid.locator(f"tr[data-seq='{last}']")).to_be_focused()
    page.keyboard.press("Home")
    expect(grid.locator(f"tr[data-seq='{first}']")).to_be_focused()
    frames = page.evaluate(ZOOMING)
    assert sorted(frames)[len(frames) // 2] < 34, f"a frame took {frames} ms"


ZOOMING = """async () => {
  const stage = document.querySelector(".stage");
  const box = stage.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + 80, cancelable: true };
  const wheel = (deltaY) => new WheelEvent("wheel", { deltaY, ...place });
  const frames = [];
  let last = performance.now();
  for (let step = 0; step < 60; step += 1) {
    stage.dispatchEvent(wheel(step < 30 ? -60 : 60));
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames;
}"""


# -- controls -------------------------------------------------------------------------------------------------------------


def test_a_fault_added_in_the_page_hits_the_next_ping(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Faulted")
    drawer = controls(page)
    drawer.get_by_text("A fault of your own").click()
    drawer.get_by_label("effect", exact=True).select_option("status")
    drawer.get_by_label("code", exact=True).fill("503")
    drawer.get_by_label("event", exact=True).select_option("ping")
    drawer.get_by_role("button", name="Add fault").click()
    expect(drawer.locator(".faults li")).to_contain_text("status · code 503")
    assert player.send(10, "ping", 0) == 503
    expect(drawer.locator(".faults li")).to_contain_text("1 hit")
    drawer.get_by_role("button", name=re.compile("^Remove (?!all)")).click()
    expect(drawer.get_by_text("No fault in force")).to_be_visible()
    assert player.send(20, "ping", 0) == 204
    page.keyboard.press("Escape")
    row(page, "faulted").click()
    expect(page.locator(".finding.is-fault")).to_contain_text("before it was processed")


def test_a_fault_that_cannot_be_is_refused_with_the_servers_words(open_page: Open, mcmock_server: McmockServer) -> None:
    shown = open_page(mcmock_server.admin_url + "/", quiet=False)  # Chromium notes the 400 on its console
    drawer = controls(shown)
    drawer.get_by_text("A fault of your own").click()
    drawer.get_by_label("effect", exact=True).select_option("delay")
    drawer.get_by_role("button", name="Add fault").click()
    expect(drawer.locator(".fault-form .error")).to_contain_text("seconds")
    assert mcmock_server.emulator.faults() == []


def test_a_preset_is_added_and_the_shown_curl_does_the_same(page: Page, mcmock_server: McmockServer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    drawer = controls(page)
    drawer.get_by_label("Preset").select_option("outage")
    drawer.get_by_role("button", name="Add preset").click()
    expect(drawer.locator(".faults li")).to_contain_text("outage")
    command = drawer.locator(".commands code").first.inner_text()
    drawer.get_by_role("button", name="Remove all").click()
    expect(drawer.get_by_text("No fault in force")).to_be_visible()
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=20)
    assert [state.rule.name for state in mcmock_server.emulator.faults()] == ["outage"]


def test_the_clock_is_frozen_advanced_and_let_go(page: Page, mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "Idle")
    drawer = controls(page)
    drawer.get_by_role("button", name="Freeze").click()
    expect(drawer.get_by_role("button", name="Let it run")).to_be_visible()
    drawer.get_by_role("button", name="+10 min").click()
    expect(page.locator("[data-session] .state")).to_have_text("idle")
    drawer.get_by_role("button", name="Let it run").click()
    expect(drawer.get_by_role("button", name="Freeze")).to_be_visible()
    assert not mcmock_server.emulator.frozen


def test_a_session_is_expired_and_forgotten(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Short")
    page.get_by_role("button", name="Expire").click()
    expect(page.locator(".session-head .state")).to_have_text("expired")
    assert player.send(1, "ping", 0) == 410
    page.get_by_role("button", name="Forget").click()
    expect(page.locator(".session-head .state")).to_have_text("forgotten")
    assert player.send(2, "ping", 0) == 404


def test_a_command_that_failed_says_so(open_page: Open, mcmock_server: McmockServer) -> None:
    shown = open_page(mcmock_server.admin_url + "/", quiet=False)  # Chromium notes the lost request on its console
    Player(mcmock_server, "Lost")
    shown.route("**/expire", lambda route: route.abort())
    shown.get_by_role("button", name="Expire").click()
    expect(shown.locator(".toast")).to_contain_text("This did not work")


def test_the_command_that_does_the_same_is_in_reach_while_the_drawer_is_open(page: Page) -> None:
    drawer = controls(page)
    drawer.get_by_role("button", name="Freeze").click()
    drawer.locator(".toast").get_by_role("button", name="copy").click()
    expect(drawer.locator(".toast")).to_contain_text("Copied")


def test_the_log_is_downloaded_and_cleared(page: Page, mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "Kept").send(1, "play", 0)
    drawer = controls(page)
    with page.expect_download() as downloaded:
        drawer.get_by_role("button", name="Download NDJSON").click()
    lines = downloaded.value.path().read_text().splitlines()
    assert [json.loads(line).get("eventType") for line in lines] == [None, "sessionStart", "play"]
    with page.expect_download() as downloaded:
        drawer.get_by_role("button", name="Download HAR").click()
    assert len(json.loads(downloaded.value.path().read_text())["log"]["entries"]) == 2
    drawer.get_by_role("button", name="Clear the log").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No request yet.").first).to_be_visible()
    assert mcmock_server.requests() == []


def test_with_a_token_the_page_asks_for_it_once(open_page: Open) -> None:
    with McmockServer(seed=1, admin_token="open sesame") as server:
        shown = open_page(server.admin_url + "/", quiet=False)
        dialog = shown.get_by_role("dialog", name="Token")
        dialog.get_by_label("Token").fill("wrong")
        dialog.get_by_role("button", name="Go on").click()
        expect(dialog).to_contain_text("That was not it")
        dialog.get_by_label("Token").fill("open sesame")
        dialog.get_by_role("button", name="Go on").click()
        expect(shown.locator(".connection")).to_have_text("live")
        Player(server, "Behind a token")
        expect(shown.get_by_role("heading", name="Behind a token")).to_be_visible()
        shown.get_by_role("button", name="Expire").click()
        expect(shown.locator(".toast code")).to_contain_text("$MCMOCK_ADMIN_TOKEN")
        shown.reload()
        expect(shown.get_by_role("heading", name="Behind a token")).to_be_visible()
        assert "sesame" not in shown.content()
        assert "sesame" not in shown.url
        shown.context.close()


def test_each_scope_is_looked_at_by_itself(page: Page, mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "Of all")
    expect(page.get_by_role("heading", name="Of all")).to_be_visible()
    expect(page.get_by_label("Scope")).to_be_hidden()
    start = Player(mcmock_server, "Of one").event(0, "sessionStart", 0, params={**START_PARAMS, "media.name": "Mine"})
    assert posted(mcmock_server.url + "/~mine/api/v1/sessions", start).status == 201
    page.reload()
    page.get_by_label("Scope").select_option("mine")
    expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    expect(page.locator("[data-session]")).to_have_count(1)
    page.get_by_role("button", name="Expire").click()
    expect(page.locator(".session-head .state")).to_have_text("expired")
    expect(page.locator(".toast code")).to_contain_text("scope=mine")


def test_the_address_names_the_scope_so_that_a_link_leads_to_what_one_sees(
    page: Page, open_page: Open, mcmock_server: McmockServer
) -> None:
    Player(mcmock_server, "Of all")
    started(mcmock_server, "mine")
    page.reload()
    page.get_by_label("Scope").select_option("mine")
    page.get_by_role("link", name="Mine").click()
    assert "?scope=mine#/session/" in page.url
    colleague = open_page(page.url)
    expect(colleague.get_by_role("heading", name="Mine")).to_be_visible()
    expect(colleague.get_by_label("Scope")).to_have_value("mine")
    colleague.get_by_label("Scope").select_option("default")
    expect(colleague.get_by_role("heading", name="Of all")).to_be_visible()
    assert "scope" not in colleague.url


def test_under_a_scopes_own_address_the_page_shows_that_scope(open_page: Open, mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "Of all")
    started(mcmock_server, "mine")
    shown = open_page(mcmock_server.url + "/~mine/__admin/")
    expect(shown.get_by_role("heading", name="Mine")).to_be_visible()
    expect(shown.get_by_label("Scope")).to_have_value("mine")
    shown.get_by_label("Scope").select_option("default")
    expect(shown.get_by_role("heading", name="Of all")).to_be_visible()
    expect(shown.locator("[data-session]")).to_have_count(1)


def test_the_page_waits_for_the_first_request_of_a_scope(open_page: Open, mcmock_server: McmockServer) -> None:
    shown = open_page(mcmock_server.admin_url + "/?scope=mine", quiet=False)  # Chromium notes each 404 on its console
    expect(shown.get_by_role("heading", name="Waiting for a player")).to_be_visible()
    expect(shown.locator("#main")).to_contain_text(f"Point it at {mcmock_server.url}/~mine and")
    expect(shown.locator(".connection")).to_have_text("waiting")
    expect(shown.locator("[data-notice=lost]")).to_have_count(0)
    started(mcmock_server, "mine")
    expect(shown.get_by_role("heading", name="Mine")).to_be_visible()
    expect(shown.locator(".connection")).to_have_text("live")


def test_a_sessionstart_copied_from_a_scope_is_sent_to_that_scope(
    open_page: Open, mcmock_server: McmockServer, tmp_path: Path
) -> None:
    started(mcmock_server, "mine")
    shown = open_page(mcmock_server.admin_url + "/?scope=mine", permissions=CLIPBOARD)
    row(shown, "sessionStart").click()
    again(copied(shown), tmp_path)
    assert mcmock_server.summary().total == 0
    assert get(mcmock_server, "summary?scope=mine")["sessions"] == 2


def started(server: McmockServer, scope: str) -> None:
    """Open a session called Mine in that scope."""
    params = {**START_PARAMS, "media.name": "Mine"}
    start = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1}, "params": params}
    assert posted(f"{server.url}/~{scope}/api/v1/sessions", start).status == 201


# -- for everyone ---------------------------------------------------------------------------------------------------------

INTERACTIVE = "a[href], button, input, select, summary, [tabindex='0']"


def test_the_keyboard_alone_reaches_every_control(page: Page, mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    expect(row(page, "ping").first).to_be_visible()
    tab_through(page)
    page.get_by_role("button", name="Controls", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Controls")).to_be_visible()
    page.get_by_text("A fault of your own").focus()
    page.keyboard.press("Enter")
    tab_through(page, "dialog[open] ")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Controls")).to_be_hidden()


def tab_through(page: Page, inside: str = "") -> None:
    """Press Tab until every control that can be seen has had the focus."""
    wanted = page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)]
             .filter((one) => one.checkVisibility() && one.tabIndex >= 0 && !one.disabled)
             .map((one, index) => (one.dataset.wanted = index))""",
        ", ".join(inside + one for one in INTERACTIVE.split(", ")),
    )
    reached = set()
    for _ in range(len(wanted) + 60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("Number(document.activeElement?.dataset.wanted ?? -1)"))
    missed = page.evaluate(
        """(reached) => [...document.querySelectorAll("[data-wanted]")]
             .filter((one) => !reached.includes(Number(one.dataset.wanted)))
             .map((one) => one.outerHTML.slice(0, 120))""",
        list(reached),
    )
    assert missed == []
    page.evaluate("document.querySelectorAll('[data-wanted]').forEach((one) => delete one.dataset.wanted)")


def test_the_timeline_is_walked_and_told_by_keyboard(page: Page, mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    expect(row(page, "ping").first).to_be_visible()
    cursor, said = page.locator(".cursor"), page.locator(".timeline > [aria-live=polite]")
    cursor.focus()
    page.keyboard.press("Home")
    expect(said).to_have_text(re.compile(r"^sessionStart · 201 · good at 0:00\.0, request 1 of \d+$"))
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("request 2 of")
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text(re.compile("bad|ignored|ping-gap"))
    page.keyboard.press("Enter")
    expect(page.locator(".request h2")).to_be_focused()
    page.get_by_role("button", name="Close the request").press("Enter")
    expect(cursor).to_be_focused()


def test_on_a_phone_a_number_brings_the_timeline_into_sight_and_clear_leads_back(
    open_page: Open, mcmock_server: McmockServer
) -> None:
    mcmock_server.clock.freeze()
    evening(mcmock_server)
    shown = open_page(f"{mcmock_server.admin_url}/#/session/{mcmock_server.session().id}", viewport=PHONE)
    settled(shown, mcmock_server)
    number(shown, "bufferTime").click()
    expect(shown.locator(".stage")).to_be_in_viewport(ratio=1)
    expect(shown.locator(".why")).to_be_in_viewport(ratio=1)
    shown.get_by_role("button", name="Clear", exact=True).click()
    expect(number(shown, "bufferTime")).to_be_focused()
    expect(number(shown, "bufferTime")).to_be_in_viewport()


def test_a_number_keeps_the_focus_while_the_report_changes(page: Page, mcmock_server: McmockServer) -> None:
    player = Player(mcmock_server, "Live")
    player.send(0.1, "play", 0)
    player.send(10, "ping", 10)
    spent = number(page, "contentTimeSpent")
    expect(spent).to_contain_text("9.9 s")
    spent.focus()
    player.send(20, "ping", 20)
    expect(spent).to_contain_text("19.9 s")
    expect(spent).to_be_focused()


OTHER_STATES = ("request", "controls", "log", "dark", "phone-list", "waiting")
STATES = ("session", "phone-session", *(pytest.param(one, marks=pytest.mark.long) for one in OTHER_STATES))


@pytest.mark.parametrize("state", STATES)
def test_no_accessibility_fault_and_a_picture_of_each_state(open_page: Open, state: str) -> None:
    """axe finds no fault, nothing is wider than the screen; with MCMOCK_SCREENSHOTS set the docs' pictures are made anew."""
    with McmockServer(seed=1, clock="frozen") as server:
        if state != "waiting":
            evening(server, others=True)
        shown = open_page(
            server.admin_url + "/",
            viewport=PHONE if state.startswith("phone") else DESK,
            color_scheme="dark" if state == "dark" else "light",
        )
        expect(shown.locator(".connection")).to_have_attribute("data-state", "live")
        if state in PREPARE:
            PREPARE[state](shown)
        shown.wait_for_timeout(400)
        assert shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert axe_faults(shown) == []
        if SHOTS:
            IMAGES.mkdir(parents=True, exist_ok=True)
            shown.screenshot(path=IMAGES / f"inspector-{state}.png")
        shown.context.close()


def ask(page: Page) -> None:
    number(page, "contentTimeSpent").click()


def open_trouble(page: Page) -> None:
    page.get_by_label("Which requests to list").select_option("trouble")
    row(page, "ad-outside-break").first.click()
    expect(page.locator(".request h2")).to_be_visible()


def open_controls(page: Page) -> None:
    drawer = controls(page)
    drawer.get_by_label("Preset").select_option("flaky")
    drawer.get_by_role("button", name="Add preset").click()
    expect(drawer.locator(".faults li")).to_have_count(2)


PREPARE: dict[str, Callable[[Page], None]] = {
    "session": ask,
    "request": open_trouble,
    "dark": ask,
    "controls": open_controls,
    "log": lambda page: page.get_by_role("link", name="All requests").first.click(),
    "phone-session": lambda page: page.get_by_role("link", name="The Long Tide").click(),
}


def axe_faults(page: Page) -> list[str]:
    import axe_playwright_python

    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text() + "\n;0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']} {one['id']}: {one['help']}: {[node['html'][:100] for node in one['nodes'][:4]]}"
        for one in found["violations"]
    ]


# -- the files ------------------------------------------------------------------------------------------------------------


def test_the_page_is_served_with_a_policy_that_allows_no_inline_script(mcmock_server: McmockServer) -> None:
    with urlopen(mcmock_server.admin_url + "/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://", text) == []


def test_the_policy_stops_markup_that_would_run(browser: Browser, mcmock_server: McmockServer) -> None:
    """Were recorded markup ever to become markup, it still could not act; this also shows that the browser enforces it."""
    with browser.new_page() as shown:
        shown.goto(mcmock_server.admin_url + "/")
        ran = shown.evaluate("""async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = 'a script'";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = `a handler`'>");
          await new Promise((resolve) => setTimeout(resolve, 300));
          return window.ran ?? null;
        }""")
    assert ran is None


def test_the_address_without_its_slash_leads_to_the_page(mcmock_server: McmockServer) -> None:
    with urlopen(mcmock_server.admin_url) as answer:
        assert answer.url == mcmock_server.admin_url + "/"


FILES = sorted(one.name for one in (Path(mcmock.__file__).parent / "inspector").iterdir() if one.name != "types.d.ts")
"""What a browser may ask for: the types are for the compiler."""


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_is_served_with_its_type(mcmock_server: McmockServer, name: str) -> None:
    with urlopen(f"{mcmock_server.admin_url}/inspector/{name}") as answer:
        assert answer.headers["Content-Type"] == pages.TYPES[name.rpartition(".")[2]]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.read() == (Path(mcmock.__file__).parent / "inspector" / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/model.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "app.js/..",
        "nothing.js",
    ],
)
def test_no_path_leads_out_of_the_pages_own_files(mcmock_server: McmockServer, wire: Wire, name: str) -> None:
    wire.send(f"GET /__admin/inspector/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head, _, content = wire.answer().partition(b"\r\n\r\n")
    assert b" 404 " in head.split(b"\r\n")[0]
    assert json.loads(content)["error"]["code"] in ("no-file", "no-route")


def test_nothing_recorded_is_ever_set_as_markup() -> None:
    folder = Path(mcmock.__file__).parent / "inspector"
    for script in folder.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", script.read_text()
        ), script.name


# -- what the page is told ------------------------------------------------------------------------------------------------


def get(server: McmockServer, path: str) -> Any:
    with urlopen(f"{server.admin_url}/{path}") as answer:
        return json.load(answer)


def test_the_brief_form_of_requests_has_neither_headers_nor_bodies(mcmock_server: McmockServer) -> None:
    Player(mcmock_server, "Brief").send(4, "play", 0)
    whole, brief = get(mcmock_server, "requests"), get(mcmock_server, "requests?brief=1")
    assert [one["seq"] for one in brief["requests"]] == [one["seq"] for one in whole["requests"]]
    play = brief["requests"][1]
    assert not {"requestHeaders", "responseHeaders", "body", "responseBody"} & set(play)
    assert (play["eventType"], play["playhead"], play["outcome"]) == ("play", 0, "good")
    assert play["ts"] == whole["requests"][1]["body"]["playerTime"]["ts"]
    assert {name: whole["requests"][1][name] for name in ("playhead", "ts")} == {"playhead": 0, "ts": play["ts"]}


def test_the_brief_form_of_a_downloaded_session_tells_its_events(mcmock_server: McmockServer) -> None:
    params = {**START_PARAMS, "media.downloaded": True}
    events = [
        {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1000}, "params": params},
        {"eventType": "play", "playerTime": {"playhead": 0, "ts": 2000}},
    ]
    urlopen(
        Request(
            mcmock_server.url + "/api/v1/downloaded", json.dumps(events).encode(), {"Content-Type": "application/json"}
        )
    )
    (brief,) = get(mcmock_server, "requests?brief=1")["requests"]
    assert brief["parts"] == [
        {"eventType": "sessionStart", "playhead": 0, "ts": 1000},
        {"eventType": "play", "playhead": 0, "ts": 2000},
    ]


def test_a_session_in_brief_counts_what_its_requests_add_up_to(mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    (brief,) = get(mcmock_server, "sessions?brief=1")["sessions"]
    whole = get(mcmock_server, f"sessions/{brief['id']}")
    assert brief["counts"] == whole["counts"]
    assert brief["state"] == whole["state"]
    assert brief["media"] == whole["media"]
    view = mcmock_server.session()
    for severity, count in brief["findingCounts"].items():
        assert count == sum(one.severity == severity for one in view.findings)
    assert get(mcmock_server, f"sessions/{brief['id']}?brief=1") == brief
    assert get(mcmock_server, "sessions?brief=1&limit=0") == {"sessions": [], "total": 1, "next": None}


def test_an_unknown_session_in_brief_is_404(mcmock_server: McmockServer) -> None:
    with pytest.raises(HTTPError, match="404"):
        get(mcmock_server, "sessions/nobody?brief=1")


def test_the_vocabulary_explains_every_rule_and_metric_that_can_appear(mcmock_server: McmockServer) -> None:
    evening(mcmock_server)
    vocabulary = get(mcmock_server, "vocabulary")
    view = mcmock_server.session()
    assert {finding.rule for finding in view.findings} <= set(vocabulary["rules"])
    assert set(view.report.to_json()["exact"]) <= set(vocabulary["metrics"])
    assert all(row["about"] for part in ("rules", "metrics", "match") for row in vocabulary[part].values())


def test_dark_is_the_same_whether_chosen_or_the_devices_own() -> None:
    css = (Path(mcmock.__file__).parent / "inspector" / "style.css").read_text()
    chosen, devices = (re.findall(r"--[\w-]+: [^;]+", block) for block in re.findall(r"\{([^{}]*scheme: dark;)", css))
    assert chosen == devices
    assert len(chosen) > 30
