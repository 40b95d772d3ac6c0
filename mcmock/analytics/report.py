"""A report: what Analytics would have counted of one session, as a frozen value, and as `mediaReporting` JSON.

It turns a tally into numbers and numbers into Adobe's shape, both by the table in metrics.py. It must not know how events
were ordered, nor change what was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Any, Final

from mcmock.analytics import playhead
from mcmock.analytics.evidence import Evidence
from mcmock.analytics.metrics import METRICS, RECORD_METRICS, Accounts, Marks, Metric, Numbers, camel
from mcmock.analytics.records import Ad, AdBreak, Chapter, Close, Span, State, text_or_none
from mcmock.analytics.tally import Reported, Tally
from mcmock.core import turns
from mcmock.core.findings import RULES
from mcmock.core.xdm import AD_DETAILS, CHAPTER_DETAILS, POD_DETAILS, SESSION_DETAILS

STREAM_SECONDS: Final = 1_800  # metrics/estimated-streams
BUCKET_KBPS: Final = 100  # dimensions/average-bitrate

RECORD_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    # record      what it is asked for in Python, and what its `exact` has
    "ads": (
        "id", "break_id", "outcome", "started", "completed", "time_spent", "friendly_name", "length", "pod_position",
        "in_reports",
    ),
    "ad_breaks": (
        "id", "index", "outcome", "started", "completed", "ad_count", "time_spent", "offset", "friendly_name",
    ),
    "chapters": (
        "id", "index", "outcome", "started", "completed", "time_spent", "offset", "length", "friendly_name",
    ),
    "states": ("name", "is_set", "count", "time"),
}  # fmt: skip

_RECORD_KEYS: Final = {"outcome": None, "seq": None, "startTs": None, "endTs": None, "exact": None}
_POD_FIELDS: Final = dict.fromkeys(("ID", *POD_DETAILS.values()))


def _fields_of(record: str, details: Mapping[str, str], *more: str) -> dict[str, None]:
    computed = (one.field for one in (*METRICS.values(), *RECORD_METRICS.values()) if one.record == record)
    return dict.fromkeys((*details.values(), *computed, *more))


REPORTED_FIELDS: Final[Mapping[str, Any]] = {
    # every name that a report's JSON can have; None where whatever stands there has names of its own, or none
    "sessionId": None,
    "closeReason": None,
    "sessionDetails": _fields_of("sessionDetails", SESSION_DETAILS, "genreList"),
    "qoeDataDetails": _fields_of("qoeDataDetails", {}),
    "states": dict.fromkeys(("name", "isSet", "count", "time", "exact")),
    "ads": {
        "advertisingDetails": _fields_of("advertisingDetails", AD_DETAILS),
        "advertisingPodDetails": _POD_FIELDS,
        "customMetadata": None,
        **_RECORD_KEYS,
    },
    "adBreaks": {"advertisingPodDetails": _POD_FIELDS, "adCount": None, **_RECORD_KEYS},
    "chapters": {
        "chapterDetails": _fields_of("chapterDetails", CHAPTER_DETAILS),
        "customMetadata": None,
        **_RECORD_KEYS,
    },
    "customMetadata": None,
    "exact": dict.fromkeys(map(camel, METRICS)),
}


@dataclass(frozen=True, kw_only=True)
class Report(Numbers):
    """What would have been counted. Durations are seconds, exact to the millisecond; `METRICS` explains every number.

    Flags are True or False (True == 1).
    """

    ads: tuple[Ad, ...]
    ad_breaks: tuple[AdBreak, ...]
    chapters: tuple[Chapter, ...]
    states: tuple[State, ...]
    params: Mapping[str, Any] = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)
    evidence: Evidence = field(repr=False, compare=False)
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """The numbers that cannot be trusted: names of METRICS to the rules that were met, whose findings say why."""

    def why(self, name: str) -> tuple[Span, ...]:
        """Return what `name` was counted from: intervals for a duration (they add up to it), moments for a count or a flag.

        `name` is a metric, or `ads.0`, `ad_breaks.0`, `chapters.0`, `states.mute` for the time of one record.
        Raises ValueError for any other name.
        """
        kind, dot, which = name.partition(".")
        if dot and which not in self._record_names().get(kind, ()):
            raise ValueError(
                f"{name!r} is not a record of this report: it has {', '.join(self._all_records()) or 'none'}"
            )
        return self.evidence.of(name)

    def to_json(self, why: bool = True) -> dict[str, Any]:
        """Return the report in the names of `mediaReporting`; `exact` has every number, unrounded, under our own names.

        `mediaReporting` has whole seconds, and neither false flags nor zero counts: Adobe's published close call omits them.
        """
        made: dict[str, Any] = {
            "sessionId": self.session_id,
            "closeReason": self.close_reason,
            "sessionDetails": {**_details(self.params, SESSION_DETAILS), **self._record("sessionDetails")},
            "qoeDataDetails": self._record("qoeDataDetails"),
            "states": [_state_json(state) for state in self.states],
            "ads": [self._ad_json(ad) for ad in turns.paused(self.ads)],
            "adBreaks": [_break_json(ad_break) for ad_break in turns.paused(self.ad_breaks)],
            "chapters": [self._chapter_json(chapter) for chapter in turns.paused(self.chapters)],
            "customMetadata": dict(self.metadata),
            "exact": {camel(name): _plain(getattr(self, name)) for name in METRICS},
            "doubts": {camel(name): list(rules) for name, rules in self.doubts.items()},
        }
        genre = text_or_none(self.params.get("media.genre"))
        if genre is not None:
            made["sessionDetails"]["genreList"] = [part.strip() for part in genre.split(",")]
        return {**made, "why": self._why_json()} if why else made

    def _record(self, record: str) -> dict[str, Any]:
        rows = ((name, metric) for name, metric in METRICS.items() if metric.record == record)
        values = ((metric, _reported_value(getattr(self, name), metric.unit)) for name, metric in rows)
        return {metric.field: value for metric, value in values if value is not None and not _is_omitted(metric, value)}

    def _ad_json(self, ad: Ad) -> dict[str, Any]:
        details = {"isStarted": True, **_completed(ad), "timePlayed": whole(ad.time_spent)}
        pod = self.ad_breaks[ad.break_ordinal]
        return {
            "advertisingDetails": {**_details(ad.params, AD_DETAILS), **details},
            "advertisingPodDetails": {"ID": pod.id, **_details(pod.params, POD_DETAILS)},
            "customMetadata": {**self.metadata, **ad.metadata},
            **_record_json("ads", ad),
        }

    def _chapter_json(self, chapter: Chapter) -> dict[str, Any]:
        details = {"ID": chapter.id, "isStarted": True, **_completed(chapter)}
        time = {"timePlayed": whole(chapter.time_spent)}
        return {
            "chapterDetails": {**_details(chapter.params, CHAPTER_DETAILS), **details, **time},
            "customMetadata": {**self.metadata, **chapter.metadata},
            **_record_json("chapters", chapter),
        }

    def _record_names(self) -> dict[str, tuple[str, ...]]:
        numbered = {"ads": self.ads, "ad_breaks": self.ad_breaks, "chapters": self.chapters}
        names = {kind: tuple(str(place) for place in range(len(records))) for kind, records in numbered.items()}
        return {**names, "states": tuple(state.name for state in self.states)}

    def _all_records(self) -> tuple[str, ...]:
        return tuple(f"{kind}.{which}" for kind, names in self._record_names().items() for which in names)

    def _why_json(self) -> dict[str, list[dict[str, Any]]]:
        told: dict[str, list[dict[str, Any]]] = {}
        for name in (*METRICS, *self._all_records()):
            if found := self.evidence.of(name):
                told[_json_name(name)] = [span.to_json() for span in turns.paused(found)]
        return told


def state_now(tally: Tally) -> str:
    """Return what the session is doing: starting, playing, paused, buffering, in ad …"""
    return str(_STATES.get(tally.playback.where, tally.playback.main))


def report_of(tally: Tally, session_id: str, close: Close, rules: Iterable[str] = ()) -> Report:
    """Return the numbers of `tally`, of a session that stands as `close` says. `tally` must not change afterwards.

    `rules` are those that were met in the session, whatever they are about.
    """
    own = {"session_id": session_id, **_own_numbers(tally), **_quality(tally), **_close(tally, close)}
    counted = {name: _counted(metric, tally) for name, metric in METRICS.items() if name not in own}
    closed = close.reason != "open" or tally.downloaded
    return Report(
        ads=_with_open(tally.ads.values(), tally.ad, closed),
        ad_breaks=_with_open(tally.breaks.values(), tally.ad_break, closed),
        chapters=_with_open(tally.chapters.values(), tally.chapter_so_far(), closed),
        states=tuple(tally.state_so_far(state) for state in tally.states.values()),
        params=tally.start.params if tally.start else {},
        metadata=tally.start.metadata if tally.start else {},
        evidence=Evidence(tally, close),
        doubts=doubts_of(rules),
        **counted,
        **own,
    )


def doubts_of(rules: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the numbers that these rules put in doubt, each with its rules by name."""
    met = sorted(rules)
    doubted = {name: tuple(rule for rule in met if name in RULES[rule].doubts) for name in METRICS}
    return {name: by for name, by in doubted.items() if by}


