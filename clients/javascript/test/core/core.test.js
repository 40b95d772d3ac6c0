// The client and the start of a server, with nothing but Node. `mcmock` is on PATH.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Mcmock, McmockError, startServer } from "mcmock";
import { watch } from "../player.js";

const PATH = process.env.PATH;
const says = (pattern) => (error) => error instanceof McmockError && pattern.test(error.message);

let server;
before(async () => {
  server = await startServer({ args: ["--seed", "7"] });
});
after(() => server.stop());

test("a scope is a log, sessions, faults and a clock of its own", async () => {
  const [one, other] = await Promise.all([server.scope("one"), server.scope("other")]);
  await watch(one.url);
  assert.equal((await one.requests({ kind: ["session", "event"] })).length, 7);
  assert.equal((await one.session()).state, "completed");
  assert.equal((await one.report()).exact.adCount, 1);
  assert.deepEqual([(await other.summary()).total, (await server.summary()).total], [0, 0]);
  await one.close();
  await assert.rejects(one.summary(), says(/there is no scope 'one'/));
});

test("a log of many pages is read whole", async () => {
  const scope = await server.scope("pages");
  const events = await watch(scope.url);
  const body = JSON.stringify({ eventType: "ping", playerTime: { playhead: 1, ts: 1 } });
  const headers = { "Content-Type": "application/json" };
  for (let sent = 0; sent < 1020; sent += 60) {
    await Promise.all(Array.from({ length: 60 }, () => fetch(scope.url + events, { method: "POST", headers, body })));
  }
  assert.equal((await scope.requests({ event: "ping" })).length, 1020);
  assert.equal((await scope.waitFor({ event: "ping" }, { count: 1010 })).length, 1020);
});

test("losses and sessions of many pages are all told", async () => {
  const scope = await server.scope("many");
  await watch(scope.url);
  const [start] = await scope.requests({ kind: "session" });
  await scope.faults.add({ effect: { type: "status", code: 503 }, match: { kind: "session" }, skip: 1001 });
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(start.body);
  for (let sent = 0; sent < 2010; sent += 67) {
    await Promise.all(Array.from({ length: 67 }, () => fetch(`${scope.url}/api/v1/sessions`, { method: "POST", headers, body })));
  }
  const { requests, faulted, next } = await scope.losses();
  assert.deepEqual([requests.length, faulted, next], [1009, 1009, null]);
  const opened = (await scope.sessions()).map(({ openedAt }) => openedAt);
  assert.equal(opened.length, 1002);
  assert.deepEqual(opened, opened.toSorted((one, other) => one - other));
  await assert.rejects(scope.session(), says(/expected one session, but there are 1002/));
});

test("waiting is answered by the arrival, and a wait in vain shows what came instead", async () => {
  const scope = await server.scope("waiting");
  const [came] = await Promise.all([scope.waitFor({ event: "adStart" }), watch(scope.url)]);
  assert.equal(came[0].eventType, "adStart");
  await assert.rejects(scope.waitFor({ event: "ping" }, { timeout: 0.05 }), says(/event=ping within 0.05 s,\s+but\s+none came[^]*adBreakStart/));
  await scope.verify({ sequence: ["sessionStart", "...", "sessionComplete"] });
  await assert.rejects(scope.verify({ match: { event: "play" }, count: 2 }), says(/exactly 2 requests with event=play/));
});

