"""Every number of a report, each in one row: its name and type in Python, Adobe's field and context-data key, its unit, its
group, its source, what it means, and what it is counted from. All else that names a number is made from these rows.

docs/report.md has a line for each row, and a test compares the two. Nothing is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from mcmock.analytics import playback


class Marks(NamedTuple):
    """Counted from the tally's marks of this name; a flag from the first of them."""

    name: str
    first: bool = False


class Accounts(NamedTuple):
    """Counted from the time on these accounts."""

    labels: tuple[str, ...]


class Values(NamedTuple):
    """Taken from values that the client reported: attributes of the tally."""

    names: tuple[str, ...]


class Own(NamedTuple):
    """Counted in a way of its own: evidence.py knows how to show what from."""

    name: str


class Metric(NamedTuple):
    """`record` and `field` say where `mediaReporting` has it; both are empty where only mcmock gives it.

    `context` is the key in Analytics, after `a.media.`. `unit`: flag, count, s, ms, kbps, text, list or ratio. `group` is
    the heading under which a reader finds it. `counted` is None where nothing happened.
    """

    record: str
    field: str
    context: str
    unit: str
    group: str
    source: str
    about: str
    counted: Marks | Accounts | Values | Own | None = None


def metric(*row: Any) -> Any:
    """Return the dataclass field of a number whose Metric has these fields."""
    return field(metadata={"metric": Metric(*row)})


_SESSION: Final = "sessionDetails"
_QUALITY: Final = "qoeDataDetails"
_AD: Final = "advertisingDetails"
_POD: Final = "advertisingPodDetails"
_CHAPTER: Final = "chapterDetails"
_STATE: Final = "states"


