"""Every finding mcmock can make, as one table: what it is called, how bad it is in each mode, and what it rests on.

Rules of this file:

1. A finding never appears that is not a row here; docs/findings.md has a line for each row, and a test compares the two.
2. The columns `default` and `strict` say what is done in that mode. REFUSE means the request is answered 400; the others
   accept it, silently or with a finding of that severity. Loose is Default with every REFUSE turned into WARNING, for the
   rules marked `lenient` (unknown params and wrong values; never a missing key or a body that is no JSON).
3. `ignores` marks the expensive ones: the real service answers 204 and then drops, merges or re-assigns what was sent, or
   never gets what was to follow. A counted Exchange with such a finding has the outcome `ignored`.

4. `doubts` names the numbers of the report that cannot be trusted where the rule was met: keys of METRICS. How bad a rule is
   follows from what it costs there: an error where a number is wrong, a warning where it probably is, an info where it is odd.

Sources are named as in docs/fidelity.md; "C-09" is a row of its conflict table.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

from mcmock.core.model import Finding, Mode, Severity


class Action(StrEnum):
    """What a mode does about a rule."""

    ACCEPT = "accept"  # nothing to say
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"  # accepted all the same: the answer is 204, the loss is real
    REFUSE = "refuse"  # answered 400


class FailOn(StrEnum):
    """From what on a verdict fails; each level includes those before it."""

    NEVER = "never"
    REJECTED = "rejected"
    LOST = "lost"
    WARNING = "warning"


class Rule(NamedTuple):
    default: Action
    strict: Action
    source: str
    about: str
    ignores: bool = False
    lenient: bool = False
    doubts: tuple[str, ...] = ()

    def action(self, mode: Mode) -> Action:
        if mode is Mode.STRICT:
            return self.strict
        if mode is Mode.LOOSE and self.lenient and self.default is Action.REFUSE:
            return Action.WARNING
        return self.default


_ACCEPT, _INFO, _WARN, _ERROR, _REFUSE = Action.ACCEPT, Action.INFO, Action.WARNING, Action.ERROR, Action.REFUSE

SCHEMA_PAGE = "Media Collection API: validating requests"
PARAMETERS = "Media Collection API: request parameters"
ORDER = "Media Collection API: controlling the order of events"
TIMEOUT = "Media Collection API: timeout conditions"
METADATA = "Media Collection API: custom metadata"
ADS = "events/ads"
CHAPTERS = "events/chapters"
STATES = "events/player-state"
DOWNLOADED = "use case: tracking downloaded content"
EDGE_API = "Media Edge API: specification"
EDGE_GUIDE = "Media Edge API: guide"
EDGE_ERRORS = "Edge Network API: troubleshooting"
ASSUMED = "assumed"
PLAN = "your tracking plan"

# What rests on the same thing is in doubt together.
_TIME = ("content_time_spent", "media_time_spent", "average_minute_audience", "estimated_streams")
_ALL_TIME = (
    *_TIME, "ad_time_spent", "pause_time", "buffer_time", "stall_time", "unattributed_time", "session_time", "first_ts",
    "last_ts",
)  # fmt: skip
_MARKERS = ("progress_10", "progress_25", "progress_50", "progress_75", "progress_95")
_WATCHED = ("unique_time_played", "segment", *_MARKERS)
_LENGTH = ("average_minute_audience", *_MARKERS)
_STALL = ("stall_count", "stall_impacted", "stall_time")
_PAUSE = ("pause_count", "pause_impacted", "pause_time")
_ADS = ("ad_count", "ad_starts", "ad_completes", "ad_time_spent")
_CHAPTERS = ("chapter_count", "chapter_starts", "chapter_completes")
_BITRATE = ("bitrate_average", "bitrate_average_bucket")
_COMPLETE = ("content_completes",)
_VIEW = ("media_starts", "content_starts", "content_resumes", "segment_views")

# fmt: off
RULES: dict[str, Rule] = {
    # -- the body is not what the schema asks for -----------------------------------------------------------------------
    "not-json": Rule(_REFUSE, _REFUSE, f"{ASSUMED}; C-42, C-57", "The body is not JSON, or no JSON value we can hold."),
    "not-an-object": Rule(_REFUSE, _REFUSE, SCHEMA_PAGE, "The body is JSON but no object (or, for downloads, no array)."),
    "wrong-event": Rule(
        _REFUSE, _REFUSE, f"{SCHEMA_PAGE}; C-38, C-51", "`eventType` is missing, or no event type of this API."
    ),
    "wrong-endpoint": Rule(
        _REFUSE, _REFUSE, "C-50", "`sessionStart` belongs on /sessions and every other event on /sessions/{sid}/events."
    ),
    "missing-key": Rule(_REFUSE, _REFUSE, SCHEMA_PAGE, "A key that the event's schema requires is not there."),
    "unknown-key": Rule(
        _REFUSE, _REFUSE, f"{SCHEMA_PAGE}; C-56", "A key that the event's schema does not know.", lenient=True
    ),
    "wrong-type": Rule(
        _REFUSE, _REFUSE, f"{SCHEMA_PAGE}; C-48", "A value of another type than the schema says.", lenient=True
    ),
    "wrong-value": Rule(
        _REFUSE, _REFUSE, SCHEMA_PAGE, "A value outside the schema's list, pattern or size.", lenient=True
    ),
    "qoe-without-prefix": Rule(
        _REFUSE, _REFUSE, "C-03", "A quality value without its `media.qoe.` prefix.", lenient=True
    ),
    "qoe-in-params": Rule(
        _REFUSE, _REFUSE, "C-04", "Quality values belong in `qoeData`, not in `params`.", lenient=True
    ),
    "params-on-ping": Rule(_REFUSE, _REFUSE, "events/playback/ping; C-10", "A ping carries no params.", lenient=True),
    "empty-params-on-ping": Rule(_ACCEPT, _WARN, "C-10", "A ping carries no params, not even an empty object."),
    "duplicate-key": Rule(
        _WARN, _REFUSE, ASSUMED, "The same key twice in one JSON object; the last one counted.", lenient=True
    ),
    "body-too-large": Rule(_REFUSE, _REFUSE, f"{ASSUMED}; C-57", "The body is longer than --max-body-bytes (413)."),
    "body-incomplete": Rule(_REFUSE, _REFUSE, ASSUMED, "The client went away before its body ended."),
    "body-encoded": Rule(
        _REFUSE, _REFUSE, ASSUMED, "A compressed body (415); no client of this API sends one."
    ),
    "broken": Rule(_ERROR, _ERROR, "mcmock", "A bug of mcmock's own: the request was answered 500. Please report it."),
    "head-too-large": Rule(
        _REFUSE, _REFUSE, ASSUMED, "A request line or header longer than 64 KiB (414, 431), or more than 512 headers (431)."
    ),
    "store-away": Rule(_ERROR, _ERROR, "mcmock", "The store was away: the request was answered 503, which says if it counted."),
    "scope-refused": Rule(_REFUSE, _REFUSE, "mcmock", "The path names a scope that cannot be: docs/scopes.md."),
    "not-http": Rule(_REFUSE, _REFUSE, ASSUMED, "Bytes that are no HTTP request."),
    # -- it never reached the API, or what should have followed it never will -----------------------------------------------
    "misdirected": Rule(
        _ERROR, _ERROR, "cases of other people: a Location joined twice, a base URL with a slash at its end",
        "Meant for this API by its body or its path, but no path of it: answered 404 or 405.", ignores=True,
    ),
    "preflight-refused": Rule(
        _ERROR, _ERROR, "C-47; the Fetch standard, CORS preflight",
        "The browser refuses this preflight's answer, so it never sends the request that was to follow.", ignores=True,
    ),
    # -- accepted, although the tables say otherwise --------------------------------------------------------------------
    "pod-friendly-name-in-ad-start": Rule(
        _WARN, _REFUSE, "C-02", "`media.ad.podFriendlyName` belongs to adBreakStart, not to adStart.", lenient=True
    ),
    "error-id-in-params": Rule(
        _WARN, _REFUSE, "C-05", "An error's id and source belong in `qoeData`, as `media.qoe.errorID` and `errorSource`.",
        lenient=True,
    ),
    "error-without-id": Rule(_WARN, _WARN, "C-05", "An error event that names no error id."),
    "error-source-unknown": Rule(
        _WARN, _REFUSE, "C-05", "An error's source is `player` or `external`.", lenient=True
    ),
    "integral-float": Rule(_WARN, _REFUSE, "C-45", "A float such as 10.0 where an integer is asked for.", lenient=True),
    "fractional-quality": Rule(
        _WARN, _REFUSE, "observed in theo; C-45", "A quality value with a fraction, such as 29.97; integers are documented.",
        lenient=True, doubts=("bitrate_average", "frames_per_second")),
    "location-hint-null": Rule(
        _WARN, _REFUSE, "C-44", "`visitor.aamLocationHint` is null instead of absent.", lenient=True
    ),
    "length-null": Rule(
        _WARN, _REFUSE, "observed in js3: a live video's infinite duration",
        "`media.length` is null; live content of unknown length is 86400.", lenient=True, doubts=_LENGTH),
    "downloaded-flag-false": Rule(
        _WARN, _REFUSE, f"{DOWNLOADED}; C-08", "`media.downloaded` is false in a downloaded session.", lenient=True
    ),
    "downloaded-flag-live": Rule(
        _REFUSE, _REFUSE, f"{DOWNLOADED}; C-06", "`media.downloaded` is true on a live session."
    ),
    "downloaded-flag-missing": Rule(
        _REFUSE, _REFUSE, f"{DOWNLOADED}; C-07", "An array on /sessions without `media.downloaded: true`."
    ),
    "array-on-sessions": Rule(
        _INFO, _INFO, f"{DOWNLOADED}; C-07",
        "Downloaded content on /sessions is deprecated: send it to /downloaded. The mobile SDKs have no other way.",
    ),
    "downloaded-order": Rule(
        _REFUSE, _REFUSE, DOWNLOADED, "A downloaded session starts with its one sessionStart."
    ),
    "metadata-on-wrong-event": Rule(
        _WARN, _REFUSE, f"{METADATA}; {ASSUMED}; C-09",
        "Custom metadata is sent with sessionStart, adStart and chapterStart; here it is dropped. The event counts.",
        lenient=True,
    ),
    "empty-metadata-on-wrong-event": Rule(
        _ACCEPT, _WARN, "C-09", "`customMetadata` where it does not belong, although empty."
    ),
    "reserved-metadata-prefix": Rule(
        _WARN, _REFUSE, f"{METADATA}; C-33", "Metadata names must not start with `a.` or `media.`: they may overwrite others.",
        lenient=True,
    ),
    "states-update": Rule(
        _ACCEPT, _WARN, "C-13", "`statesUpdate` is documented for this API but missing from its specification."
    ),
    "state-name-spelling": Rule(
        _INFO, _WARN, "C-14", "A standard state's name in a spelling that is neither documented nor sent by an SDK."
    ),
    "pod-position-base": Rule(_INFO, _WARN, "C-15", "`media.ad.podPosition` is counted from 1 by most sources."),
    "pod-index-base": Rule(_INFO, _WARN, "C-15", "`media.ad.podIndex` is below 0."),
    "pod-second-differs": Rule(_INFO, _WARN, "C-43", "`media.ad.podSecond` is not where the playhead stands."),
    "bitrate-in-bits": Rule(
        _INFO, _INFO, f"{PARAMETERS} against variables/quality/bitrate; C-16",
        "A bitrate above 100000: bits per second by the one page, where the other asks for kilobits.", doubts=_BITRATE,
    ),
    "stream-type-missing": Rule(_ACCEPT, _WARN, "C-26", "`media.streamType` is required by one documentation page."),
    "length-not-positive": Rule(
        _INFO, _WARN, "C-34", "`media.length` of 0 or less: no progress markers and no average minute audience.", doubts=_LENGTH),
    "media-id-empty": Rule(
        _WARN, _ERROR, "dimensions/content; C-61", "An empty `media.id`: reporting drops the session.", ignores=True,
        doubts=("in_reports",)),
    "ad-id-empty": Rule(
        _WARN, _ERROR, "dimensions/ad; C-61", "An empty `media.ad.id`: reporting drops the ad.", ignores=True
    ),
    "placeholder": Rule(
        _WARN, _WARN, "observed: Adobe's quick start, sent as it is; theo's default ids",
        "A value that was meant to be replaced: `[YOUR_ORG_ID]`, `undefined`, `[object Object]`, `N/A`.",
    ),
    "placeholder-in-metadata": Rule(
        _INFO, _WARN, "observed in js3, which makes text of every value",
        "Custom metadata that was meant to be something else: `undefined`, `[object Object]`, `NaN`.",
    ),
    "required-value-empty": Rule(_WARN, _ERROR, PARAMETERS, "A required value that is an empty string."),
    "visitor-id-empty": Rule(
        _WARN, _WARN, "observed in CBS' client", "A visitor's id that is an empty string: the view is nobody's."
    ),
    "value-empty": Rule(_INFO, _INFO, ASSUMED, "An optional value that is an empty string."),
    "org-id-form": Rule(
        _WARN, _ERROR, "observed: an ECID for the organization, the id encoded or without its end",
        "The organization's id is not 24 hexadecimal digits and `@AdobeOrg`: no visitor is recognized.",
    ),
    "tracking-server-form": Rule(
        _WARN, _ERROR, "variables/core; observed: the collection server, a URL",
        "The tracking server is not the name of a host, or is the collection server: nothing reaches Analytics.",
    ),
    "report-suite-form": Rule(_WARN, _ERROR, "variables/core", "The report suite's id has characters that none has."),
    "visitor-id-form": Rule(
        _WARN, _WARN, "Experience Cloud Identity Service: ECID", "`visitor.marketingCloudUserId` is not 38 digits."
    ),
    "visitor-id-missing": Rule(
        _INFO, _INFO, "Experience Cloud Identity Service: apps",
        "An app's session without `visitor.marketingCloudUserId`: its views are not joined to the viewer's visits.",
    ),
    "type-misspelt": Rule(
        _WARN, _WARN, "variables/core/content-type and stream-type; observed in mparticle",
        "A content or stream type that is not documented, but near to one that is.",
    ),
    "type-not-documented": Rule(
        _INFO, _WARN, "variables/core/content-type and stream-type", "A content or stream type of one's own."
    ),
    "stream-type-differs": Rule(
        _INFO, _WARN, "variables/core/content-type", "The stream type is not that of the content type: a vod is video."
    ),
    "date-form": Rule(_WARN, _WARN, "standard-metadata/first-air-date", "A date that is not YYYY-MM-DD."),
    "show-type-unknown": Rule(_WARN, _WARN, "standard-metadata/show-type", "The show type is none of 0, 1, 2 and 3."),
    "day-part-form": Rule(_WARN, _WARN, "standard-metadata/day-part", "The day part is a moment, not a part of the day."),
    "content-type": Rule(_INFO, _WARN, "C-31", "The Content-Type is not application/json; the service does not mind."),
    "trailing-slash": Rule(_INFO, _WARN, "C-32", "A slash at the end of the path; the service does not mind."),
    # -- found in the session as a whole, in processing order -----------------------------------------------------------
    "ad-outside-break": Rule(
        _ERROR, _ERROR, ADS, "An ad event outside adBreakStart … adBreakComplete is ignored, its time goes to main content.",
        ignores=True, doubts=(*_ADS, *_TIME)),
    "ad-close-without-start": Rule(
        _WARN, _ERROR, f"{ADS}; C-39", "adComplete or adSkip inside a break, with no ad open.", ignores=True,
        doubts=("ad_completes", "ad_time_spent")),
    "ad-not-closed": Rule(
        _WARN, _ERROR, f"{ADS}; C-39", "An ad ended by something else than adComplete or adSkip.",
        doubts=("ad_completes", "ad_time_spent", "media_time_spent"),
    ),
    "ad-break-not-closed": Rule(
        _WARN, _ERROR, f"{ADS}; C-28", "An ad break without adBreakComplete; one page says that its ads are then ignored.",
        doubts=(*_ADS, *_TIME)),
    "ad-break-nested": Rule(
        _WARN, _ERROR, "C-39", "adBreakStart inside an ad break: the older break ends here.",
        doubts=("ad_break_count", "ad_time_spent"),
    ),
    "ad-break-close-without-start": Rule(_WARN, _ERROR, "C-39", "adBreakComplete with no break open.", ignores=True),
    "ad-break-without-ads": Rule(_WARN, _WARN, ADS, "An ad break in which no ad was started."),
    "gap-between-ads": Rule(
        _WARN, _ERROR, f"{ADS}; C-29", "More than 250 ms between two ads of one break.",
        doubts=("unattributed_time", *_TIME),
    ),
    "playback-before-ad": Rule(
        _WARN, _WARN, "timelines, timeline 1", "A playback event between adBreakStart and its first adStart.",
        doubts=("content_starts", "unattributed_time")),
    "chapter-overlap": Rule(
        _WARN, _ERROR, f"{CHAPTERS}; C-39", "chapterStart with a chapter open: the older one counts as skipped.",
        doubts=_CHAPTERS),
    "chapter-close-without-start": Rule(
        _WARN, _ERROR, f"{CHAPTERS}; C-39", "chapterComplete or chapterSkip with no chapter open.", ignores=True,
        doubts=_CHAPTERS),
    "chapter-not-closed": Rule(
        _INFO, _WARN, CHAPTERS, "A chapter still open when the session closed.",
        doubts=("chapter_completes",),
    ),
    "state-already-open": Rule(_WARN, _WARN, f"{STATES}; {ASSUMED}", "stateStart of a state that is open.", ignores=True),
    "state-not-open": Rule(_WARN, _WARN, f"{STATES}; {ASSUMED}", "stateEnd of a state that is not open.", ignores=True),
    "too-many-states": Rule(
        _WARN, _ERROR, f"{STATES}; C-60", "The eleventh and later state names of a session are dropped.", ignores=True
    ),
    "equal-timestamps": Rule(
        _INFO, _INFO, f"{ORDER}; C-19", "Two events with one `ts`: their order is undefined; Adobe's own SDKs do it."
    ),
    "timestamp-backwards": Rule(
        _INFO, _WARN, ORDER, "Arrived after an event with a later `ts`; processing put it back in order."
    ),
    "late-event": Rule(
        _WARN, _WARN, f"{ORDER}; {ASSUMED}", "Arrived after its window was processed: it counts after events that are younger.",
        doubts=_ALL_TIME),
    "playhead-past-end": Rule(_WARN, _WARN, "C-35", "The playhead is more than a second past `media.length`.", doubts=_LENGTH),
    "playhead-moved-in-ad": Rule(
        _INFO, _WARN, "C-17", "The playhead moved by more than a second within an ad break, where it stands still.",
        doubts=("unique_time_played", "segment")),
    "playhead-moved-in-pause": Rule(
        _WARN, _WARN, ASSUMED, "The playhead ran on while paused or buffering; a seek is not a finding.",
        doubts=(*_TIME, *_PAUSE, *_WATCHED),
    ),
    "playhead-off-clock": Rule(
        _INFO, _INFO, ASSUMED,
        "While playing, the playhead jumped, or crept at less than half speed: an unsaid seek, another speed, or a wrong unit.",
        doubts=_WATCHED,
    ),
    "ping-gap": Rule(
        _WARN, _WARN, "events/playback/ping; C-18", "More than 15 s without any event (75 s in downloaded content).",
        doubts=_ALL_TIME,
    ),
    "ping-gap-in-ad": Rule(_ACCEPT, _INFO, "C-18", "More than 1.5 s without any event inside an ad."),
    "play-after-complete": Rule(_INFO, _WARN, "C-21", "play after sessionComplete.", doubts=(*_COMPLETE, *_TIME)),
    "ping-after-complete": Rule(
        _WARN, _WARN, "observed in alloy, whose pings go on where sessionComplete was answered with an error",
        "Pings go on after sessionComplete, with nothing played since: they keep the session open, and tell nothing.",
    ),
    "event-after-end": Rule(
        _WARN, _ERROR, "events/session/session-end; C-20", "Sent after the session ended: dropped.", ignores=True
    ),
    "overtaken-by-end": Rule(
        _INFO, _INFO, f"{ORDER}; {ASSUMED}",
        "Arrived within five seconds after sessionEnd, but happened before it: it counts. Web SDKs post in parallel.",
    ),
    "session-ended-before": Rule(
        _INFO, _INFO, "events/session/session-end; C-20",
        "sessionEnd of a session that had ended or timed out: answered 204 and dropped, which is safe.",
    ),
    "duplicate-event": Rule(
        _WARN, _WARN, "observed in browsers, which repeat a POST whose connection broke",
        "The same event with the same `ts` and playhead twice: it was counted twice.",
        doubts=(*_ADS, *_CHAPTERS, "pause_count", "buffer_count", "error_count")),
    "session-not-ended": Rule(
        _INFO, _INFO, TIMEOUT, "The session timed out without sessionEnd or sessionComplete.",
        doubts=("seconds_since_last_call",)),
    "session-never-played": Rule(
        _INFO, _WARN, "metrics/drops-before-start", "The session closed before any play.",
        doubts=("dropped_before_start",),
    ),
    "two-sessions-for-one-view": Rule(
        _WARN, _WARN, "observed in js3, aep: retries of a slow sessionStart",
        "Another session was started for the same visitor and content within a minute, and one of them stayed empty.",
        doubts=_VIEW),
    "location-unread": Rule(
        _ERROR, _ERROR, "observed in js3 without Access-Control-Expose-Headers; retries of a slow sessionStart",
        "The same content was started again within seconds, before any event: the player never read Location.",
        ignores=True, doubts=_VIEW,
    ),
    "event-of-another-session": Rule(
        _WARN, _WARN, "observed in theo: events queued across two programmes",
        "Older than this session's sessionStart and no queued pre-roll: the event seems to belong to another session.",
        doubts=_ALL_TIME),
    # -- mistakes of integrators, each a kind: a number in the wrong unit, an end that cannot be, a place that is not ------
    "ts-unit": Rule(
        _ERROR, _ERROR, "events-req: ts; observed in theo on iOS, focus-android",
        "`ts` is not milliseconds since 1970: seconds, microseconds, ticks, time since the page was loaded.", doubts=_ALL_TIME,
    ),
    "ts-epoch": Rule(
        _ERROR, _ERROR, "events-req: ts; observed in focus-android",
        "`ts` is in milliseconds, but not since 1970: since the page was loaded, or 2001. Durations are right, the day is not.",
        doubts=("first_ts", "last_ts"),
    ),
    "clock-skew": Rule(
        _INFO, _INFO, ASSUMED, "The device's clock is days off, or was never set: the session is reported on another day.",
        doubts=("first_ts", "last_ts"),
    ),
    "clock-set": Rule(
        _WARN, _ERROR, ASSUMED, "The device's clock was set while the session ran.", doubts=_ALL_TIME,
    ),
    "ts-unchanged": Rule(
        _ERROR, _ERROR, "events-req: ts", "All events carry one `ts` while the playhead moves: no time is counted.",
        doubts=_ALL_TIME,
    ),
    "local-time": Rule(
        _INFO, _INFO, ASSUMED, "`ts` is off by whole hours: the local time taken for UTC, or a clock in the wrong time zone.",
        doubts=("first_ts", "last_ts"),
    ),
    "playhead-unit": Rule(
        _ERROR, _ERROR, "events-req: playhead; C-35",
        "The playhead is in milliseconds, frames, minutes, a part of the length, or a time since 1970.", doubts=_WATCHED,
    ),
    "live-from-join": Rule(
        _INFO, _INFO, "events-req: playhead; live content",
        "A live playhead that counts from the moment of joining; the second of the day is meant.",
    ),
    "playhead-negative": Rule(
        _WARN, _ERROR, "events-req: playhead; live content", "The playhead is below 0: an offset from the live edge?",
        doubts=_WATCHED,
    ),
    "day-on-demand": Rule(
        _WARN, _WARN, "variables/core/content-length; observed in mparticle",
        "Content on demand with the length or the playhead of a live day.", doubts=_LENGTH,
    ),
    "length-unit": Rule(
        _WARN, _ERROR, "variables/core/content-length; observed in theo",
        "`media.length` in milliseconds; seconds are meant.", doubts=_LENGTH,
    ),
    "part-unit": Rule(
        _WARN, _WARN, "variables/ad-length, chapters; observed in theo",
        "A length or an offset of an ad, a break or a chapter in milliseconds; seconds are meant.",
    ),
    "length-of-ad": Rule(
        _WARN, _ERROR, "observed in theo", "`media.length` is the length of an ad, and the content goes on past it.",
        doubts=_LENGTH,
    ),
    "ad-length-not-positive": Rule(_INFO, _WARN, "variables/ad-length", "`media.ad.length` of 0 or less."),
    "ad-completed-early": Rule(
        _WARN, _WARN, "events/ads; observed in CBS' client", "An ad is complete long before its length has passed.",
        doubts=("ad_completes", "ad_time_spent", "media_time_spent"),
    ),
    "ad-completed-late": Rule(
        _WARN, _WARN, "events/ads", "An ad took half as long again as its length: its end was sent late.",
        doubts=("ad_time_spent", "media_time_spent"),
    ),
    "completed-while-paused": Rule(
        _WARN, _ERROR, "events/playback/play; observed in CBS' client",
        "An ad, a chapter or the content is complete while paused or buffering: a `play` is missing.",
        doubts=(*_TIME, *_PAUSE, "ad_time_spent", "buffer_time"),
    ),
    "pause-at-end": Rule(
        _WARN, _WARN, "observed in theo on iOS", "The natural end of the content is preceded by a pause.", doubts=_PAUSE,
    ),
    "completed-never-played": Rule(
        _WARN, _ERROR, "metrics/content-completes", "sessionComplete in a session without a `play`.",
        doubts=(*_COMPLETE, "content_starts", *_TIME),
    ),
    "completed-early": Rule(
        _WARN, _WARN, "events/session/session-complete; observed in segment",
        "sessionComplete long before the end of the content: the end of a segment?", doubts=_COMPLETE,
    ),
    "chapter-completed-early": Rule(
        _WARN, _WARN, CHAPTERS, "A chapter is complete long before its end.", doubts=("chapter_completes",),
    ),
    "chapter-completed-late": Rule(
        _WARN, _WARN, CHAPTERS, "A chapter is complete long after its end.", doubts=("chapter_completes",),
    ),
    "play-missing": Rule(
        _WARN, _ERROR, "events/playback/play", "The playhead runs with the time, but no `play` was sent.",
        doubts=("content_starts", "dropped_before_start", "unattributed_time", *_TIME, *_WATCHED),
    ),
    "playhead-not-updated": Rule(
        _WARN, _WARN, "observed in segment", "Pings repeat a playhead that only other events bring up to date.",
        doubts=(*_STALL, *_TIME, *_WATCHED),
    ),
    "playhead-still": Rule(
        _WARN, _WARN, "metrics/stall-events", "The playhead stands still for pings on end while content plays.",
        doubts=(*_STALL, *_TIME, *_WATCHED),
    ),
    "arguments-swapped": Rule(
        _WARN, _WARN, "observed in alloy, for two years", "Two numbers of a chapter, an ad or its break in each other's place.",
    ),
    "pod-index-repeated": Rule(
        _WARN, _WARN, "dimensions/ad-pod", "Two breaks of a session with one `media.ad.podIndex`.", doubts=("ad_break_count",),
    ),
    "pod-index-of-preroll": Rule(
        _INFO, _WARN, "observed in theo", "The first mid-roll has the pre-roll's `media.ad.podIndex`, 0.",
        doubts=("ad_break_count",),
    ),
    "pod-position-repeated": Rule(
        _INFO, _WARN, "C-52: Adobe's timelines do it",
        "Two ads of a break with one `media.ad.podPosition`, or the second before the first.",
    ),
    "pod-position-stuck": Rule(
        _WARN, _WARN, "media-sdks#27", "Three ads of a break whose `media.ad.podPosition` does not go on."
    ),
    "chapter-offset-differs": Rule(
        _INFO, _WARN, CHAPTERS, "A chapter starts where the playhead is not in it."
    ),
    "chapter-past-end": Rule(_WARN, _WARN, CHAPTERS, "A chapter ends after the content."),
    "chapter-length-not-positive": Rule(_WARN, _WARN, CHAPTERS, "`media.chapter.length` of 0 or less."),
    "chapter-index-repeated": Rule(
        _WARN, _WARN, "dimensions/chapter", "Two chapters on end with one `media.chapter.index`.", doubts=_CHAPTERS,
    ),
    "two-players": Rule(
        _WARN, _ERROR, "observed in mparticle", "The playheads of two players in one session.", doubts=(*_TIME, *_WATCHED),
    ),
    "view-continued": Rule(
        _WARN, _WARN, "cookbook/app-interrupts; variables/core/resume",
        "The viewer's next session goes on where this content was left, without `media.resume`.",
        doubts=(*_VIEW, *_MARKERS, "estimated_streams"),
    ),
    "details-carried-over": Rule(
        _WARN, _WARN, "observed in theo", "A session names the title of the viewer's session before it, which was another.",
    ),
    "quality-carried-over": Rule(
        _INFO, _WARN, "observed in theo", "A session begins with the quality that the one before it ended with.",
        doubts=(*_BITRATE, "dropped_frames", "dropped_frames_impacted", "time_to_start"),
    ),
    "two-devices": Rule(
        _WARN, _ERROR, ASSUMED, "One session has requests of two devices: their User-Agent differs.",
        doubts=(*_ALL_TIME, *_WATCHED),
    ),
    "resume-at-zero": Rule(
        _INFO, _WARN, "variables/core/resume; media-sdks#47", "`media.resume` is true, and the content plays from 0.",
        doubts=("content_resumes", "segment"),
    ),
    "bitrate-too-low": Rule(
        _WARN, _WARN, "C-16", "A bitrate below 6 kbps, or 40 of video: probably megabits per second.", doubts=_BITRATE,
    ),
    "bitrate-zero": Rule(_INFO, _WARN, "variables/quality/bitrate", "A bitrate of 0 while content plays.", doubts=_BITRATE),
    "bitrate-missing": Rule(
        _INFO, _WARN, "events/bitrate-change; observed in theo", "bitrateChange that says no bitrate.", doubts=_BITRATE,
    ),
    "bitrate-never-reported": Rule(
        _INFO, _INFO, "observed in kaltura, theo", "Four minutes of content without any bitrate.", doubts=_BITRATE,
    ),
    "frame-rate-impossible": Rule(
        _WARN, _WARN, "variables/quality; observed in alloy", "More than 300 frames per second, or fewer than none.",
        doubts=("frames_per_second",),
    ),
    "frame-rate-zero": Rule(
        _WARN, _WARN, "variables/quality", "0 frames per second while video plays.", doubts=("frames_per_second",),
    ),
    "dropped-frames-fall": Rule(
        _WARN, _WARN, "variables/quality/dropped-frames", "The count of dropped frames falls: it is that of the whole session.",
        doubts=("dropped_frames", "dropped_frames_impacted"),
    ),
    "time-to-start-impossible": Rule(
        _WARN, _WARN, "variables/quality/time-to-start", "A time to start that is no number of milliseconds.",
        doubts=("time_to_start",),
    ),
    "time-to-start-revised": Rule(
        _WARN, _WARN, "variables/quality/time-to-start", "The time to start goes on changing after the start.",
        doubts=("time_to_start",),
    ),
    # -- not as the tracking plan has it: docs/plan.md -------------------------------------------------------------------
    "plan-missing": Rule(_ERROR, _ERROR, PLAN, "What the tracking plan requires was not sent, or did not occur."),
    "plan-value": Rule(_ERROR, _ERROR, PLAN, "A value, or a cadence of pings, that the tracking plan does not allow."),
    "plan-unexpected": Rule(_ERROR, _ERROR, PLAN, "What the tracking plan forbids, or does not know."),
    # -- of the Media Edge API alone -------------------------------------------------------------------------------------
    "several-sessions": Rule(
        _REFUSE, _REFUSE, ASSUMED, "A request with events of several sessions; one is taken at a time, as every client sends."
    ),
    "refused-in-207": Rule(
        _WARN, _WARN, f"{EDGE_GUIDE}: troubleshooting; observed in alloy",
        "A start is refused in an answer of status 207: what looks at the status alone takes it for a session.",
    ),
    "identity-missing": Rule(
        _INFO, _WARN, f"{EDGE_GUIDE}: identity; observed in theo",
        "A start that names nobody and does not ask who it is: each session is another visitor's.",
    ),
    "hint-not-followed": Rule(
        _INFO, _WARN, f"{EDGE_GUIDE}: location hints; observed in theo",
        "Events without the location hint that their start was given: another region may not know the session.",
    ),
    "session-id-missing": Rule(
        _REFUSE, _REFUSE, EDGE_API, "An event without `sessionID`: its start was refused in a 207, or its answer was not read."
    ),
    "timestamp-missing": Rule(
        _INFO, _REFUSE, f"{EDGE_API} against its samples; E-20",
        "An event without `timestamp`: the time of its arrival is taken.",
        lenient=True),
    "timestamp-not-padded": Rule(
        _INFO, _WARN, "observed in roku; E-21",
        "A fraction of a second with fewer than three digits: `.5Z` is 500 ms, but 5 from Adobe's Roku SDK.", doubts=_ALL_TIME),
    "fraction": Rule(
        _WARN, _REFUSE, f"{EDGE_API}; observed in alloy; E-22",
        "A length, an offset or a quality value with a fraction; integers are specified.", lenient=True),
    "quality-null": Rule(
        _INFO, _REFUSE, "observed in alloy; E-23", "`qoeDataDetails` is null instead of absent: the Web SDK's tracker does it.",
        lenient=True),
    "resume-misplaced": Rule(
        _WARN, _REFUSE, "observed in alloy; E-24", "`media.resumed` in mediaCollection, where nobody reads it: "
        "`sessionDetails.hasResume` is meant.", lenient=True, doubts=("content_resumes",)),
    "metadata-not-text": Rule(
        _WARN, _REFUSE, f"{EDGE_API}; observed in alloy; E-25", "A value of custom metadata that is no string.", lenient=True),
    "unknown-field": Rule(
        _WARN, _REFUSE, f"{EDGE_API}; observed in theo; E-26",
        "A field that the specification does not have there.", lenient=True),
    "details-not-allowed": Rule(
        _WARN, _REFUSE, f"{EDGE_GUIDE}: ads, chapters; E-27", "Details on an event that has none, as `advertisingDetails` on "
        "adComplete.", lenient=True),
    "datastream-missing": Rule(
        _REFUSE, _REFUSE, f"{EDGE_ERRORS}: 0002-400", "The URL of a start has no `configId`, which names the datastream."
    ),
    "datastream-missing-on-event": Rule(
        _WARN, _REFUSE, f"{EDGE_API}; E-05", "The URL of an event has no `configId`, which every client sends.", lenient=True
    ),
    "datastream-unknown": Rule(
        _REFUSE, _REFUSE, f"{EDGE_ERRORS}: 0003-400", "A `configId` that is none of the datastreams of --datastream."
    ),
    "datastream-without-media": Rule(
        _ERROR, _ERROR, f"{EDGE_API}; --datastream-without-media",
        "The datastream has no Media Analytics: the start is answered 200, without a session.",
    ),
}
# fmt: on

_SEVERITIES = {_INFO: Severity.INFO, _WARN: Severity.WARNING, _ERROR: Severity.ERROR, _REFUSE: Severity.ERROR}


def make_finding(rule: str, mode: Mode, path: str, message: str) -> Finding | None:
    """The finding of `rule` in `mode`, or None where that mode has nothing to say. KeyError for a rule not in the table."""
    row = RULES[rule]
    action = row.action(mode)
    if action is Action.ACCEPT:
        return None
    return Finding(rule, _SEVERITIES[action], path, message, row.source)


def findings_of(rule: str, mode: Mode, path: str, message: str) -> tuple[Finding, ...]:
    """Return `make_finding`'s in a tuple, empty where there is none."""
    found = make_finding(rule, mode, path, message)
    return (found,) if found is not None else ()


class Violation(Protocol):
    """What is wrong with a body, as either API says it."""

    @property
    def rule(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def message(self) -> str: ...


def findings_of_all(violations: Iterable[Violation], mode: Mode) -> tuple[Finding, ...]:
    """Return `make_finding`'s of each, without those of which nothing is said in `mode`."""
    found = (make_finding(one.rule, mode, one.path, one.message) for one in violations)
    return tuple(one for one in found if one is not None)


def refuses(rule: str, mode: Mode) -> bool:
    """Return whether a body with this finding is answered 400 in `mode`."""
    return RULES[rule].action(mode) is Action.REFUSE


def ignores(findings: tuple[Finding, ...]) -> bool:
    """Return whether the real service would have dropped or re-assigned a request with these findings."""
    return any(RULES[found.rule].ignores for found in findings)


def loses(found: Finding) -> bool:
    """Return whether a finding says that something was not counted: each error does, and a warning of a rule that ignores."""
    return found.severity is Severity.ERROR or (found.severity is Severity.WARNING and RULES[found.rule].ignores)