def bucket(kbps: float | None) -> str | None:
    """Return the hundred a bitrate lies in: 35 is `0-99`, 812 is `800-899`."""
    if kbps is None:
        return None
    low = floor(kbps / BUCKET_KBPS) * BUCKET_KBPS
    return f"{low}-{low + BUCKET_KBPS - 1}"


def whole(seconds: float) -> int:
    """Whole seconds, half up, as Adobe's published sample has them."""
    return floor(seconds + 0.5)


def _own_numbers(tally: Tally) -> dict[str, Any]:
    content, played = tally.totals["content"], tally.totals["content"] + tally.totals["ad"]
    return {
        "unique_time_played": round(playhead.length_of(tally.watched_pieces()), 3),
        "average_minute_audience": round(content / 1000 / tally.length, 6) if tally.length > 0 else None,
        "estimated_streams": played // (STREAM_SECONDS * 1000) + 1,
        "first_ts": tally.origin,
        "last_ts": None if tally.origin is None else tally.clock,
    }


def _counted(metric: Metric, tally: Tally) -> Any:
    """Return the number of a row that is counted from marks or accounts."""
    if isinstance(metric.counted, Accounts):
        return sum(tally.totals[label] for label in metric.counted.labels) / 1000
    assert isinstance(metric.counted, Marks)
    count = tally.counts.get(metric.counted.name, 0)
    return count > 0 if metric.unit == "flag" else count