# fmt: off
@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of one session. None means that the number does not exist: no length, no bitrate reported."""

    # -- the session ---------------------------------------------------------------------------------------------------
    media_starts: bool = metric(_SESSION, "isViewed", "view", "flag", "Viewing", "metrics/media-starts",
        "sessionStart was received", Marks("media_starts"))
    content_starts: bool = metric(_SESSION, "isPlayed", "play", "flag", "Viewing", "metrics/content-starts",
        "the first `play` on main content, not in an ad break", Marks("content_starts"))
    content_completes: bool = metric(_SESSION, "isCompleted", "complete", "flag", "Viewing", "metrics/content-completes",
        "sessionComplete was received", Marks("content_completes"))
    content_resumes: bool = metric(_SESSION, "hasResume", "resume", "flag", "Viewing", "metrics/content-resumes",
        "sessionStart had `media.resume: true`", Marks("content_resumes"))
    content_time_spent: float = metric(_SESSION, "timePlayed", "timePlayed", "s", "Time", "metrics/content-time-spent",
        "main content playing, by `ts`", Accounts(("content",)))
    media_time_spent: float = metric(_SESSION, "totalTimePlayed", "totalTimePlayed", "s", "Time", "metrics/media-time-spent",
        "main content and ads playing", Accounts(("content", "ad")))
    unique_time_played: float = metric(
        _SESSION, "uniqueTimePlayed", "uniqueTimePlayed", "s", "Time", "metrics/unique-time-played",
        "length of the parts of the content seen at least once", Own("watched"))
    average_minute_audience: float | None = metric(
        _SESSION, "averageMinuteAudience", "averageMinuteAudience", "ratio", "Viewing", "metrics/average-minute-audience",
        "content time spent ÷ `media.length`; none without a length", Accounts(("content",)))
    progress_10: bool = metric(_SESSION, "hasProgress10", "progress10", "flag", "Progress", "metrics/progress-markers",
        "playhead at 10 % or more", Marks("progress_10"))
    progress_25: bool = metric(_SESSION, "hasProgress25", "progress25", "flag", "Progress", "metrics/progress-markers",
        "playhead at 25 % or more", Marks("progress_25"))
    progress_50: bool = metric(_SESSION, "hasProgress50", "progress50", "flag", "Progress", "metrics/progress-markers",
        "playhead at 50 % or more", Marks("progress_50"))
    progress_75: bool = metric(_SESSION, "hasProgress75", "progress75", "flag", "Progress", "metrics/progress-markers",
        "playhead at 75 % or more", Marks("progress_75"))
    progress_95: bool = metric(_SESSION, "hasProgress95", "progress95", "flag", "Progress", "metrics/progress-markers",
        "playhead at 95 % or more", Marks("progress_95"))
    segment: str | None = metric(_SESSION, "segment", "segment", "text", "Viewing", "dimensions/content-segment; C-24",
        "lowest and highest playhead, in whole minutes", Values(("lowest", "highest")))
    segment_views: bool = metric(
        _SESSION, "hasSegmentView", "segmentView", "flag", "Viewing", "metrics/content-segment-views",
        "the same condition as content starts", Marks("content_starts"))
    estimated_streams: int = metric(
        _SESSION, "estimatedStreams", "estimatedStreams", "count", "Viewing", "metrics/estimated-streams",
        "one for each begun half hour of media time spent", Accounts(("content", "ad")))
    pause_count: int = metric(_SESSION, "pauseCount", "pauseCount", "count", "Interruptions", "metrics/pause-events; C-40",
        "times it became paused", Marks("pause_count"))
    pause_impacted: bool = metric(
        _SESSION, "hasPauseImpactedStreams", "pause", "flag", "Interruptions", "metrics/paused-impacted-streams",
        "it was paused at least once", Marks("pause_count", first=True))
    pause_time: float = metric(_SESSION, "pauseTime", "pauseTime", "s", "Time", "metrics/total-pause-duration",
        "time paused", Accounts(("pause",)))
    ad_count: int = metric(_SESSION, "adCount", "adCount", "count", "Advertising", "metrics/ad-count",
        "adStart inside an ad break", Marks("ad_count"))
    chapter_count: int = metric(_SESSION, "chapterCount", "chapterCount", "count", "Chapters", "metrics/chapter-count",
        "chapterStart", Marks("chapter_count"))
    seconds_since_last_call: float = metric(_SESSION, "secondsSinceLastCall", "", "s", "Time", "reporting schema; C-25",
        "from the last event's arrival to the close; 0 after sessionEnd", Own("silence"))
    authorized: str | None = metric(_SESSION, "authorized", "pass.auth", "text", "Viewing", "metrics/authorized",
        "`media.pass.auth` as it was sent", Marks("media_starts"))
    downloaded: bool = metric(_SESSION, "isDownloaded", "downloaded", "flag", "Viewing", "dimensions/media-downloaded-flag",
        "the session came as one array", Marks("media_starts"))
    session_id: str = metric(_SESSION, "ID", "vsid", "text", "Session", "dimensions/media-session-id",
        "the id in the URL", Marks("media_starts"))
    # -- quality -------------------------------------------------------------------------------------------------------
    buffer_count: int = metric(_QUALITY, "bufferCount", "qoe.bufferCount", "count", "Interruptions", "metrics/buffer-events",
        "times it began to buffer", Marks("buffer_count"))
    buffer_impacted: bool = metric(
        _QUALITY, "hasBufferImpactedStreams", "qoe.buffer", "flag", "Interruptions", "metrics/buffer-impacted-streams",
        "it buffered at least once", Marks("buffer_count", first=True))
    buffer_time: float = metric(_QUALITY, "bufferTime", "qoe.bufferTime", "s", "Time", "metrics/total-buffer-duration",
        "time buffering", Accounts(("buffer",)))
    stall_count: int = metric(_QUALITY, "stallCount", "qoe.stallCount", "count", "Interruptions", "metrics/stall-events",
        "times the playhead stood still for three events while content played", Marks("stall_count"))
    stall_impacted: bool = metric(
        _QUALITY, "hasStallImpactedStreams", "qoe.stall", "flag", "Interruptions", "metrics/stall-impacted-streams",
        "it stalled at least once", Marks("stall_count", first=True))
    stall_time: float = metric(_QUALITY, "stallTime", "qoe.stallTime", "s", "Time", "metrics/total-stalling-duration",
        "from the third still event on", Accounts(("stall",)))
    bitrate_change_count: int = metric(
        _QUALITY, "bitrateChangeCount", "qoe.bitrateChangeCount", "count", "Quality", "metrics/bitrate-changes",
        "bitrateChange", Marks("bitrate_change_count"))
    bitrate_change_impacted: bool = metric(
        _QUALITY, "hasBitrateChangeImpactedStreams", "qoe.bitrateChange", "flag", "Quality",
        "metrics/bitrate-change-impacted-streams", "at least one bitrateChange", Marks("bitrate_change_count", first=True))
    bitrate_average: float | None = metric(
        _QUALITY, "bitrateAverage", "qoe.bitrateAverage", "kbps", "Quality", "metrics/average-bitrate; C-16",
        "reported bitrates, weighted by the playing time they were in force", Own("bitrate"))
    bitrate_average_bucket: str | None = metric(
        _QUALITY, "bitrateAverageBucket", "qoe.bitrateAverageBucket", "text", "Quality", "dimensions/average-bitrate",
        "its hundred, `800-899`", Own("bitrate"))
    dropped_frames: float | None = metric(
        _QUALITY, "droppedFrames", "qoe.droppedFrameCount", "count", "Quality", "metrics/dropped-frames",
        "the last reported value", Values(("dropped_frames",)))
    dropped_frames_impacted: bool = metric(
        _QUALITY, "hasDroppedFrameImpactedStreams", "qoe.droppedFrames", "flag", "Quality",
        "metrics/dropped-frame-impacted-streams", "that value is above 0", Values(("dropped_frames",)))
    frames_per_second: float | None = metric(
        _QUALITY, "framesPerSecond", "", "count", "Quality", "variables/frames-per-second",
        "the last reported value", Values(("frames_per_second",)))
    error_count: int = metric(_QUALITY, "errorCount", "qoe.errorCount", "count", "Interruptions", "metrics/error-events",
        "error events", Marks("error_count"))
    error_impacted: bool = metric(
        _QUALITY, "hasErrorImpactedStreams", "qoe.error", "flag", "Interruptions", "metrics/error-impacted-streams",
        "at least one error event", Marks("error_count", first=True))
    player_errors: tuple[str, ...] = metric(
        _QUALITY, "playerSdkErrors", "qoe.playerSdkErrors", "list", "Interruptions", "dimensions/player-sdk-error-ids",
        "ids with source `player`", Own("player errors"))
    external_errors: tuple[str, ...] = metric(
        _QUALITY, "externalErrors", "qoe.externalErrors", "list", "Interruptions", "dimensions/external-error-ids",
        "ids with source `external`", Own("external errors"))
    time_to_start: float | None = metric(_QUALITY, "timeToStart", "qoe.timeToStart", "s", "Time", "metrics/time-to-start",
        "the last value reported up to the first play", Values(("time_to_start",)))
    dropped_before_start: bool = metric(
        _QUALITY, "isDroppedBeforeStart", "qoe.dropBeforeStart", "flag", "Viewing", "metrics/drops-before-start",
        "closed without a play")
    # -- sums and facts that mcmock adds -------------------------------------------------------------------------------
    ad_starts: int = metric("", "", "", "count", "Advertising", "metrics/ad-starts",
        "sum over the ads", Marks("ad_count"))
    ad_completes: int = metric("", "", "", "count", "Advertising", "metrics/ad-completes",
        "sum over the ads", Marks("ad_completes"))
    ad_time_spent: float = metric("", "", "", "s", "Time", "metrics/ad-time-spent",
        "sum over the ads", Accounts(("ad",)))
    ad_break_count: int = metric("", "", "", "count", "Advertising", "events/ads",
        "adBreakStart", Marks("ad_break_count"))
    chapter_starts: int = metric("", "", "", "count", "Chapters", "metrics/chapter-starts",
        "sum over the chapters", Marks("chapter_count"))
    chapter_completes: int = metric("", "", "", "count", "Chapters", "metrics/chapter-completes",
        "sum over the chapters", Marks("chapter_completes"))
    unattributed_time: float = metric("", "", "", "s", "Time", "events/ads; C-29",
        "in no account: before the first play, between the ads of a break, after sessionComplete",
        Accounts(playback.UNATTRIBUTED))
    session_time: float = metric("", "", "", "s", "Time", "mcmock",
        "last `ts` − first `ts`: the sum of all accounts", Accounts(playback.ALL_LABELS))
    first_ts: int | None = metric("", "", "", "ms", "Session", "mcmock",
        "where the session's time begins", Own("first event"))
    last_ts: int | None = metric("", "", "", "ms", "Session", "mcmock",
        "the largest `ts` that was processed", Own("last event"))
    close_reason: str = metric("", "", "", "text", "Session", "Media Collection API: timeout conditions",
        "open, ended, idle, stalled, expired, forgotten", Marks("session_ends"))
    state: str = metric("", "", "", "text", "Session", "mcmock",
        "where it stands: starting, playing, paused, buffering, completed, in ad, in ad break", Own("last switch"))
    evicted: int = metric("", "", "", "count", "Viewing", "mcmock",
        "requests that left a full log before they were counted: the numbers miss them")
    in_reports: bool = metric("", "", "", "flag", "Viewing", "dimensions/content",
        "false with an empty `media.id`: reporting drops the session", Marks("media_starts"))


METRICS: Final[dict[str, Metric]] = {one.name: one.metadata["metric"] for one in fields(Numbers)}

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    group: tuple(name for name, one in METRICS.items() if one.group == group)
    for group in dict.fromkeys(one.group for one in METRICS.values())
}
"""Under which heading a reader finds each metric."""

RECORD_METRICS: Final[dict[str, Metric]] = {
    "ads.id": Metric(_AD, "name", "ad.name", "text", "", "variables/ad-id", "`media.ad.id`"),
    "ads.started": Metric(_AD, "isStarted", "ad.view", "flag", "", "metrics/ad-starts", "adStart inside a break"),
    "ads.completed": Metric(_AD, "isCompleted", "ad.complete", "flag", "", "metrics/ad-completes", "adComplete ended it"),
    "ads.time_spent": Metric(_AD, "timePlayed", "ad.timePlayed", "s", "", "metrics/ad-time-spent",
        "time playing inside the ad"),
    "ad_breaks.id": Metric(_POD, "ID", "ad.pod", "text", "", "dimensions/ad-pod",
        "md5(`media.id`), `_`, `media.ad.podIndex`"),
    "ad_breaks.offset": Metric(_POD, "offset", "ad.podSecond", "s", "", "dimensions/pod-position",
        "`media.ad.podSecond`"),
    "ad_breaks.friendly_name": Metric(_POD, "friendlyName", "ad.podFriendlyName", "text", "", "dimensions/pod-name",
        "`media.ad.podFriendlyName`"),
    "chapters.id": Metric(_CHAPTER, "ID", "chapter.name", "text", "", "dimensions/chapter",
        "md5(`media.id`), `_`, `media.chapter.index`"),
    "chapters.started": Metric(_CHAPTER, "isStarted", "chapter.view", "flag", "", "metrics/chapter-starts",
        "chapterStart"),
    "chapters.completed": Metric(_CHAPTER, "isCompleted", "chapter.complete", "flag", "", "metrics/chapter-completes",
        "chapterComplete ended it"),
    "chapters.time_spent": Metric(_CHAPTER, "timePlayed", "chapter.timePlayed", "s", "", "metrics/chapter-time-spent",
        "content time while it was open"),
    "states.is_set": Metric(_STATE, "isSet", "states.NAME.set", "flag", "", "metrics/mute-streams-impacted",
        "entered at least once"),
    "states.count": Metric(_STATE, "count", "states.NAME.count", "count", "", "metrics/mute-count", "stateStart"),
    "states.time": Metric(_STATE, "time", "states.NAME.time", "s", "", "metrics/mute-total-duration",
        "time in the state"),
}
# fmt: on


def camel(name: str) -> str:
    """Return a Python name in the API's own style: `content_time_spent` is `contentTimeSpent`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
