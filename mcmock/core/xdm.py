"""What Analytics calls a param, and what XDM calls it, in collected data and in reported data alike: one table for each object.

Source: the pages variables/* of the Media Analytics guide, which name both for each param.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SESSION_DETAILS: Final[Mapping[str, str]] = {
    # param                             field of sessionDetails      -- variables/*
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

AD_DETAILS: Final[Mapping[str, str]] = {
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

POD_DETAILS: Final[Mapping[str, str]] = {
    "media.ad.podIndex": "index",
    "media.ad.podSecond": "offset",
    "media.ad.podFriendlyName": "friendlyName",
}

CHAPTER_DETAILS: Final[Mapping[str, str]] = {
    "media.chapter.index": "index",
    "media.chapter.offset": "offset",
    "media.chapter.length": "length",
    "media.chapter.friendlyName": "friendlyName",
}

QOE_DETAILS: Final[Mapping[str, str]] = {
    "media.qoe.bitrate": "bitrate",
    "media.qoe.droppedFrames": "droppedFrames",
    "media.qoe.framesPerSecond": "framesPerSecond",
    "media.qoe.timeToStart": "timeToStart",
}

ERROR_DETAILS: Final[Mapping[str, str]] = {
    "media.qoe.errorID": "name",
    "media.qoe.errorSource": "source",
}