def _quality(tally: Tally) -> dict[str, Any]:
    kbps = _bitrate(tally)
    dropped = _value(tally.dropped_frames)
    start = _value(tally.time_to_start)
    return {
        "bitrate_average": None if kbps is None else round(kbps, 3),
        "bitrate_average_bucket": bucket(kbps),
        "dropped_frames": dropped,
        "dropped_frames_impacted": dropped is not None and dropped > 0,
        "frames_per_second": _value(tally.frames_per_second),
        "time_to_start": None if start is None else start / 1000,
        "player_errors": tuple(name for name, _ in tally.errors["player"]),
        "external_errors": tuple(name for name, _ in tally.errors["external"]),
    }


def _bitrate(tally: Tally) -> float | None:
    """Return the weighted mean; the last reported value where nothing played under any."""
    if tally.rate_weight_ms:
        return tally.rate_sum / tally.rate_weight_ms
    return None if tally.rate is None else tally.rate.kbps


def _close(tally: Tally, close: Close) -> dict[str, Any]:
    closed = close.reason != "open" or tally.downloaded
    silent = closed and (close.reason == "ended" or tally.downloaded)
    since = 0.0 if tally.last_at is None or silent else round(max(0.0, close.at - tally.last_at), 3)
    params: Mapping[str, Any] = tally.start.params if tally.start else {}
    lowest, highest = tally.lowest, tally.highest
    return {
        "close_reason": close.reason,
        "evicted": close.evicted,
        "seconds_since_last_call": since,
        "dropped_before_start": closed and "content_starts" not in tally.counts,
        "authorized": text_or_none(params.get("media.pass.auth")),
        "downloaded": tally.downloaded,
        "in_reports": bool(tally.media_id),
        "state": state_now(tally),
        "segment": None if lowest is None or highest is None else _segment(lowest.value, highest.value, tally.live),
    }


_STATES: Final = {"ad": "in ad", "gap": "in ad break"}


def _segment(lowest: float, highest: float, live: bool) -> str:
    if live:
        lowest, highest = 0, highest - lowest
    return f"[{floor(lowest / 60)}-{ceil(highest / 60)}]"


def _value(reported: Reported | None) -> float | None:
    return None if reported is None else reported.value


def _with_open(closed: tuple[Any, ...], left: Any, over: bool) -> tuple[Any, ...]:
    """Return what is finished, and what is still open, which a closed session abandons."""
    if left is None:
        return closed
    return (*closed, replace(left, outcome="abandoned") if over else left)


def _details(params: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {to: params[key] for key, to in names.items() if params.get(key) is not None}


def _reported_value(value: Any, unit: str) -> Any:
    if isinstance(value, float) and unit in ("s", "kbps"):
        return whole(value)
    if isinstance(value, float) and unit == "ratio":
        return round(value, 3)
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


_OMITTED_AT_ZERO: Final = frozenset({"pauseTime", "bufferTime", "stallTime"})


def _is_omitted(metric: Metric, value: Any) -> bool:
    """Return whether Adobe's published samples leave out such a value; `hasResume` is false in one of them."""
    flag_or_count = metric.unit in ("flag", "count", "list") and metric.field != "hasResume"
    return not value and (flag_or_count or metric.field in _OMITTED_AT_ZERO)


def _completed(record: Ad | Chapter) -> dict[str, Any]:
    return {"isCompleted": True} if record.completed else {}


def _exact(kind: str, record: Ad | Chapter | AdBreak | State) -> dict[str, Any]:
    return {camel(name): getattr(record, name) for name in RECORD_FIELDS[kind]}


def _record_json(kind: str, record: Ad | Chapter | AdBreak) -> dict[str, Any]:
    return {
        "outcome": record.outcome,
        "seq": record.seq,
        "startTs": record.start_ts,
        "endTs": record.end_ts,
        "exact": _exact(kind, record),
    }


def _break_json(ad_break: AdBreak) -> dict[str, Any]:
    pod = {"ID": ad_break.id, **_details(ad_break.params, POD_DETAILS)}
    return {"advertisingPodDetails": pod, "adCount": ad_break.ad_count, **_record_json("ad_breaks", ad_break)}


def _state_json(state: State) -> dict[str, Any]:
    details = {"isSet": state.is_set, "count": state.count, "time": whole(state.time)}
    return {"name": state.name, **details, "exact": _exact("states", state)}


def _json_name(name: str) -> str:
    kind, dot, which = name.partition(".")
    return f"{camel(kind)}.{which}" if dot else camel(name)
