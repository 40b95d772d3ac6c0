"""What the benchmarks send to open a session."""

from __future__ import annotations

import json
from typing import Any

PARAMS: dict[str, Any] = {
    "analytics.trackingServer": "a", "analytics.reportSuite": "b", "visitor.marketingCloudOrgId": "c", "media.id": "film",
    "media.length": 60, "media.contentType": "vod", "media.playerName": "e", "media.channel": "f",
}  # fmt: skip


def session_start(**params: Any) -> bytes:
    """The text of a sessionStart; `params` come on top of the usual ones, or in their place."""
    return json.dumps({
        "eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1_700_000_000_000}, "params": {**PARAMS, **params},
    }).encode()  # fmt: skip
