// The app under test: two files under a name of its own, whose collection host is written into it.
import { readFile } from "node:fs/promises";

export const COLLECTOR = "https://acme.hb-api.omtrdc.net";
const player = await readFile(new URL("../player.js", import.meta.url), "utf8");

export async function open(page, collector = COLLECTOR) {
  const html = `<!doctype html><button>Play</button><script type="module">
    import { watch } from "/player.js";
    document.querySelector("button").onclick = () => watch(${JSON.stringify(collector)});</script>`;
  await page.route("https://app.example/", (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.route("https://app.example/player.js", (route) => route.fulfill({ contentType: "text/javascript", body: player }));
  await page.goto("https://app.example/");
}

/** What `fetch` in the page makes of a request to the collector: a status, or the name of an error. */
export function ask(page, { body = "{}", timeout = 10_000, ...init } = {}) {
  return page.evaluate(
    async ([url, given, patience]) => {
      try {
        const answer = await fetch(url, { method: "POST", ...given, signal: AbortSignal.timeout(patience) });
        return answer.status;
      } catch (error) {
        return error.name;
      }
    },
    [`${COLLECTOR}/api/v1/sessions`, { body, ...init }, timeout],
  );
}
