/* Talks to the control API: the token, the errors, and a record of every command as curl. It draws nothing. */

import { controlCommand } from "./curl.js";

const HERE = new URL("../", import.meta.url);
const PREFIX = /\/~([^/]+)(?=\/[^/]+\/$)/;
export const ADMIN = new URL(HERE.href.replace(PREFIX, ""));
export const DEFAULT = "default";

/** The scope that the page's address names, by `?scope=` or by its path; null for the default one. */
function scopeOfAddress() {
  const name = new URLSearchParams(location.search).get("scope") ?? PREFIX.exec(HERE.pathname)?.[1];
  return name && name !== DEFAULT ? name : null;
}

/** What stands before the path of an emulated route, so that it belongs to a scope.
    @param {string | null} scope */
export const emulated = (scope) => ADMIN.origin + (scope && scope !== DEFAULT ? `/~${scope}` : "");

const TOKEN = "mcmock-admin-token";

/** An answer other than 2xx, with the server's own sentence. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {string | undefined} code */
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Api {
  /** `askToken(wrong)` resolves to a token; `onCommand(line)` is told of every command that changed something.
      @param {(wrong: boolean) => Promise<string>} askToken
      @param {(line: string) => void} onCommand */
  constructor(askToken, onCommand) {
    this.askToken = askToken;
    this.onCommand = onCommand;
    this.scope = scopeOfAddress();
    /** @type {Promise<string> | null} */
    this.asking = null;
  }

  get token() {
    return sessionStorage.getItem(TOKEN);
  }

  /** Another scope from now on, also in the address: a link to the page is a link to what it shows.
      @param {string | null} scope */
  choose(scope) {
    this.scope = scope === DEFAULT ? null : scope;
    history.replaceState(null, "", new URL(this.scope ? `?scope=${this.scope}` : ".", ADMIN));
  }

  /** @param {string} path */
  url(path) {
    const url = new URL(path, ADMIN);
    if (this.scope) url.searchParams.set("scope", this.scope);
    return url;
  }

  /** @returns {Record<string, string>} */
  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  /** fetch, with the token; asks for it, once for all requests that wait, as long as the server says 401.
      @param {string} path */
  async fetch(path, options = /** @type {RequestInit & { headers?: Record<string, string> }} */ ({})) {
    for (;;) {
      const used = this.token;
      const response = await fetch(this.url(path), { ...options, headers: { ...options.headers, ...this.headers() } });
      if (response.status !== 401) return response;
      if (used === this.token) await this.newToken(used !== null);
    }
  }

  /** @param {boolean} wrong */
  async newToken(wrong) {
    this.asking ??= this.askToken(wrong).finally(() => { this.asking = null; });
    sessionStorage.setItem(TOKEN, await this.asking);
  }

  /** `before` is what there is as long as nothing has come to the scope, which is made by its first request.
      @param {string} path
      @param {any} [before] */
  async get(path, before) {
    try {
      return await json(await this.fetch(path));
    } catch (error) {
      if (error instanceof ApiError && error.code === "unknown-scope" && before !== undefined) return before;
      throw error;
    }
  }

  /** Change something on the server, and keep the command that does the same.
      @param {string} method
      @param {string} path
      @param {unknown} [body] */
  async command(method, path, body) {
    this.onCommand(controlCommand(method, String(this.url(path)), body, this.token !== null));
    /** @type {Record<string, string>} */
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    return json(await this.fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }));
  }

  /** A file for the user's disk; a plain link could not carry the token.
      @param {string} path
      @param {string} name */
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

/** @param {Response} response */
async function json(response) {
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : {};
  /** @type {{ message: string, code?: string }} */
  let said = { message: `the server answered ${response.status}` };
  try {
    said = JSON.parse(text).error ?? said;
  } catch {
    // not our shape: a proxy, or a server that is going away
  }
  throw new ApiError(response.status, said.message, said.code);
}
