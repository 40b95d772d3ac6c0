/** mcmock for JavaScript: Adobe's Media Collection API, emulated beside your tests. */
export type * from "./api.js";
export { Clock, Faults, Mcmock, McmockError, type Bounds, type CompareOptions, type FailOn, type VerdictOptions } from "./client.js";
export { matchers, type McmockMatchers, type Order, type Wanted } from "./matchers.js";
export { McmockServer, startServer, type ServerOptions } from "./server.js";
