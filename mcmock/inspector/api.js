/* Talks to the control API: the token, the errors, and a record of every command as curl. It draws nothing. */

import { controlCommand } from "./curl.js";

export const ADMIN = new URL("../", import.meta.url);
const TOKEN = "mcmock-admin-token";

/** An answer other than 2xx, with the server's own sentence. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  /** `askToken(wrong)` resolves to a token; `onCommand(line)` is told of every command that changed something. */
  constructor(askToken, onCommand) {
    this.askToken = askToken;
    this.onCommand = onCommand;
    this.scope = null;
    this.asking = null;
  }

  get token() {
    return sessionStorage.getItem(TOKEN);
  }

  url(path) {
    const url = new URL(path, ADMIN);
    if (this.scope) url.searchParams.set("scope", this.scope);
    return url;
  }

  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** fetch, with the token; asks for it, once for all requests that wait, as long as the server says 401. */
  async fetch(path, options = {}) {
    for (;;) {
      const used = this.token;
      const response = await fetch(this.url(path), { ...options, headers: { ...options.headers, ...this.headers() } });
      if (response.status !== 401) return response;
      if (used === this.token) await this.newToken(used !== null);
    }
  }

  async newToken(wrong) {
    this.asking ??= this.askToken(wrong).finally(() => (this.asking = null));
    sessionStorage.setItem(TOKEN, await this.asking);
  }

  async get(path) {
    return json(await this.fetch(path));
  }

  /** Change something on the server, and keep the command that does the same. */
  async command(method, path, body) {
    this.onCommand(controlCommand(method, String(this.url(path)), body, this.token !== null));
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    return json(await this.fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }));
  }

  /** A file for the user's disk; a plain link could not carry the token. */
  async download(path, name) {
    const response = await this.fetch(path);
    if (!response.ok) await json(response);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

async function json(response) {
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : {};
  let message = `the server answered ${response.status}`;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // not our shape: a proxy, or a server that is going away
  }
  throw new ApiError(response.status, message);
}
