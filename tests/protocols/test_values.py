"""Values whose form is known: for each rule what meets it, and beside it what must not."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from mcmock.core.model import Kind, Mode
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection import values
from tests.conftest import START_PARAMS, body

ORG = "visitor.marketingCloudOrgId"
SERVER = "analytics.trackingServer"
ECID = "visitor.marketingCloudUserId"
PLAIN = START_PARAMS | {"media.streamType": "video", ECID: "1" * 38}
AD = {"media.ad.id": "ad-1", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "a player"}

MEETS: dict[str, list[tuple[str, Any]]] = {
    "org-id-form": [
        (ORG, "11112222333344445555666677778888999900"), (ORG, "0123456789ABCDEF01234567"),
        (ORG, "0123456789ABCDEF01234567%40AdobeOrg"), (ORG, "0123456789ABCDEF0123456@AdobeOrg"),
        (ORG, "0123456789ABCDEF01234567@adobeorg"), (ORG, " 0123456789ABCDEF01234567@AdobeOrg"),
        (ORG, "0123456789ABCDEFGHIJKLMN@AdobeOrg"), (ORG, "my company"),
    ],
    "tracking-server-form": [
        (SERVER, "https://metrics.example.com"), (SERVER, "http://metrics.example.com/b/ss"), (SERVER, "//metrics.example.com"),
        (SERVER, "acme.hb-api.omtrdc.net"), (SERVER, "acme.hb.omtrdc.net"), (SERVER, "ACME.HB-API.OMTRDC.NET"),
        (SERVER, "acme.hb-api.omtrdc.net/va"), (SERVER, "edge.adobedc.net"), (SERVER, "metrics"), (SERVER, "my server.example"),
    ],
    "report-suite-form": [("analytics.reportSuite", "my suite"), ("analytics.reportSuite", "https://suite.example/a")],
    "visitor-id-form": [(ECID, "1" * 37), (ECID, "viewer-7"), (ECID, PLAIN[ORG]), (ECID, "2C9A1B2C3D4E5F60-60000AAAABBBBCCCC")],
    "type-misspelt": [
        ("media.contentType", "video"), ("media.contentType", "vods"), ("media.contentType", "audio"),
        ("media.contentType", "liv"),
        ("media.contentType", "podcasts"), ("media.contentType", "Movie"), ("media.streamType", "vod"),
        ("media.streamType", "live"), ("media.streamType", "videos"), ("media.streamType", "podcast"),
    ],
    "type-not-documented": [("media.contentType", "trailer"), ("media.streamType", "hologram")],
    "stream-type-differs": [("media.streamType", "audio")],
    "date-form": [
        ("media.firstAirDate", "25.01.2020"), ("media.firstAirDate", "01/25/2020"), ("media.firstDigitalDate", "1579910400000"),
        ("media.firstAirDate", "2020-02-30"), ("media.firstAirDate", "2020-01-25T20:15:00Z"), ("media.firstAirDate", "20200125"),
    ],
    "show-type-unknown": [("media.showType", "4"), ("media.showType", "full episode"), ("media.showType", "Clip")],
    "day-part-form": [
        ("media.dayPart", "20:15"), ("media.dayPart", "1700000000000"), ("media.dayPart", "2020-01-25"),
    ],
    "placeholder": [
        (ORG, "[YOUR_ORG_ID]"), (SERVER, "[YOUR_TRACKING_SERVER]"), ("analytics.reportSuite", "<your rsid>"),
        ("analytics.reportSuite", "YOUR_RSID"), ("media.id", "N/A"), ("media.id", "n/a"), ("media.id", "unknown"),
        ("media.id", "undefined"), ("media.id", "null"), ("media.name", "undefined"), ("media.name", "[object Object]"),
        ("media.show", "NaN"), ("media.show", "{{show}}"), ("media.show", "${show}"), ("media.show", "%SHOW%"),
        ("media.channel", "unknown"), ("media.playerName", "null"), ("media.season", "undefined"), ("media.episode", "null"),
        ("media.genre", "Optional(\"Drama\")"), ("media.name", "com.example.Title@1f2e3d4c"), (ECID, "0"), (ECID, "undefined"),
        ("media.contentType", "undefined"), ("media.firstAirDate", "null"), ("appInstallationId", "none"),
        ("media.name", "(null)"), ("media.name", "%@"), ("media.feed", "<Feed: 0x600000c1>"),
    ],
    "required-value-empty": [
        (SERVER, ""), (ORG, ""), ("analytics.reportSuite", " "), ("media.contentType", ""), ("media.playerName", ""),
        ("media.channel", ""),
    ],
    "visitor-id-empty": [(ECID, ""), ("analytics.visitorId", ""), ("analytics.aid", " "), ("appInstallationId", "")],
    "value-empty": [("media.show", ""), ("media.name", " ")],
}  # fmt: skip

CLEAN: list[tuple[str, Any]] = [
    (ORG, "0123456789abcdef01234567@AdobeOrg"), (SERVER, "acme.sc.omtrdc.net"), (SERVER, "metrics.example.co.uk"),
    (SERVER, "acme.data.adobedc.net"), (SERVER, "metrics.example.com/va"), (SERVER, "127.0.0.1:8410"),
    ("analytics.reportSuite", "acme.prod,acme.global"), ("analytics.reportSuite", "acme_prod-2"),
    *[("media.contentType", kind) for kind in ("vod", "VOD", "live", "Linear", "ugc", "dvod", "podcast")],
    ("media.streamType", "Video"), ("media.firstAirDate", "2020-02-29"), ("media.showType", "0"), ("media.showType", "3"),
    ("media.dayPart", "3"), ("media.dayPart", "Morning"), ("media.dayPart", "prime time"), ("media.name", "Unknown"),
    ("media.name", "Null Island"), ("media.name", "[REC]2"), ("media.name", "The Nan Show"), ("media.name", "100%"),
    ("media.name", "None"), ("media.name", "Infinity War"), ("media.show", "Default"), ("media.genre", "News [live]"),
    ("media.id", "0000"), ("media.id", "none-such"), ("media.channel", "Channel 4"), ("media.assetId", "10.5240/ABCD"),
    ("media.season", "0"), ("media.name", "<3"), ("media.name", "Your Name"),
]  # fmt: skip
RULES_SHOWN = (*MEETS, "placeholder-in-metadata", "visitor-id-missing")


def found(event_type: str, value: dict[str, Any], mode: Mode = Mode.DEFAULT, **parts: Any) -> list[str]:
    kind = Kind.SESSION if event_type == "sessionStart" else Kind.EVENT
    sent = json.dumps(body(event_type, params=value, **parts)).encode()
    return [finding.rule for finding in bodies.judge(kind, sent, mode).findings]


@pytest.mark.parametrize(
    ("rule", "key", "value"), [(rule, key, value) for rule, cases in MEETS.items() for key, value in cases]
)
def test_a_value_of_another_form_is_said_once(rule: str, key: str, value: Any) -> None:
    assert found("sessionStart", PLAIN | {key: value}) == [rule]


@pytest.mark.parametrize(("key", "value"), CLEAN)
def test_values_that_are_right_or_free_are_not_spoken_of(key: str, value: Any) -> None:
    assert found("sessionStart", PLAIN | {key: value}, Mode.STRICT) == []


@pytest.mark.parametrize(("kind", "medium", "differs"), [
    ("podcast", "video", False), ("live", "audio", False), ("audiobook", "video", True), ("vod", "audio", True),
    ("audiobook", "audio", False),
])  # fmt: skip
def test_the_stream_type_is_that_of_the_content_type(kind: str, medium: str, differs: bool) -> None:
    rules = found("sessionStart", PLAIN | {"media.contentType": kind, "media.streamType": medium})
    assert rules == (["stream-type-differs"] if differs else [])


def test_the_nearest_documented_type_is_named() -> None:
    sent = json.dumps(body("sessionStart", params=PLAIN | {"media.contentType": "video"})).encode()
    (finding,) = bodies.judge(Kind.SESSION, sent, Mode.DEFAULT).findings
    assert "was vod meant?" in finding.message


def test_an_id_of_a_viewer_in_place_of_the_organization_is_called_that() -> None:
    sent = json.dumps(body("sessionStart", params=PLAIN | {ORG: "1" * 38})).encode()
    (finding,) = bodies.judge(Kind.SESSION, sent, Mode.DEFAULT).findings
    assert "the form of a viewer's ECID" in finding.message


def test_an_app_is_told_what_a_view_without_an_ecid_costs() -> None:
    nameless = {key: value for key, value in PLAIN.items() if key != ECID}
    assert found("sessionStart", nameless) == []
    assert found("sessionStart", nameless | {"appInstallationId": "app-1"}) == ["visitor-id-missing"]
    assert found("sessionStart", nameless | {"media.libraryVersion": "android-media-3.1.0"}) == ["visitor-id-missing"]
    assert found("sessionStart", nameless | {"media.libraryVersion": "js-3.1.0"}) == []
    assert found("sessionStart", PLAIN | {"appInstallationId": "app-1"}) == []


def test_placeholders_are_found_in_every_event_that_has_values() -> None:
    assert found("adStart", AD | {"media.ad.id": "N/A"}) == ["placeholder"]
    assert found("adStart", AD | {"media.ad.advertiser": "undefined"}) == ["placeholder"]
    assert found("adStart", AD | {"media.ad.playerName": ""}) == ["required-value-empty"]
    assert found("adStart", AD) == []
    chapter = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 10}
    assert found("chapterStart", chapter | {"media.chapter.friendlyName": "null"}) == ["placeholder"]
    assert found(
        "adBreakStart", {"media.ad.podIndex": 1, "media.ad.podSecond": 0, "media.ad.podFriendlyName": "NaN"}
    ) == ["placeholder"]
    error = {"media.qoe.errorID": "[object Object]", "media.qoe.errorSource": "player"}
    assert found("error", {}, qoeData=error) == ["placeholder"]
    assert found("error", {}, qoeData=error | {"media.qoe.errorID": "MEDIA_ERR:3"}) == []


@pytest.mark.parametrize(("value", "odd"), [
    ("[object Object]", True), ("undefined", True), ("NaN", True), ("null", True), ("", False), ("N/A", False),
    ("unknown", False), ("false", False), ("infinity", False),
])  # fmt: skip
def test_metadata_may_say_anything_but_what_no_one_means(value: str, odd: bool) -> None:
    rules = found("sessionStart", PLAIN, customMetadata={"title": value})
    assert rules == (["placeholder-in-metadata"] if odd else [])


PIECES = (
    *values.NEVER_MEANT, *values.NO_ID, "{{", "}}", "[", "]", "<", ">", "%", "__", "@", "$(", ")", "YOUR", "insert", " ", "_",
    "-", "a", "F", "abcdef", "Optional(", "object ", "film", "0", "1", "22", "333333",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_a_text_whose_digits_do_not_matter_is_a_value_with_any_others(seed: int) -> None:
    """The fast path asks once for all of them."""
    chance, sure = random.Random(seed), 0
    for _ in range(5000):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 4)))
        for _ in range(3):
            other = re.sub("[0-9]+", lambda _: str(chance.choice((0, 1, 7, 10**5, 10**6 + 1))), text)
            if values.is_value_whatever_its_digits(text):
                sure += 1
                assert not any(values.is_no_value(key, other.strip()) for key in ("media.id", "media.name")), (
                    text,
                    other,
                )
    assert sure > 500
    assert values.is_value_whatever_its_digits("film-000000017")
