/* How times, numbers and names are written. Pure functions. */

const DAY = 86400;

/** Seconds as a reader writes them: 0:07, 12:30, 3:00:00; with as many `digits` behind the point as matter.
    @param {number} seconds */
export function duration(seconds, digits = 0) {
  if (!Number.isFinite(seconds)) return "–";
  const sign = seconds < 0 ? "−" : "";
  const total = Number(Math.abs(seconds).toFixed(digits));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  const last = rest.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${sign}${hours}:${String(minutes).padStart(2, "0")}:${last}` : `${sign}${minutes}:${last}`;
}

/** Seconds with their unit: 7.5 s, 45 s, 1:30, 3:00:00.
    @param {number} value */
export function seconds(value) {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 60) return duration(value);
  return `${trimmed(value, value < 10 ? 2 : 1)} s`;
}

/** @param {number} value @param {number} digits */
export const trimmed = (value, digits) => String(Number(value.toFixed(digits)));

/** The time of day of an instant in seconds since the epoch; with its date when that is not today's.
    @param {number} at */
export function timeOfDay(at) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  return Math.abs(Date.now() / 1000 - at) < DAY ? time : `${date.toLocaleDateString()} ${time}`;
}

/** @param {number} ms */
export const instant = (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC");

/** @param {string | null} sid */
export const short = (sid) => (sid ? sid.slice(0, 8) : "–");

/** @param {number} number @param {string} one @param {string} [many] */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** `contentTimeSpent` as words: content time spent.
    @param {string} name */
export const words = (name) => name.replace(/([a-z])([A-Z0-9])/g, "$1 $2").toLowerCase();

/** A session's name for a person.
    @param {{ id: string, media?: Record<string, any> }} session */
export function title(session) {
  const media = session.media ?? {};
  return String(media["media.name"] || media["media.id"] || `Session ${short(session.id)}`);
}

/** The first line of a message, as a sentence begins.
    @param {string} message */
export function firstLine(message) {
  const [line = ""] = message.split("\n");
  return line.charAt(0).toUpperCase() + line.slice(1);
}

/** What was thrown, in words.
    @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** @typedef {import("./types.d.ts").Finding["severity"]} Severity */

/** @type {Severity[]} */
export const SEVERITIES = ["info", "warning", "error"];

/** The worst severity among findings, or null.
    @param {{ severity: Severity }[]} findings
    @returns {Severity | null} */
export function worst(findings) {
  const rank = Math.max(-1, ...findings.map((finding) => SEVERITIES.indexOf(finding.severity)));
  return rank < 0 ? null : SEVERITIES[rank];
}
