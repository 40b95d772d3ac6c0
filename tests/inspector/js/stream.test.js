import assert from "node:assert/strict";
import { test } from "node:test";
import { Stream, parse } from "../../../mcmock/inspector/stream.js";

test("a block of an event stream", () => {
  assert.deepEqual(parse('event: exchange\nid: 7\ndata: {"seq": 7}'), { name: "exchange", id: "7", data: { seq: 7 } });
  assert.deepEqual(parse("data: [1,\r\ndata: 2]"), { name: "message", id: null, data: [1, 2] });
  assert.deepEqual(parse(": still here"), { name: "message", id: null, data: null });
});

test("blocks are put together from pieces, and the last id is sent when it connects again", async () => {
  const text = 'event: exchange\nid: 1\ndata: {"seq": 1}\n\n: pause\n\nevent: exchange\nid: 2\ndata: {"seq": 2}\n\n';
  const asked = [];
  const heard = [];
  const states = [];
  const api = {
    async fetch(path, options) {
      asked.push(options.headers["Last-Event-ID"]);
      if (asked.length > 1) {
        stream.stopped = true;
        return new Response("", { status: 404 });
      }
      const pieces = new ReadableStream({
        start(controller) {
          for (const byte of new TextEncoder().encode(text)) controller.enqueue(new Uint8Array([byte]));
          controller.close();
        },
      });
      return new Response(pieces);
    },
  };
  const stream = new Stream(api, (name, value) => heard.push([name, value.seq]), (state) => states.push(state));
  stream.pause = 0;
  await stream.run();
  assert.deepEqual(heard, [["exchange", 1], ["exchange", 2]]);
  assert.deepEqual(asked, [undefined, "2"]);
  assert.deepEqual(states, ["live", "lost", "waiting"]);
});
