/** One server for a whole run of Vitest or Jest: `globalSetup: "mcmock/global-setup"`. Workers find it in MCMOCK_URL. */
import { startServer } from "./server.js";

/** Start it; returns what stops it, which Vitest calls. Under Jest it stops with Jest. */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await startServer();
  process.env.MCMOCK_URL = server.url;
  if (server.control !== undefined) process.env.MCMOCK_ADMIN_URL = server.adminUrl;
  return () => server.stop();
}
