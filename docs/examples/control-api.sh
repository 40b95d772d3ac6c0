#!/bin/sh
# A test in shell that uses nothing but the control API:
#
#     mcmock exec -- sh control-api.sh
#
set -eu
server=${MCMOCK_URL:-http://127.0.0.1:8410}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

post() {       # post PATH BODY: the status, and the header lines in $folder/head
  curl -s -o "$folder/body" -D "$folder/head" -w '%{http_code}' -H 'Content-Type: application/json' "$server$1" -d "$2"
}
control() {    # control METHOD PATH [BODY]: fails, and shows the answer, unless it is 2xx
  curl -s --fail-with-body -X "$1" -H 'Content-Type: application/json' "$server/__admin$2" ${3:+-d "$3"}
}
expect() {     # expect WANTED GOT
  [ "$1" = "$2" ] || { echo "expected $1, but got $2" >&2; exit 1; }
}

control POST /reset >/dev/null

# The player under test: here curl.
start='{"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1700000000000}, "params": {
  "analytics.trackingServer": "analytics.example", "analytics.reportSuite": "my.suite",
  "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg", "media.id": "film-1", "media.length": 20,
  "media.contentType": "vod", "media.playerName": "my player", "media.channel": "my channel"}}'
expect 201 "$(post /api/v1/sessions "$start")"
session=$(tr -d '\r' < "$folder/head" | sed -n 's/^Location: //p')
expect 204 "$(post "$session/events" '{"eventType": "play", "playerTime": {"playhead": 0, "ts": 1700000001000}}')"

# Eleven idle minutes, at once: the session has timed out, and the player must open another one.
control POST /clock/advance '{"seconds": 660}' >/dev/null
expect 410 "$(post "$session/events" '{"eventType": "ping", "playerTime": {"playhead": 10, "ts": 1700000661000}}')"

# What must have come, and what must not. ?strict=1 makes the status tell.
control POST '/verify?strict=1' '{"match": {"event": "ping", "status": 410}, "count": 1}' >/dev/null
control POST '/verify?strict=1' '{"match": {"event": "error"}, "count": 0}' >/dev/null

# The log as a file: mcmock check and mcmock replay read it, and so do a browser's developer tools.
control GET /requests.ndjson > "$folder/log.ndjson"
control GET /requests.har > "$folder/log.har"
expect 4 "$(wc -l < "$folder/log.ndjson" | tr -d ' ')"    # a line that says what this is, and three requests

echo "a session timed out, and ten minutes passed in no time"
