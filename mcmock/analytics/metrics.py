"""Every number of a report, as one table: its name in Python, Adobe's field and context-data key, its unit, its source.

docs/report.md has a line for each row, and a test compares the two. Nothing is computed here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Metric(NamedTuple):
    """`record` and `field` say where `mediaReporting` has it; both are empty where only mcmock gives it.

    `context` is the key in Analytics, after `a.media.`. `unit`: flag, count, s, ms, kbps, text, list or ratio.
    """

    record: str
    field: str
    context: str
    unit: str
    source: str
    about: str


_SESSION: Final = "sessionDetails"
_QUALITY: Final = "qoeDataDetails"
_AD: Final = "advertisingDetails"
_POD: Final = "advertisingPodDetails"
_CHAPTER: Final = "chapterDetails"
_STATE: Final = "states"

# fmt: off
METRICS: Final[dict[str, Metric]] = {
    # -- the session -----------------------------------------------------------------------------------------------------
    "media_starts": Metric(_SESSION, "isViewed", "view", "flag", "metrics/media-starts", "sessionStart was received"),
    "content_starts": Metric(
        _SESSION, "isPlayed", "play", "flag", "metrics/content-starts",
        "the first `play` on main content, not in an ad break",
    ),
    "content_completes": Metric(
        _SESSION, "isCompleted", "complete", "flag", "metrics/content-completes",
        "sessionComplete was received",
    ),
    "content_resumes": Metric(
        _SESSION, "hasResume", "resume", "flag", "metrics/content-resumes",
        "sessionStart had `media.resume: true`",
    ),
    "content_time_spent": Metric(
        _SESSION, "timePlayed", "timePlayed", "s", "metrics/content-time-spent",
        "main content playing, by `ts`",
    ),
    "media_time_spent": Metric(
        _SESSION, "totalTimePlayed", "totalTimePlayed", "s", "metrics/media-time-spent",
        "main content and ads playing",
    ),
    "unique_time_played": Metric(
        _SESSION, "uniqueTimePlayed", "uniqueTimePlayed", "s", "metrics/unique-time-played",
        "length of the parts of the content seen at least once",
    ),
    "average_minute_audience": Metric(
        _SESSION, "averageMinuteAudience", "averageMinuteAudience", "ratio", "metrics/average-minute-audience",
        "content time spent ÷ `media.length`; none without a length",
    ),
    "progress_10": Metric(
        _SESSION, "hasProgress10", "progress10", "flag", "metrics/progress-markers",
        "playhead at 10 % or more",
    ),
    "progress_25": Metric(
        _SESSION, "hasProgress25", "progress25", "flag", "metrics/progress-markers",
        "playhead at 25 % or more",
    ),
    "progress_50": Metric(
        _SESSION, "hasProgress50", "progress50", "flag", "metrics/progress-markers",
        "playhead at 50 % or more",
    ),
    "progress_75": Metric(
        _SESSION, "hasProgress75", "progress75", "flag", "metrics/progress-markers",
        "playhead at 75 % or more",
    ),
    "progress_95": Metric(
        _SESSION, "hasProgress95", "progress95", "flag", "metrics/progress-markers",
        "playhead at 95 % or more",
    ),
    "segment": Metric(
        _SESSION, "segment", "segment", "text", "dimensions/content-segment; C-24",
        "lowest and highest playhead, in whole minutes",
    ),
    "segment_views": Metric(
        _SESSION, "hasSegmentView", "segmentView", "flag", "metrics/content-segment-views",
        "the same condition as content starts",
    ),
    "estimated_streams": Metric(
        _SESSION, "estimatedStreams", "estimatedStreams", "count", "metrics/estimated-streams",
        "one for each begun half hour of media time spent",
    ),
    "pause_count": Metric(
        _SESSION, "pauseCount", "pauseCount", "count", "metrics/pause-events; C-40",
        "times it became paused",
    ),
    "pause_impacted": Metric(
        _SESSION, "hasPauseImpactedStreams", "pause", "flag", "metrics/paused-impacted-streams",
        "it was paused at least once",
    ),
    "pause_time": Metric(_SESSION, "pauseTime", "pauseTime", "s", "metrics/total-pause-duration", "time paused"),
    "ad_count": Metric(_SESSION, "adCount", "adCount", "count", "metrics/ad-count", "adStart inside an ad break"),
    "chapter_count": Metric(
        _SESSION, "chapterCount", "chapterCount", "count", "metrics/chapter-count",
        "chapterStart",
    ),
    "seconds_since_last_call": Metric(
        _SESSION, "secondsSinceLastCall", "", "s", "reporting schema; C-25",
        "from the last event's arrival to the close; 0 after sessionEnd",
    ),
    "authorized": Metric(
        _SESSION, "authorized", "pass.auth", "text", "metrics/authorized",
        "`media.pass.auth` as it was sent",
    ),
    "downloaded": Metric(
        _SESSION, "isDownloaded", "downloaded", "flag", "dimensions/media-downloaded-flag",
        "the session came as one array",
    ),
    "session_id": Metric(_SESSION, "ID", "vsid", "text", "dimensions/media-session-id", "the id in the URL"),
    # -- quality ---------------------------------------------------------------------------------------------------------
    "buffer_count": Metric(
        _QUALITY, "bufferCount", "qoe.bufferCount", "count", "metrics/buffer-events",
        "times it began to buffer",
    ),
    "buffer_impacted": Metric(
        _QUALITY, "hasBufferImpactedStreams", "qoe.buffer", "flag", "metrics/buffer-impacted-streams",
        "it buffered at least once",
    ),
    "buffer_time": Metric(
        _QUALITY, "bufferTime", "qoe.bufferTime", "s", "metrics/total-buffer-duration",
        "time buffering",
    ),
    "stall_count": Metric(
        _QUALITY, "stallCount", "qoe.stallCount", "count", "metrics/stall-events",
        "times the playhead stood still for three events while content played",
    ),
    "stall_impacted": Metric(
        _QUALITY, "hasStallImpactedStreams", "qoe.stall", "flag", "metrics/stall-impacted-streams",
        "it stalled at least once",
    ),
    "stall_time": Metric(
        _QUALITY, "stallTime", "qoe.stallTime", "s", "metrics/total-stalling-duration",
        "from the third still event on",
    ),
    "bitrate_change_count": Metric(
        _QUALITY, "bitrateChangeCount", "qoe.bitrateChangeCount", "count", "metrics/bitrate-changes",
        "bitrateChange",
    ),
    "bitrate_change_impacted": Metric(
        _QUALITY, "hasBitrateChangeImpactedStreams", "qoe.bitrateChange", "flag", "metrics/bitrate-change-impacted-streams",
        "at least one bitrateChange",
    ),
    "bitrate_average": Metric(
        _QUALITY, "bitrateAverage", "qoe.bitrateAverage", "kbps", "metrics/average-bitrate; C-16",
        "reported bitrates, weighted by the playing time they were in force",
    ),
    "bitrate_average_bucket": Metric(
        _QUALITY, "bitrateAverageBucket", "qoe.bitrateAverageBucket", "text", "dimensions/average-bitrate",
        "its hundred, `800-899`",
    ),
    "dropped_frames": Metric(
        _QUALITY, "droppedFrames", "qoe.droppedFrameCount", "count", "metrics/dropped-frames",
        "the last reported value",
    ),
    "dropped_frames_impacted": Metric(
        _QUALITY, "hasDroppedFrameImpactedStreams", "qoe.droppedFrames", "flag", "metrics/dropped-frame-impacted-streams",
        "that value is above 0",
    ),
    "frames_per_second": Metric(
        _QUALITY, "framesPerSecond", "", "count", "variables/frames-per-second",
        "the last reported value",
    ),
    "error_count": Metric(_QUALITY, "errorCount", "qoe.errorCount", "count", "metrics/error-events", "error events"),
    "error_impacted": Metric(
        _QUALITY, "hasErrorImpactedStreams", "qoe.error", "flag", "metrics/error-impacted-streams",
        "at least one error event",
    ),
    "player_errors": Metric(
        _QUALITY, "playerSdkErrors", "qoe.playerSdkErrors", "list", "dimensions/player-sdk-error-ids",
        "ids with source `player`",
    ),
    "external_errors": Metric(
        _QUALITY, "externalErrors", "qoe.externalErrors", "list", "dimensions/external-error-ids",
        "ids with source `external`",
    ),
    "time_to_start": Metric(
        _QUALITY, "timeToStart", "qoe.timeToStart", "s", "metrics/time-to-start",
        "the last value reported up to the first play",
    ),
    "dropped_before_start": Metric(
        _QUALITY, "isDroppedBeforeStart", "qoe.dropBeforeStart", "flag", "metrics/drops-before-start",
        "closed without a play",
    ),
    # -- sums and facts that mcmock adds ---------------------------------------------------------------------------------
    "ad_starts": Metric("", "", "", "count", "metrics/ad-starts", "sum over the ads"),
    "ad_completes": Metric("", "", "", "count", "metrics/ad-completes", "sum over the ads"),
    "ad_time_spent": Metric("", "", "", "s", "metrics/ad-time-spent", "sum over the ads"),
    "ad_break_count": Metric("", "", "", "count", "events/ads", "adBreakStart"),
    "chapter_starts": Metric("", "", "", "count", "metrics/chapter-starts", "sum over the chapters"),
    "chapter_completes": Metric("", "", "", "count", "metrics/chapter-completes", "sum over the chapters"),
    "unattributed_time": Metric(
        "", "", "", "s", "events/ads; C-29",
        "in no account: before the first play, between the ads of a break, after sessionComplete",
    ),
    "session_time": Metric("", "", "", "s", "mcmock", "last `ts` − first `ts`: the sum of all accounts"),
    "first_ts": Metric("", "", "", "ms", "mcmock", "where the session's time begins"),
    "last_ts": Metric("", "", "", "ms", "mcmock", "the largest `ts` that was processed"),
    "close_reason": Metric(
        "", "", "", "text", "Media Collection API: timeout conditions",
        "open, ended, idle, stalled, expired, forgotten",
    ),
    "state": Metric(
        "", "", "", "text", "mcmock",
        "where it stands: starting, playing, paused, buffering, completed, in ad, in ad break",
    ),
    "evicted": Metric(
        "", "", "", "count", "mcmock",
        "requests that left a full log before they were counted: the numbers miss them",
    ),
    "in_reports": Metric(
        "", "", "", "flag", "dimensions/content",
        "false with an empty `media.id`: reporting drops the session",
    ),
}

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Viewing": (
        "media_starts", "content_starts", "content_completes", "content_resumes", "segment", "segment_views",
        "estimated_streams", "average_minute_audience", "downloaded", "authorized", "in_reports", "dropped_before_start",
        "evicted",
    ),
    "Time": (
        "media_time_spent", "content_time_spent", "unique_time_played", "ad_time_spent", "pause_time", "buffer_time",
        "stall_time", "unattributed_time", "session_time", "time_to_start", "seconds_since_last_call",
    ),
    "Progress": ("progress_10", "progress_25", "progress_50", "progress_75", "progress_95"),
    "Interruptions": (
        "pause_count", "buffer_count", "stall_count", "error_count", "player_errors", "external_errors", "pause_impacted",
        "buffer_impacted", "stall_impacted", "error_impacted",
    ),
    "Advertising": ("ad_break_count", "ad_starts", "ad_completes", "ad_count"),
    "Chapters": ("chapter_starts", "chapter_completes", "chapter_count"),
    "Quality": (
        "bitrate_average", "bitrate_average_bucket", "bitrate_change_count", "bitrate_change_impacted", "dropped_frames",
        "dropped_frames_impacted", "frames_per_second",
    ),
    "Session": ("session_id", "state", "close_reason", "first_ts", "last_ts"),
}
"""Under which heading a reader finds each metric, in the order of display."""

RECORD_METRICS: Final[dict[str, Metric]] = {
    "ads.id": Metric(_AD, "name", "ad.name", "text", "variables/ad-id", "`media.ad.id`"),
    "ads.started": Metric(_AD, "isStarted", "ad.view", "flag", "metrics/ad-starts", "adStart inside a break"),
    "ads.completed": Metric(_AD, "isCompleted", "ad.complete", "flag", "metrics/ad-completes", "adComplete ended it"),
    "ads.time_spent": Metric(
        _AD, "timePlayed", "ad.timePlayed", "s", "metrics/ad-time-spent",
        "time playing inside the ad",
    ),
    "ad_breaks.id": Metric(
        _POD, "ID", "ad.pod", "text", "dimensions/ad-pod",
        "md5(`media.id`), `_`, `media.ad.podIndex`",
    ),
    "ad_breaks.offset": Metric(
        _POD, "offset", "ad.podSecond", "s", "dimensions/pod-position",
        "`media.ad.podSecond`",
    ),
    "ad_breaks.friendly_name": Metric(
        _POD, "friendlyName", "ad.podFriendlyName", "text", "dimensions/pod-name",
        "`media.ad.podFriendlyName`",
    ),
    "chapters.id": Metric(
        _CHAPTER, "ID", "chapter.name", "text", "dimensions/chapter",
        "md5(`media.id`), `_`, `media.chapter.index`",
    ),
    "chapters.started": Metric(
        _CHAPTER, "isStarted", "chapter.view", "flag", "metrics/chapter-starts",
        "chapterStart",
    ),
    "chapters.completed": Metric(
        _CHAPTER, "isCompleted", "chapter.complete", "flag", "metrics/chapter-completes",
        "chapterComplete ended it",
    ),
    "chapters.time_spent": Metric(
        _CHAPTER, "timePlayed", "chapter.timePlayed", "s", "metrics/chapter-time-spent",
        "content time while it was open",
    ),
    "states.is_set": Metric(
        _STATE, "isSet", "states.NAME.set", "flag", "metrics/mute-streams-impacted",
        "entered at least once",
    ),
    "states.count": Metric(_STATE, "count", "states.NAME.count", "count", "metrics/mute-count", "stateStart"),
    "states.time": Metric(
        _STATE, "time", "states.NAME.time", "s", "metrics/mute-total-duration",
        "time in the state",
    ),
}
# fmt: on

SESSION_DETAILS: Final[dict[str, str]] = {
    # key of sessionStart's params        field of sessionDetails      -- variables/*
    "media.id": "name",
    "media.name": "friendlyName",
    "media.length": "length",
    "media.contentType": "contentType",
    "media.streamType": "streamType",
    "media.playerName": "playerName",
    "media.channel": "channel",
    "media.sdkVersion": "appVersion",
    "media.streamFormat": "streamFormat",
    "media.show": "show",
    "media.season": "season",
    "media.episode": "episode",
    "media.assetId": "assetID",
    "media.genre": "genre",
    "media.firstAirDate": "firstAirDate",
    "media.firstDigitalDate": "firstDigitalDate",
    "media.rating": "rating",
    "media.originator": "originator",
    "media.network": "network",
    "media.showType": "showType",
    "media.adLoad": "adLoad",
    "media.pass.mvpd": "mvpd",
    "media.pass.auth": "authorized",
    "media.dayPart": "dayPart",
    "media.feed": "feed",
    "media.artist": "artist",
    "media.album": "album",
    "media.label": "label",
    "media.author": "author",
    "media.station": "station",
    "media.publisher": "publisher",
}

AD_DETAILS: Final[dict[str, str]] = {
    "media.ad.id": "name",
    "media.ad.name": "friendlyName",
    "media.ad.length": "length",
    "media.ad.podPosition": "podPosition",
    "media.ad.playerName": "playerName",
    "media.ad.advertiser": "advertiser",
    "media.ad.campaignId": "campaignID",
    "media.ad.creativeId": "creativeID",
    "media.ad.siteId": "siteID",
    "media.ad.creativeURL": "creativeURL",
    "media.ad.placementId": "placementID",
}

POD_DETAILS: Final[dict[str, str]] = {
    "media.ad.podIndex": "index",
    "media.ad.podSecond": "offset",
    "media.ad.podFriendlyName": "friendlyName",
}

CHAPTER_DETAILS: Final[dict[str, str]] = {
    "media.chapter.index": "index",
    "media.chapter.offset": "offset",
    "media.chapter.length": "length",
    "media.chapter.friendlyName": "friendlyName",
}


def camel(name: str) -> str:
    """A Python name in the API's own style: `content_time_spent` is `contentTimeSpent`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
