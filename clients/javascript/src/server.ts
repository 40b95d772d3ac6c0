/**
 * A server, from its start to its stop: one that runs already, one of this machine's `mcmock`, or a container.
 *
 * Knows processes and addresses; what is asked of the server is the client's.
 */
import { execFile, spawn, type ChildProcessByStdio } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type * as api from "./api.js";
import { Mcmock, McmockError } from "./client.js";

/** How a server is found or started. Without any of these: see {@link startServer}. */
export interface ServerOptions {
  /** The address of one that runs already; also MCMOCK_URL. It is not stopped. */
  url?: string | undefined;
  /** Where its control API is, if it has a port of its own; also MCMOCK_ADMIN_URL, which goes with MCMOCK_URL. */
  adminUrl?: string | undefined;
  /** The token of one that wants one; also MCMOCK_ADMIN_TOKEN. */
  token?: string | undefined;
  /** What starts mcmock, such as `["python3", "-m", "mcmock"]`. */
  command?: readonly [string, ...string[]] | undefined;
  /** The image of a container to start, built from mcmock's Dockerfile; Docker or Podman runs it. */
  image?: string | undefined;
  /** Further options of `mcmock serve`, such as `["--strict", "--seed", "7"]`. */
  args?: readonly string[] | undefined;
  /** Seconds until it must be ready. */
  timeout?: number | undefined;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** What a server says of itself once it listens. */
interface Facts {
  url: string;
  httpsUrl: string | null;
  adminUrl: string;
}

/** Ways to run mcmock, in the order they are tried. */
const COMMANDS = [["mcmock"], ["uvx", "mcmock"], ["pipx", "run", "mcmock"]] as const;
const ENGINES = [["docker"], ["podman"]] as const;
const PORT = 8410;

const NOT_FOUND = `mcmock was not found. Do one of these:
  pip install mcmock                                 so that it is on PATH
  install uv or pipx                                 so that it is fetched when it is needed
  MCMOCK_URL=http://127.0.0.1:8410                   to use one that runs already
  { image: "mcmock" }                                to start a container`;

/** A server that answers, and its default scope. */
export class McmockServer extends Mcmock {
  readonly #stop: () => Promise<void>;

  /** `httpsUrl` is its address over HTTPS, where `args` asked for that. */
  constructor(
    url: string,
    token: string | undefined,
    stop: () => Promise<void> = async () => {},
    readonly httpsUrl?: string,
    control?: string,
  ) {
    super(url, token, control);
    this.#stop = stop;
  }

  /** A new, empty scope: what a test sends to its `url`, no other test sees. */
  async scope(name: string): Promise<Mcmock> {
    const [, base = this.url, outer] = /^(.*)\/~([^/]+)$/.exec(this.url) ?? [];
    const whole = outer ? `${outer.slice(0, 30)}-${name}` : name;
    const scope = new Mcmock(`${base}/~${whole.slice(0, 64)}`, this.token, this.control);
    await scope.reset();
    return scope;
  }

  /**
   * Be a server that is not there, for so many seconds: players' connections are refused, and those that are open are reset.
   *
   * Start it with `--admin-port 0`, and all else can be asked meanwhile: `clock.advance` brings it back at once, and so does
   * `listen`. Without, it comes back by itself.
   */
  async refuse({ forSeconds }: api.Refuse): Promise<api.Presence> {
    return this.ask("POST /refusal", { body: { forSeconds } });
  }

  /** Listen again, before the end of `refuse`. */
  async listen(): Promise<void> {
    await this.ask("DELETE /refusal");
  }