test("faults and the clock", async () => {
  const scope = await server.scope("faults");
  const rule = await scope.faults.add({ effect: { type: "status", code: 503 }, match: { event: "play" } });
  assert.deepEqual((await scope.faults.list()).map(({ name }) => name), [rule.name]);
  await watch(scope.url);
  assert.deepEqual((await scope.requests({ event: "play" })).map(({ status }) => status), [503]);
  assert.equal((await scope.losses()).faulted, 1);
  await scope.faults.remove(rule.name);
  await assert.rejects(scope.faults.remove(rule.name), says(new RegExp(rule.name)));
  assert.ok((await scope.faults.preset("outage")).length);
  await scope.faults.replace({ effect: { type: "reset" } });
  await scope.faults.clear();
  assert.deepEqual(await scope.faults.list(), []);
  const frozen = await scope.clock.freeze();
  assert.equal(await scope.clock.advance(600), frozen + 600);
  assert.equal(await scope.clock.now(), frozen + 600);
  assert.ok((await scope.clock.resume()) >= frozen + 600);
});

test("a session that expires or is forgotten, and one that there is not exactly one of", async () => {
  const scope = await server.scope("sessions");
  await assert.rejects(scope.session(), says(/expected one session, but there are none/));
  await watch(scope.url);
  await scope.expire();
  await scope.forget();
  await watch(scope.url);
  await assert.rejects(scope.session(), says(/expected one session, but there are 2/));
  await assert.rejects(scope.report(), says(/2 sessions/));
  await assert.rejects(scope.session("0000"), says(/there is no session 0000/));
  const [{ id }] = await scope.sessions();
  assert.equal((await scope.session(id)).id, id);
  assert.equal((await scope.report(id)).sessionId, id);
  assert.match(await scope.log(), /^{"mcmock": ?1/);
  await scope.reset();
  assert.equal((await scope.summary()).total, 0);
});

test("the server's own message, for what it refuses", async () => {
  await assert.rejects(server.requests({ evnt: "ping" }), says(/evnt.*event/));
  await assert.rejects(server.faults.add({ effect: { type: "explode" } }), says(/effect.type must be one of status, delay/));
  await assert.rejects(server.faults.preset("outrage"), says(/outrage/));
});

test("two sessions side by side: what differs, and what is the same", async () => {
  const scope = await server.scope("compared");
  await watch(scope.url);
  await watch(scope.url, { withBreak: false });
  const [before, after] = (await scope.sessions()).map((session) => session.id);
  const same = await scope.compare(before, before);
  assert.deepEqual([same.result, same.differences], ["pass", []]);
  const found = await scope.compare(before, after, { within: 2, countKnown: true });
  assert.deepEqual([found.result, found.within], ["fail", 2]);
  assert.ok(found.differences.some((one) => one.change === "lost" && one.about.startsWith("adBreakStart")));
  await assert.rejects(scope.compare(before, "nobody"), says(/there is no session nobody/));
});

test("the verdict: what was rejected or ignored is lost, unless it was allowed or arranged", async () => {
  const scope = await server.scope("verdict");
  await watch(scope.url);
  assert.equal((await scope.verdict()).lost, 0);
  await watch(scope.url, { withBreak: false });
  await assert.rejects(scope.verdict(), says(/ad-outside-break/));
  assert.equal((await scope.verdict({ allow: ["ad-outside-break"] })).result, "pass");
  assert.equal((await scope.verdict({ failOn: "rejected" })).result, "pass");
  await assert.rejects(scope.verdict({ allow: ["ping-gap"] }), says(/2 requests are lost[^]*adStart/));
  scope.allow("ad-outside-break");
  await scope.verdict();
  await fetch(`${scope.url}/api/v1/sessions`, { method: "POST", body: "{" });
  await assert.rejects(scope.verdict({ failOn: "rejected" }), says(/a request is lost[^]*not-json/));
  await scope.verdict({ failOn: "never" });
  await assert.rejects(scope.verdict({ allow: ["ad-outside-brake"] }), says(/no rule ad-outside-brake.*ad-outside-break/));
});

test("the verdict: what met no path or a browser keeps back is lost, too, though nothing was rejected", async () => {
  const scope = await server.scope("strays");
  await fetch(`${scope.url}/api/v1/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"eventType":"sessionStart"}' });
  const asked = { Origin: "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-trace" };
  await fetch(`${scope.url}/api/v1/sessions`, { method: "OPTIONS", headers: asked });
  await assert.rejects(scope.verdict(), says(/2 requests are lost: 1 misdirected, 1 never sent/));
  const { rules } = await scope.verdict({ allow: ["preflight-refused", "misdirected"] });
  assert.deepEqual(rules, []);
});

test("what is rejected because a test let the session expire is not lost", async () => {
  const scope = await server.scope("arranged");
  const events = await watch(scope.url);
  await scope.expire();
  const body = JSON.stringify({ eventType: "ping", playerTime: { playhead: 60, ts: Date.now() } });
  const answer = await fetch(scope.url + events, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  assert.equal(answer.status, 410);
  await scope.verdict();
});

test("a server that runs already is used, within its scope, and not stopped", async () => {
  const found = await startServer({ url: `${server.url}/~job-7/` });
  const scope = await found.scope("mine");
  assert.equal(scope.url, `${server.url}/~job-7-mine`);
  await watch(scope.url);
  await found.stop();
  assert.equal((await scope.summary()).sessions, 1);
});

test("a server that is not there is said to be so", async () => {
  const socket = createServer().listen(0, "127.0.0.1");
  await once(socket, "listening");
  const url = `http://127.0.0.1:${socket.address().port}`;
  socket.close();
  await assert.rejects(new Mcmock(url).summary(), says(new RegExp(`mcmock does not answer at ${url}`)));
  await assert.rejects(startServer({ url, timeout: 0.2 }), says(/does not answer/));
});

test("a server that is not there for a time: the control API at its own port brings it back", async () => {
  const own = await startServer({ args: ["--admin-port", "0"] });
  try {
    assert.notEqual(new URL(own.adminUrl).port, new URL(own.url).port);
    const scope = await own.scope("mine");
    const events = await watch(scope.url);
    const said = await own.refuse({ forSeconds: 3600 });
    assert.deepEqual([said.refusing, said.adminUrl], [true, own.adminUrl]);
    const send = () => fetch(scope.url + events, { method: "POST", body: "{}" });
    await assert.rejects(send(), TypeError); // by the connection that was open, if Node has not seen yet that it was reset
    await assert.rejects(send(), (error) => error.cause.code === "ECONNREFUSED");
    assert.equal((await scope.session()).state, "completed");
    await own.listen();
    await watch(scope.url);
    await assert.rejects(scope.ask("POST /refusal", { body: { forSeconds: 1 } }), says(/with all its scopes/));
    await assert.rejects(own.refuse({ forSeconds: -1 }), says(/forSeconds must be a number above 0/));
    const found = await startServer({ url: `${own.url}/~mine`, adminUrl: own.adminUrl });
    assert.equal((await found.sessions()).length, 2);
  } finally {
    await own.stop();
  }
});

test("a token is sent, from an option or a variable", async () => {
  const closed = await startServer({ args: ["--admin-token", "secret"], token: "secret" });
  try {
    await closed.summary();
    await assert.rejects(startServer({ url: closed.url, token: "guess" }), says(/not the token/));
    process.env.MCMOCK_ADMIN_TOKEN = "secret";
    await (await startServer({ url: closed.url })).summary();
  } finally {
    delete process.env.MCMOCK_ADMIN_TOKEN;
    await closed.stop();
  }
});

test("a server that does not start says why, in its own words", async () => {
  await assert.rejects(startServer({ args: ["--sed", "7"] }), /mcmock ended with exit code 2: [^]*--sed/);
  await assert.rejects(startServer({ command: [process.execPath, "-e", ""] }), /exit code 0: it said nothing/);
  await assert.rejects(startServer({ command: [process.execPath, "-e", "setInterval(() => {}, 1e4)"], timeout: 0.2 }), /not ready within 0.2 s/);
});

test("after stop() it is gone", async () => {
  const short = await startServer();
  await short.stop();
  await short.stop();
  await assert.rejects(short.summary(), says(/does not answer/));
});

test("it goes with a program that ends without stopping it", async () => {
  const script = `import { startServer } from "mcmock"; console.log((await startServer()).url); process.stdin.on("data", () => process.exit());`;
  const program = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = await once(program.stdout, "data");
  const held = connect(new URL(url).port, "127.0.0.1");
  await once(held, "connect");
  held.on("error", () => {}); // reset, when the server ended before it took it up: "close" follows either way
  const gone = new Promise((resolve) => held.resume().once("close", resolve));
  program.stdin.write("end\n");
  await gone;
});

test("without mcmock on PATH: uvx, then pipx, then what to do", async (context) => {
  const folder = await onlyPath(context);
  await assert.rejects(startServer(), /mcmock was not found[^]*pip install mcmock[^]*MCMOCK_URL/);
  await assert.rejects(startServer({ image: "mcmock" }), /there is no docker, no podman/);
  for (const [name, words] of [["pipx", ["run", "mcmock", "serve"]], ["uvx", ["mcmock", "serve"]]]) {
    await stand(folder, name, `const at = words.indexOf("serve"); run(words.slice(at));`);
    const found = await startServer();
    await found.summary();
    await found.stop();
    assert.deepEqual((await lastCall(folder)).slice(0, words.length + 1), [name, ...words]);
  }
});

test("a container is asked for as Docker wants it", async (context) => {
  // No engine runs here: what stands for one starts the server of this machine, and knows the port that it got.
  const folder = await onlyPath(context);
  await stand(folder, "docker", `
    const ready = ${JSON.stringify(join(folder, "ready.json"))};
    if (words[0] === "run") run([...words.slice(words.indexOf("serve")), "--host", "127.0.0.1", "--port", "0", "--ready-file", ready]);
    else console.log(new URL(JSON.parse(fs.readFileSync(ready)).url).host);`);
  const found = await startServer({ image: "my/mcmock:1", args: ["--seed", "7"] });
  await watch((await found.scope("contained")).url);
  assert.match(found.token, /^[0-9a-f]{32}$/);
  await found.stop();
  await assert.rejects(found.summary(), says(/does not answer/));
  const calls = await allCalls(folder);
  const name = calls[0][4];
  const expected = ["docker", "run", "--rm", "--name", name, "--publish", "127.0.0.1::8410", "--env", "MCMOCK_ADMIN_TOKEN", "my/mcmock:1"];
  assert.deepEqual(calls[0].slice(0, expected.length), expected);
  assert.deepEqual(calls[1], ["docker", "port", name, "8410/tcp"]);
});

/** A folder that is all of PATH for the rest of the test. */
async function onlyPath(context) {
  const folder = await mkdtemp(join(tmpdir(), "mcmock-"));
  process.env.PATH = folder;
  context.after(async () => {
    process.env.PATH = PATH;
    await rm(folder, { recursive: true });
  });
  return folder;
}

/** Put a program there that notes how it was called and does `what`; `run` is mcmock itself. */
async function stand(folder, name, what) {
  const text = `#!${process.execPath}
    const fs = require("node:fs");
    const { spawn } = require("node:child_process");
    const words = process.argv.slice(2);
    fs.appendFileSync(${JSON.stringify(join(folder, "calls"))}, JSON.stringify([${JSON.stringify(name)}, ...words]) + "\\n");
    function run(more) {
      const child = spawn(${JSON.stringify(process.env.MCMOCK)}, more, { stdio: "inherit" });
      process.on("SIGTERM", () => child.kill("SIGTERM"));
      child.on("exit", (code) => process.exit(code ?? 1));
    }
    ${what}`;
  await writeFile(join(folder, name), text, { mode: 0o755 });
}

async function allCalls(folder) {
  const lines = (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

async function lastCall(folder) {
  return (await allCalls(folder)).at(-1);
}
