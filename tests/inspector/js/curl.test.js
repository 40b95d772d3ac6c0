import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { controlCommand, quote, requestCommand } from "../../../mcmock/inspector/curl.js";

/** What a shell makes of a quoted word. */
const unquoted = (word) => execFileSync("sh", ["-c", `printf %s ${word}`]).toString();

test("a shell reads a quoted word as it was", () => {
  for (const text of ["plain", "two words", "it's", "$HOME", "`id`", "a\nb", '"', "\\", "!", "*", "ü", "", "'", "a;b", "-x"]) assert.equal(unquoted(quote(text)), text);
});

test("a command of a control keeps the token out of it", () => {
  assert.equal(controlCommand("DELETE", "http://h/__admin/faults", undefined, false), "curl -X DELETE http://h/__admin/faults");
  const line = controlCommand("POST", "http://h/__admin/clock/advance", { seconds: 10 }, true);
  assert.equal(line, `curl -X POST http://h/__admin/clock/advance -H "Authorization: Bearer $MCMOCK_ADMIN_TOKEN" -H 'Content-Type: application/json' -d '{"seconds":10}'`);
});

const exchange = (parts) => ({ method: "POST", path: "/api/v1/sessions", requestHeaders: [], bodyText: "", ...parts });

test("what belongs to a connection is not sent again", () => {
  const headers = [["Host", "h"], ["Content-Length", "2"], ["Content-Type", "application/json"], ["X-Empty", ""]];
  const line = requestCommand(exchange({ requestHeaders: headers, bodyText: "{}" }), "http://o");
  assert.equal(line, "curl -i -X POST http://o/api/v1/sessions \\\n  -H 'Content-Type: application/json' \\\n  -H 'X-Empty;' \\\n  --data-raw '{}'");
});

test("a body without a type gets none from curl", () => {
  assert.match(requestCommand(exchange({ bodyText: "{}" }), "http://o"), /-H Content-Type:/);
  assert.doesNotMatch(requestCommand(exchange({}), "http://o"), /Content-Type/);
});

test("bytes that no argument can hold go through base64", () => {
  const line = requestCommand(exchange({ bodyText: "a\0ü" }), "http://o");
  assert.match(line, /^echo YQDDvA== \| base64 -d \| curl -i/);
  assert.match(line, /--data-binary @-$/);
  assert.match(requestCommand(exchange({ bodyBase64: "/w==" }), "http://o"), /^echo \S+ \| base64 -d/);
});

test("a path goes out as it came", () => {
  assert.match(requestCommand(exchange({ path: "/a/../b" }), "http://o"), /--path-as-is/);
  assert.match(requestCommand(exchange({ path: "/a?x=[1]{2}" }), "http://o"), /--globoff/);
  assert.match(requestCommand(exchange({ path: "http://elsewhere/x" }), "http://o"), / http:\/\/elsewhere\/x/);
  assert.match(requestCommand(exchange({ method: "HEAD" }), "http://o"), / -I /);
});