  /** Stop it, if it was started here. */
  async stop(): Promise<void> {
    await this.#stop();
  }
}

/**
 * A server that answers: the one of `url` or MCMOCK_URL, else a container of `image`, else a new process on a free port of the
 * loopback interface, by `command` or by the first of `mcmock`, `uvx mcmock`, `pipx run mcmock` that there is.
 *
 * @throws Error in the server's own words where it does not start, or saying what to do where there is none
 */
export async function startServer(options: ServerOptions = {}): Promise<McmockServer> {
  const { url = process.env.MCMOCK_URL, token = process.env.MCMOCK_ADMIN_TOKEN, timeout = 60 } = options;
  const admin = options.adminUrl ?? (options.url === undefined ? process.env.MCMOCK_ADMIN_URL : undefined);
  if (url && !options.command && !options.image) return attach(url.replace(/\/+$/, ""), token, timeout, admin);
  return options.image ? startContainer(options.image, options.args ?? [], timeout) : startProcess(options, token, timeout);
}

async function attach(url: string, token: string | undefined, timeout: number, admin?: string): Promise<McmockServer> {
  const server = new McmockServer(url, token, undefined, undefined, admin && controlOf(admin));
  const until = Date.now() + timeout * 1000;
  for (;;) {
    try {
      await server.ask("GET /health");
      return server;
    } catch (error) {
      if (!(error instanceof McmockError) || error.code !== "unreachable" || Date.now() > until) throw error;
      await sleep(100);
    }
  }
}

async function startProcess({ command, args = [] }: ServerOptions, token: string | undefined, timeout: number): Promise<McmockServer> {
  const serve = ["serve", "--host", "127.0.0.1", "--port", "0", "--log-format", "json", ...args];
  const child = await first(command ? [command] : COMMANDS, serve);
  const { url, httpsUrl, adminUrl } = await ready(child, timeout);
  const control = adminUrl.startsWith(`${url}/`) ? undefined : controlOf(adminUrl);
  return new McmockServer(url, token, () => stop(child), httpsUrl ?? undefined, control);
}

/** The address of a control API without the path that every route begins with. */
function controlOf(adminUrl: string): string {
  return adminUrl.replace(/\/+(__admin\/*)?$/, "");
}

/** In a container it listens to all who reach it, so it gets a token; the port is one of this machine's loopback interface. */
async function startContainer(image: string, args: readonly string[], timeout: number): Promise<McmockServer> {
  const name = `mcmock-${randomBytes(6).toString("hex")}`;
  const token = randomBytes(16).toString("hex");
  const child = await first(
    ENGINES,
    ["run", "--rm", "--name", name, "--publish", `127.0.0.1::${PORT}`, "--env", "MCMOCK_ADMIN_TOKEN", image,
     "serve", "--log-format", "json", ...args],
    { MCMOCK_ADMIN_TOKEN: token },
  );
  await ready(child, timeout);
  const { stdout } = await promisify(execFile)(child.spawnfile, ["port", name, `${PORT}/tcp`]);
  return new McmockServer(`http://${stdout.split("\n")[0]?.trim()}`, token, () => stop(child));
}

/** Start the first of these commands that there is. */
async function first(commands: readonly (readonly string[])[], args: string[], env: Record<string, string> = {}): Promise<Child> {
  for (const [program = "", ...before] of commands) {
    const child = spawn(program, [...before, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    const started = new Promise<boolean>((resolve, reject) => {
      child.once("spawn", () => resolve(true));
      child.once("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(false) : reject(error)));
    });
    if (await started) return child;
  }
  throw new Error(commands === COMMANDS ? NOT_FOUND : `mcmock: there is no ${commands.map(([program]) => program).join(", no ")} to start it with`);
}

/** The line that says it listens, as JSON on stdout. What it writes beside that is read too, so that it never has to wait. */
async function ready(child: Child, timeout: number): Promise<Facts> {
  const end = () => child.kill();
  process.once("exit", end); // whoever started it leaves without stopping it
  child.once("exit", () => process.off("exit", end));
  let said = "";
  child.stderr.on("data", (part: Buffer) => (said = (said + part).slice(-8192)));
  const facts = await new Promise<Facts>((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`mcmock was not ready within ${timeout} s. ${said.trim()}`));
    }, timeout * 1000);
    createInterface(child.stdout).on("line", (line) => {
      if (!line.startsWith('{"event": "ready"')) return;
      clearTimeout(late);
      resolve(JSON.parse(line) as Facts);
    });
    child.once("close", (code) => {
      clearTimeout(late);
      reject(new Error(`mcmock ended with exit code ${code}: ${said.trim() || "it said nothing"}`));
    });
  });
  for (const handle of [child, child.stdout as Socket, child.stderr as Socket]) handle.unref(); // nobody waits for it to end
  return facts;
}

async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.ref();
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(late);
}
