// Made by bench/typescript.py from the OpenAPI document of the control API. Change that, not this.

/** one thing worth knowing about a request or a session */
export interface Finding {
  rule: string;
  severity: "error" | "warning" | "info";
  path: string;
  message: string;
  source: string;
}

/** which fault met a request */
export interface FaultHit {
  rule: string;
  effect: string;
  side: "before" | "after";
  draw: number | null;
}

/** one request, and everything that was decided about it */
export interface Exchange {
  /** counts from 1 and never repeats */
  seq: number;
  /** seconds since the epoch by the emulator's clock */
  at: number;
  scope: string;
  kind: "session" | "event" | "downloaded" | "interact" | "schema" | "preflight" | "other";
  method: string;
  /** the request target as sent */
  path: string;
  requestHeaders: [string, string][];
  /** the parsed JSON; null where it is not JSON */
  body: unknown;
  /** what came: where body does not tell, and of a single exchange */
  bodyText?: string;
  /** the same where it is not text */
  bodyBase64?: string;
  eventType: string | null;
  /** seconds, as the event told */
  playhead: number | null;
  /** milliseconds since the epoch, as the event told */
  ts: number | null;
  /** the events of a request that has several */
  parts?: {
    eventType: unknown;
    playhead: unknown;
    ts: unknown;
  }[];
  sessionId: string | null;
  /** decided on arrival; fixes the status */
  verdict: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken";
  /** was it counted? a later event of the session may change it */
  outcome: "good" | "bad" | "ignored" | "faulted" | "other";
  status: number;
  responseHeaders: [string, string][];
  responseBody: string;
  findings: Finding[];
  fault: FaultHit | null;
  /** what became of the answer */
  delivery: "pending" | "sent" | "aborted" | "client_gone";
  /** the API that it was sent to */
  protocol: string;
}

/** an exchange without its headers and bodies */
export interface BriefExchange {
  /** counts from 1 and never repeats */
  seq: number;
  /** seconds since the epoch by the emulator's clock */
  at: number;
  kind: "session" | "event" | "downloaded" | "interact" | "schema" | "preflight" | "other";
  method: string;
  /** the request target as sent */
  path: string;
  eventType: string | null;
  /** seconds, as the event told */
  playhead: number | null;
  /** milliseconds since the epoch, as the event told */
  ts: number | null;
  /** the events of a request that has several */
  parts?: {
    eventType: unknown;
    playhead: unknown;
    ts: unknown;
  }[];
  sessionId: string | null;
  /** decided on arrival; fixes the status */
  verdict: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken";
  /** was it counted? a later event of the session may change it */
  outcome: "good" | "bad" | "ignored" | "faulted" | "other";
  status: number;
  /** the API that it was sent to */
  protocol: string;
  findings: Array<{
    rule: string;
    severity: "error" | "warning" | "info";
  }>;
  fault: FaultHit | null;
  /** what became of the answer */
  delivery: "pending" | "sent" | "aborted" | "client_gone";
}

/** a page of the log */
export interface Exchanges {
  requests: Array<Exchange | BriefExchange>;
  matched: number;
  /** entries that left the full log */
  evicted: number;
  /** where to go on with `since`; null where that was all */
  next: number | null;
}

/** counts by outcome; the outcomes add up to the total */
export interface Summary {
  total: number;
  good: number;
  bad: number;
  ignored: number;
  faulted: number;
  other: number;
  evicted: number;
  sessions: number;
  broken: number;
  forgotten: number;
}

/** the default scope, then the named ones */
export interface Scopes {
  scopes: {
    name: string;
    /** real seconds */
    idle: number;
    summary?: Summary;
  }[];
  total: number;
  /** where to go on with `since`; null where that was all */
  next: string | null;
}

/** which exchanges are meant; all fields must hold */
export interface Match {
  /** the kind of endpoint it was sent to */
  kind?: "session" | "event" | "downloaded" | "interact" | "schema" | "preflight" | "other" | Array<"session" | "event" | "downloaded" | "interact" | "schema" | "preflight" | "other"> | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the event type */
  event?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the session id */
  session?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the scope's name */
  scope?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** counted, or not */
  outcome?: "good" | "bad" | "ignored" | "faulted" | "other" | Array<"good" | "bad" | "ignored" | "faulted" | "other"> | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** what was decided on arrival */
  verdict?: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken" | Array<"created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken"> | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the HTTP status */
  status?: number | number[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the path as sent */
  path?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** seconds of content */
  playhead?: number | number[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  /** the event's params */
  params?: Record<string, unknown | unknown[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  /** the event's qoeData */
  qoe?: Record<string, unknown | unknown[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  /** the event's customMetadata */
  metadata?: Record<string, unknown | unknown[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  /** has a finding of this rule */
  rule?: "not-json" | "not-an-object" | "wrong-event" | "wrong-endpoint" | "missing-key" | "unknown-key" | "wrong-type" | "wrong-value" | "qoe-without-prefix" | "qoe-in-params" | "params-on-ping" | "empty-params-on-ping" | "duplicate-key" | "body-too-large" | "body-incomplete" | "body-encoded" | "broken" | "head-too-large" | "store-away" | "scope-refused" | "not-http" | "misdirected" | "preflight-refused" | "pod-friendly-name-in-ad-start" | "error-id-in-params" | "error-without-id" | "error-source-unknown" | "integral-float" | "fractional-quality" | "location-hint-null" | "length-null" | "downloaded-flag-false" | "downloaded-flag-live" | "downloaded-flag-missing" | "array-on-sessions" | "downloaded-order" | "metadata-on-wrong-event" | "empty-metadata-on-wrong-event" | "reserved-metadata-prefix" | "states-update" | "state-name-spelling" | "pod-position-base" | "pod-index-base" | "pod-second-differs" | "bitrate-in-bits" | "stream-type-missing" | "length-not-positive" | "media-id-empty" | "ad-id-empty" | "placeholder" | "placeholder-in-metadata" | "required-value-empty" | "visitor-id-empty" | "value-empty" | "org-id-form" | "tracking-server-form" | "report-suite-form" | "visitor-id-form" | "visitor-id-missing" | "type-misspelt" | "type-not-documented" | "stream-type-differs" | "date-form" | "show-type-unknown" | "day-part-form" | "content-type" | "trailing-slash" | "ad-outside-break" | "ad-close-without-start" | "ad-not-closed" | "ad-break-not-closed" | "ad-break-nested" | "ad-break-close-without-start" | "ad-break-without-ads" | "gap-between-ads" | "playback-before-ad" | "chapter-overlap" | "chapter-close-without-start" | "chapter-not-closed" | "state-already-open" | "state-not-open" | "too-many-states" | "equal-timestamps" | "timestamp-backwards" | "late-event" | "playhead-past-end" | "playhead-moved-in-ad" | "playhead-moved-in-pause" | "playhead-off-clock" | "ping-gap" | "ping-gap-in-ad" | "play-after-complete" | "ping-after-complete" | "event-after-end" | "overtaken-by-end" | "session-ended-before" | "duplicate-event" | "session-not-ended" | "session-never-played" | "two-sessions-for-one-view" | "location-unread" | "event-of-another-session" | "ts-unit" | "ts-epoch" | "clock-skew" | "clock-set" | "ts-unchanged" | "local-time" | "playhead-unit" | "live-from-join" | "playhead-negative" | "day-on-demand" | "length-unit" | "part-unit" | "length-of-ad" | "ad-length-not-positive" | "ad-completed-early" | "ad-completed-late" | "completed-while-paused" | "pause-at-end" | "completed-never-played" | "completed-early" | "chapter-completed-early" | "chapter-completed-late" | "play-missing" | "playhead-not-updated" | "playhead-still" | "arguments-swapped" | "pod-index-repeated" | "pod-index-of-preroll" | "pod-position-repeated" | "pod-position-stuck" | "chapter-offset-differs" | "chapter-past-end" | "chapter-length-not-positive" | "chapter-index-repeated" | "two-players" | "view-continued" | "details-carried-over" | "quality-carried-over" | "two-devices" | "resume-at-zero" | "bitrate-too-low" | "bitrate-zero" | "bitrate-missing" | "bitrate-never-reported" | "frame-rate-impossible" | "frame-rate-zero" | "dropped-frames-fall" | "time-to-start-impossible" | "time-to-start-revised" | "plan-missing" | "plan-value" | "plan-unexpected" | "several-sessions" | "refused-in-207" | "identity-missing" | "hint-not-followed" | "session-id-missing" | "timestamp-missing" | "timestamp-not-padded" | "fraction" | "quality-null" | "resume-misplaced" | "metadata-not-text" | "unknown-field" | "details-not-allowed" | "datastream-missing" | "datastream-missing-on-event" | "datastream-unknown" | "datastream-without-media" | Array<"not-json" | "not-an-object" | "wrong-event" | "wrong-endpoint" | "missing-key" | "unknown-key" | "wrong-type" | "wrong-value" | "qoe-without-prefix" | "qoe-in-params" | "params-on-ping" | "empty-params-on-ping" | "duplicate-key" | "body-too-large" | "body-incomplete" | "body-encoded" | "broken" | "head-too-large" | "store-away" | "scope-refused" | "not-http" | "misdirected" | "preflight-refused" | "pod-friendly-name-in-ad-start" | "error-id-in-params" | "error-without-id" | "error-source-unknown" | "integral-float" | "fractional-quality" | "location-hint-null" | "length-null" | "downloaded-flag-false" | "downloaded-flag-live" | "downloaded-flag-missing" | "array-on-sessions" | "downloaded-order" | "metadata-on-wrong-event" | "empty-metadata-on-wrong-event" | "reserved-metadata-prefix" | "states-update" | "state-name-spelling" | "pod-position-base" | "pod-index-base" | "pod-second-differs" | "bitrate-in-bits" | "stream-type-missing" | "length-not-positive" | "media-id-empty" | "ad-id-empty" | "placeholder" | "placeholder-in-metadata" | "required-value-empty" | "visitor-id-empty" | "value-empty" | "org-id-form" | "tracking-server-form" | "report-suite-form" | "visitor-id-form" | "visitor-id-missing" | "type-misspelt" | "type-not-documented" | "stream-type-differs" | "date-form" | "show-type-unknown" | "day-part-form" | "content-type" | "trailing-slash" | "ad-outside-break" | "ad-close-without-start" | "ad-not-closed" | "ad-break-not-closed" | "ad-break-nested" | "ad-break-close-without-start" | "ad-break-without-ads" | "gap-between-ads" | "playback-before-ad" | "chapter-overlap" | "chapter-close-without-start" | "chapter-not-closed" | "state-already-open" | "state-not-open" | "too-many-states" | "equal-timestamps" | "timestamp-backwards" | "late-event" | "playhead-past-end" | "playhead-moved-in-ad" | "playhead-moved-in-pause" | "playhead-off-clock" | "ping-gap" | "ping-gap-in-ad" | "play-after-complete" | "ping-after-complete" | "event-after-end" | "overtaken-by-end" | "session-ended-before" | "duplicate-event" | "session-not-ended" | "session-never-played" | "two-sessions-for-one-view" | "location-unread" | "event-of-another-session" | "ts-unit" | "ts-epoch" | "clock-skew" | "clock-set" | "ts-unchanged" | "local-time" | "playhead-unit" | "live-from-join" | "playhead-negative" | "day-on-demand" | "length-unit" | "part-unit" | "length-of-ad" | "ad-length-not-positive" | "ad-completed-early" | "ad-completed-late" | "completed-while-paused" | "pause-at-end" | "completed-never-played" | "completed-early" | "chapter-completed-early" | "chapter-completed-late" | "play-missing" | "playhead-not-updated" | "playhead-still" | "arguments-swapped" | "pod-index-repeated" | "pod-index-of-preroll" | "pod-position-repeated" | "pod-position-stuck" | "chapter-offset-differs" | "chapter-past-end" | "chapter-length-not-positive" | "chapter-index-repeated" | "two-players" | "view-continued" | "details-carried-over" | "quality-carried-over" | "two-devices" | "resume-at-zero" | "bitrate-too-low" | "bitrate-zero" | "bitrate-missing" | "bitrate-never-reported" | "frame-rate-impossible" | "frame-rate-zero" | "dropped-frames-fall" | "time-to-start-impossible" | "time-to-start-revised" | "plan-missing" | "plan-value" | "plan-unexpected" | "several-sessions" | "refused-in-207" | "identity-missing" | "hint-not-followed" | "session-id-missing" | "timestamp-missing" | "timestamp-not-padded" | "fraction" | "quality-null" | "resume-misplaced" | "metadata-not-text" | "unknown-field" | "details-not-allowed" | "datastream-missing" | "datastream-missing-on-event" | "datastream-unknown" | "datastream-without-media"> | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
}

/** answered as soon as so many have come, or after so many seconds */
export interface Wait {
  match?: Match | null;
  count?: number;
  timeout?: number;
}

/** what must be so: how many exchanges match (at least one unless told otherwise), or in which order events stand */
export interface Check {
  match?: Match | null;
  /** exactly so many */
  count?: number | null;
  atLeast?: number | null;
  atMost?: number | null;
  /** real seconds for it to come true, or to stay true */
  within?: number | null;
  /** events of each session */
  sequence?: Array<string | Match> | null;
  /** whether other events may stand between those of the sequence */
  gaps?: boolean;
  /** pass even if there is no session at all */
  allowNoSessions?: boolean;
  /** instead: nothing of that severity or worse was found */
  noFindings?: "error" | "warning" | "info" | null;
  /** instead: nothing was lost, by itself or by a fault */
  noLosses?: boolean;
}

/** whether it was so */
export interface Verification {
  /** inconclusive: evicted entries could change the answer */
  result: "pass" | "fail" | "inconclusive";
  expected: Record<string, unknown>;
  matched: number;
  requests: Exchange[];
  nearest: Miss[];
  /** for a terminal: what was asked, and what there was */
  message: string;
}

/** whether anything was lost */
export interface Verdict {
  result: "pass" | "fail";
  /** each level includes those before it */
  failOn: "never" | "rejected" | "lost" | "warning";
  /** requests and viewings that were lost, without those that have a warning only */
  lost: number;
  counts: Record<string, number>;
  /** what it fails for, in the words of allow */
  rules: string[];
  requests: Exchange[];
  /** those of sessions as a whole: a Finding and its sessionId */
  findings: unknown[];
  /** where to go on with `since` in each list; null where all are told */
  next: number | null;
  /** for a terminal: what was lost and why, with timelines */
  message: string;
}

/** a request that nearly matched */
export interface Miss {
  request: Exchange;
  differences: {
    field: string;
    wanted: unknown;
    got: unknown;
  }[];
}

/** a session as it stands */
export interface Session {
  id: string;
  /** what it is doing, or how it closed */
  state: string;
  phase: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  /** seconds since the epoch by the emulator's clock */
  openedAt: number;
  /** seconds since the epoch by the emulator's clock */
  lastEventAt: number;
  closedAt: number | null;
  downloaded: boolean;
  playhead: number;
  /** its requests by outcome */
  counts: {
    good: number;
    bad: number;
    ignored: number;
    faulted: number;
    other: number;
  };
  /** the params that identify it to a person */
  media: Record<string, unknown>;
  events: string[];
  findings: Finding[];
}

/** a session without its lists */
export interface BriefSession {
  id: string;
  /** what it is doing, or how it closed */
  state: string;
  phase: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  /** seconds since the epoch by the emulator's clock */
  openedAt: number;
  /** seconds since the epoch by the emulator's clock */
  lastEventAt: number;
  closedAt: number | null;
  downloaded: boolean;
  playhead: number;
  /** its requests by outcome */
  counts: {
    good: number;
    bad: number;
    ignored: number;
    faulted: number;
    other: number;
  };
  /** the params that identify it to a person */
  media: Record<string, unknown>;
  findings: Finding[];
  /** all findings, its requests' too */
  findingCounts: {
    error: number;
    warning: number;
    info: number;
  };
}

export type SessionInfo = Session | BriefSession;

/** the latest sessions, oldest first, or those before one of them */
export interface Sessions {
  sessions: SessionInfo[];
  /** sessions there are */
  total: number;
  /** the session before which the next page ends; null for no more */
  next: string | null;
}

/** what Analytics would count, in the names of `mediaReporting` */
export interface Report {
  sessionId: string;
  closeReason: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  sessionDetails: Record<string, unknown>;
  qoeDataDetails: Record<string, unknown>;
  states: Record<string, unknown>[];
  ads: Record<string, unknown>[];
  adBreaks: Record<string, unknown>[];
  chapters: Record<string, unknown>[];
  customMetadata: Record<string, unknown>;
  /** every metric, unrounded */
  exact: {
    mediaStarts: number | string | boolean | string[] | null;
    contentStarts: number | string | boolean | string[] | null;
    contentCompletes: number | string | boolean | string[] | null;
    contentResumes: number | string | boolean | string[] | null;
    contentTimeSpent: number | string | boolean | string[] | null;
    mediaTimeSpent: number | string | boolean | string[] | null;
    uniqueTimePlayed: number | string | boolean | string[] | null;
    averageMinuteAudience: number | string | boolean | string[] | null;
    progress10: number | string | boolean | string[] | null;
    progress25: number | string | boolean | string[] | null;
    progress50: number | string | boolean | string[] | null;
    progress75: number | string | boolean | string[] | null;
    progress95: number | string | boolean | string[] | null;
    segment: number | string | boolean | string[] | null;
    segmentViews: number | string | boolean | string[] | null;
    estimatedStreams: number | string | boolean | string[] | null;
    pauseCount: number | string | boolean | string[] | null;
    pauseImpacted: number | string | boolean | string[] | null;
    pauseTime: number | string | boolean | string[] | null;
    adCount: number | string | boolean | string[] | null;
    chapterCount: number | string | boolean | string[] | null;
    secondsSinceLastCall: number | string | boolean | string[] | null;
    authorized: number | string | boolean | string[] | null;
    downloaded: number | string | boolean | string[] | null;
    sessionId: number | string | boolean | string[] | null;
    bufferCount: number | string | boolean | string[] | null;
    bufferImpacted: number | string | boolean | string[] | null;
    bufferTime: number | string | boolean | string[] | null;
    stallCount: number | string | boolean | string[] | null;
    stallImpacted: number | string | boolean | string[] | null;
    stallTime: number | string | boolean | string[] | null;
    bitrateChangeCount: number | string | boolean | string[] | null;
    bitrateChangeImpacted: number | string | boolean | string[] | null;
    bitrateAverage: number | string | boolean | string[] | null;
    bitrateAverageBucket: number | string | boolean | string[] | null;
    droppedFrames: number | string | boolean | string[] | null;
    droppedFramesImpacted: number | string | boolean | string[] | null;
    framesPerSecond: number | string | boolean | string[] | null;
    errorCount: number | string | boolean | string[] | null;
    errorImpacted: number | string | boolean | string[] | null;
    playerErrors: number | string | boolean | string[] | null;
    externalErrors: number | string | boolean | string[] | null;
    timeToStart: number | string | boolean | string[] | null;
    droppedBeforeStart: number | string | boolean | string[] | null;
    adStarts: number | string | boolean | string[] | null;
    adCompletes: number | string | boolean | string[] | null;
    adTimeSpent: number | string | boolean | string[] | null;
    adBreakCount: number | string | boolean | string[] | null;
    chapterStarts: number | string | boolean | string[] | null;
    chapterCompletes: number | string | boolean | string[] | null;
    unattributedTime: number | string | boolean | string[] | null;
    sessionTime: number | string | boolean | string[] | null;
    firstTs: number | string | boolean | string[] | null;
    lastTs: number | string | boolean | string[] | null;
    closeReason: number | string | boolean | string[] | null;
    state: number | string | boolean | string[] | null;
    evicted: number | string | boolean | string[] | null;
    inReports: number | string | boolean | string[] | null;
  };
  /** per metric that cannot be trusted, the rules that were met */
  doubts: Record<string, string[]>;
  /** per metric, what it was counted from */
  why?: Record<string, Record<string, unknown>[]>;
}

/** two sessions side by side */
export interface Comparison {
  /** whether they are the same */
  result: "pass" | "fail";
  old: ComparedSession;
  new: ComparedSession;
  /** seconds that times, durations and playheads may be apart */
  within: number;
  /** those that count */
  differences: Difference[];
  /** differences that were set apart, by name */
  known: Array<{
    name: "repeated-play" | "play-before-ads" | "ping-times" | "closing-events" | "states-in-one-update" | "whole-numbers" | "playhead-after-seek" | "set-elsewhere" | "bitrate-unit" | "text-values" | "metadata-path";
    about: string;
    source: string;
    differences: Difference[];
  }>;
  /** the events of both, in their order */
  pairs: EventPair[];
  /** where to go on with `since` in each list; null where all are told */
  next: number | null;
  /** events that were too many to be compared */
  leftOut: number;
  /** for a terminal: what differs */
  message: string;
}

/** a session that is compared */
export interface ComparedSession {
  sessionId: string;
  protocol: string;
  recording: string;
  media: Record<string, unknown>;
}

/** one difference between two sessions */
export interface Difference {
  part: "report" | "events" | "params" | "metadata" | "quality";
  /** lost: the old session alone has it; new: the new one alone */
  change: "different" | "lost" | "new";
  /** a number, a param or a key; event, time, playhead, outcome or pings */
  name: string;
  /** the event or the record, in words */
  about: string;
  old: unknown;
  new: unknown;
  /** counts from 1 and never repeats */
  oldSeq: number | null;
  /** counts from 1 and never repeats */
  newSeq: number | null;
  /** what it is set apart as */
  known: string | null;
}

/** an event that both sessions have, or one of them alone */
export interface EventPair {
  eventType: string;
  /** counts from 1 and never repeats */
  oldSeq: number | null;
  /** counts from 1 and never repeats */
  newSeq: number | null;
  /** null where it is the same, or differs as is known */
  change: "different" | "lost" | "new" | null;
  known: string | null;
}

export interface FaultRule {
  /** unique; left out: chosen */
  name?: string;
  effect: {
    type: "status";
    /** a status */
    code: number;
    /** text, or JSON; left out: {"message": …} as the API has it */
    body?: unknown;
    /** added or replaced */
    headers?: Record<string, string>;
  } | {
    type: "delay";
    /** always that long */
    seconds?: number;
    /** anything from the first number of seconds to the second */
    uniform?: number[];
    /** mostly near the median of seconds, now and then far above it */
    lognormal?: {
      median: number;
      sigma: number;
    };
  } | {
    type: "reset";
  } | {
    type: "close";
  } | {
    type: "truncate";
    /** bytes of the body that are sent */
    bytes?: number;
  } | {
    type: "malformed";
  } | {
    type: "drip";
    /** a speed */
    bytesPerSecond: number;
  } | {
    type: "hang";
    /** after that long the connection is closed */
    seconds?: number;
  } | {
    type: "expire_session";
    /** all open sessions at once, not only that of the request */
    every?: boolean;
  } | {
    type: "forget_session";
    /** all open sessions at once, not only that of the request */
    every?: boolean;
  } | {
    type: "drop_header";
    /** the header */
    name: string;
  } | {
    type: "set_header";
    /** the header */
    name: string;
    /** its value; {value}, {session} and {host} stand for the true value, the session id and the host */
    value: string;
  } | {
    type: "rate_limit";
    /** how many requests a second are let through */
    perSecond: number;
    /** the status of the others */
    code?: number;
    /** seconds, sent as Retry-After; null: not sent */
    retryAfter?: number | null;
    /** how it is sent */
    retryAfterAs?: "seconds" | "date";
  } | {
    type: "alter";
    /** the form */
    form: "no-session-id" | "empty-session-id" | "not-streamed" | "newline-separator" | "next-hint" | "hints-differ" | "no-handle";
  } | "reset" | "close" | "truncate" | "malformed" | "hang" | "expire_session" | "forget_session";
  match?: Match;
  /** before: never processed; after: counted, the answer changed */
  side?: "before" | "after";
  /** matching requests that pass first */
  skip?: number;
  /** how often it fires; null: until removed */
  times?: number | null;
  /** the share of matching requests it fires at */
  probability?: number;
  /** what skip, times and rates are counted over */
  per?: "all" | "session";
  /** of the emulator's clock, then it rests */
  forSeconds?: number | null;
  hits?: number;
  matched?: number;
  active?: boolean;
}

/** the rules in force, in the order they are tried */
export interface Faults {
  faults: FaultRule[];
  /** rules there are; passed over where they are sent */
  total?: number;
  /** where to go on with `since`; null where that was all, as it must be where they are sent */
  next?: string | null;
}

/** a named set of faults */
export interface Preset {
  name: string;
  about: string;
  /** the APIs whose requests it can meet */
  apis: string[];
  faults: FaultRule[];
}

/** every preset */
export interface Presets {
  presets: Preset[];
  total: number;
  /** where to go on with `since`; null where that was all */
  next: string | null;
}

/** a server that is not there, for a time */
export interface Refuse {
  forSeconds: number;
}

/** whether players' connections are refused */
export interface Presence {
  refusing: boolean;
  /** by the emulator's clock; null while nothing is refused */
  until: number | null;
  /** where the control API is */
  adminUrl: string;
}

/** a JSON Schema */
export type JsonSchema = Record<string, unknown>;

/** what became of each request that a fault met */
export interface Losses {
  faulted: number;
  retried: number;
  moved: number;
  duplicated: number;
  counted: number;
  orphaned: number;
  lost: number;
  evicted: number;
  requests: Loss[];
  /** where to go on with `since`; null where that was all */
  next: number | null;
}

/** a request that a fault met */
export interface Loss {
  /** counts from 1 and never repeats */
  seq: number;
  fault: FaultHit;
  sessionId: string | null;
  eventType: string | null;
  ts: number | null;
  fate: "retried" | "moved" | "duplicated" | "counted" | "orphaned" | "lost";
  /** the seq of the request that decided it */
  other: number | null;
}

/** what each content type must send */
export interface Plan {
  name?: string;
  all?: PlanSection;
  content?: Record<string, PlanSection>;
}

export interface PlanSection {
  events?: PlanOccurrence[];
  pingSeconds?: number;
  adPingSeconds?: number;
  sessionStart?: {
    params?: {
      appInstallationId?: PlanRow;
      "analytics.trackingServer"?: PlanRow;
      "analytics.reportSuite"?: PlanRow;
      "analytics.enableSSL"?: PlanRow;
      "analytics.visitorId"?: PlanRow;
      "analytics.aid"?: PlanRow;
      "analytics.optOutServerSideForwarding"?: PlanRow;
      "analytics.optOutShare"?: PlanRow;
      "visitor.marketingCloudOrgId"?: PlanRow;
      "visitor.marketingCloudUserId"?: PlanRow;
      "visitor.aamLocationHint"?: PlanRow;
      "visitor.customerIDs"?: PlanRow;
      "media.id"?: PlanRow;
      "media.name"?: PlanRow;
      "media.length"?: PlanRow;
      "media.contentType"?: PlanRow;
      "media.streamType"?: PlanRow;
      "media.playerName"?: PlanRow;
      "media.channel"?: PlanRow;
      "media.resume"?: PlanRow;
      "media.downloaded"?: PlanRow;
      "media.sdkVersion"?: PlanRow;
      "media.libraryVersion"?: PlanRow;
      "media.streamFormat"?: PlanRow;
      "media.show"?: PlanRow;
      "media.season"?: PlanRow;
      "media.episode"?: PlanRow;
      "media.assetId"?: PlanRow;
      "media.genre"?: PlanRow;
      "media.firstAirDate"?: PlanRow;
      "media.firstDigitalDate"?: PlanRow;
      "media.rating"?: PlanRow;
      "media.originator"?: PlanRow;
      "media.network"?: PlanRow;
      "media.showType"?: PlanRow;
      "media.adLoad"?: PlanRow;
      "media.pass.mvpd"?: PlanRow;
      "media.pass.auth"?: PlanRow;
      "media.dayPart"?: PlanRow;
      "media.feed"?: PlanRow;
      "media.artist"?: PlanRow;
      "media.album"?: PlanRow;
      "media.label"?: PlanRow;
      "media.author"?: PlanRow;
      "media.station"?: PlanRow;
      "media.publisher"?: PlanRow;
    };
    otherParams?: "optional" | "forbidden";
    metadata?: Record<string, PlanRow>;
    otherMetadata?: "optional" | "forbidden";
  };
  adBreakStart?: {
    params?: {
      "media.ad.podFriendlyName"?: PlanRow;
      "media.ad.podIndex"?: PlanRow;
      "media.ad.podSecond"?: PlanRow;
    };
    otherParams?: "optional" | "forbidden";
  };
  adStart?: {
    params?: {
      "media.ad.id"?: PlanRow;
      "media.ad.name"?: PlanRow;
      "media.ad.length"?: PlanRow;
      "media.ad.podPosition"?: PlanRow;
      "media.ad.playerName"?: PlanRow;
      "media.ad.advertiser"?: PlanRow;
      "media.ad.campaignId"?: PlanRow;
      "media.ad.creativeId"?: PlanRow;
      "media.ad.siteId"?: PlanRow;
      "media.ad.creativeURL"?: PlanRow;
      "media.ad.placementId"?: PlanRow;
      "media.ad.podFriendlyName"?: PlanRow;
    };
    otherParams?: "optional" | "forbidden";
    metadata?: Record<string, PlanRow>;
    otherMetadata?: "optional" | "forbidden";
  };
  chapterStart?: {
    params?: {
      "media.chapter.index"?: PlanRow;
      "media.chapter.offset"?: PlanRow;
      "media.chapter.length"?: PlanRow;
      "media.chapter.friendlyName"?: PlanRow;
    };
    otherParams?: "optional" | "forbidden";
    metadata?: Record<string, PlanRow>;
    otherMetadata?: "optional" | "forbidden";
  };
}

export type PlanRow = "required" | "optional" | "forbidden" | Array<string | number | boolean> | {
  presence?: "required" | "optional" | "forbidden";
  values?: Array<string | number | boolean>;
  matches?: string;
  type?: "string" | "integer" | "number" | "boolean" | "object";
  example?: unknown;
  about?: string;
};

export type PlanEvent = "sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate" | Array<"sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate">;

export type PlanOccurrence = PlanEvent | {
  event: PlanEvent;
  playhead?: unknown;
  params?: Record<string, unknown>;
  qoe?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
  when?: PlanEvent;
  before?: PlanEvent;
  atLeast?: number;
  atMost?: number;
  name?: string;
  about?: string;
};

/** the tracking plan that sessions are judged by */
export interface PlanInForce {
  plan: Plan | null;
}

/** each item of the plan, and how much the sessions exercised it */
export interface PlanCoverage {
  items: PlanItem[];
  exercised: number;
  total: number;
  /** where to go on with `since`; null where that was all */
  next: number | null;
}

/** a row of the plan, an event that must occur, or a cadence of pings */
export interface PlanItem {
  kind: "row" | "event" | "cadence";
  /** the content type; null for all */
  content: string | null;
  /** the event that a row is about */
  event: string | null;
  key: string;
  presence: "required" | "optional" | "forbidden" | null;
  /** how often: a row once for each event, the others once for each session */
  judged: number;
  failed: number;
  /** the values that no session sent */
  unseen: unknown[];
}

/** the emulator's time */
export interface Clock {
  /** seconds since the epoch by the emulator's clock */
  now: number;
  frozen: boolean;
}

/** how far to move the clock */
export interface Advance {
  seconds: number;
}

/** the server answers */
export interface Health {
  status: "ok";
  version: string;
}

/** done */
export type Empty = Record<string, unknown>;

/** why not */
export interface Refusal {
  /** in words */
  error: {
    code: string;
    message: string;
  };
}

/** what the words of the other shapes mean */
export interface Vocabulary {
  rules: Record<string, {
    about: string;
    source: string;
    ignores: boolean;
  }>;
  /** in the order of display; those of one group stand together */
  metrics: Record<string, {
    about: string;
    unit: string;
    source: string;
    group: string;
  }>;
  match: Record<string, {
    about: string;
    words: string[];
  }>;
  events: Array<"sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate">;
}

/** an OpenAPI 3.1 document: this one */
export type OpenApi = Record<string, unknown>;

/** What each route of the control API takes as its body, and gives. */
export interface Routes {
  /** a file of the inspector page */
  "GET /inspector/{file}": { gives: string };
  /** what the rules, metrics and Match fields mean */
  "GET /vocabulary": { gives: Vocabulary };
  /** this document */
  "GET /openapi.json": { gives: OpenApi };
  /** 200 once the server answers */
  "GET /health": { gives: Health };
  /** counts by outcome */
  "GET /summary": { gives: Summary };
  /** every scope, how long it has been idle, and its counts */
  "GET /scopes": { gives: Scopes };
  /** forgets a named scope with all that is in it */
  "DELETE /scopes/{name}": { gives: Empty };
  /** the log */
  "GET /requests": { gives: Exchanges };
  /** empties the log */
  "DELETE /requests": { gives: Empty };
  /** the log */
  "POST /requests/find": { takes: Match; gives: Exchanges };
  /** answers once so many have come, or when time is up */
  "POST /requests/wait": { takes: Wait; gives: Verification };
  /** whether it was so */
  "POST /verify": { takes: Check; gives: Verification };
  /** whether anything was lost: what the fixture says */
  "GET /verdict": { gives: Verdict };
  /** two sessions side by side */
  "GET /compare": { gives: Comparison };
  /** one exchange */
  "GET /requests/{seq}": { gives: Exchange };
  /** the log as a file */
  "GET /requests.ndjson": { gives: string };
  /** the same for browsers' tools */
  "GET /requests.har": { gives: string };
  /** the log as it grows */
  "GET /stream": { gives: string };
  /** the latest sessions */
  "GET /sessions": { gives: Sessions };
  /** one session */
  "GET /sessions/{sid}": { gives: SessionInfo };
  /** the report of the only session */
  "GET /report": { gives: Report };
  /** what Analytics would count */
  "GET /sessions/{sid}/report": { gives: Report };
  /** the next event answers 410 */
  "POST /sessions/{sid}/expire": { gives: Empty };
  /** the next event answers 404 */
  "POST /sessions/{sid}/forget": { gives: Empty };
  /** the faults in force, with their hits */
  "GET /faults": { gives: Faults };
  /** adds one, behind the others */
  "POST /faults": { takes: FaultRule; gives: FaultRule };
  /** these instead of all */
  "PUT /faults": { takes: Faults; gives: Faults };
  /** lifts all, and frees what they hold */
  "DELETE /faults": { gives: Empty };
  /** one fault */
  "GET /faults/{name}": { gives: FaultRule };
  /** lifts it, and frees what it holds */
  "DELETE /faults/{name}": { gives: Empty };
  /** a FaultRule as JSON Schema */
  "GET /faults.schema.json": { gives: JsonSchema };
  /** named sets of faults */
  "GET /presets": { gives: Presets };
  /** adds the faults of a preset */
  "POST /presets/{name}": { gives: Faults };
  /** whether connections are refused, and until when */
  "GET /refusal": { gives: Presence };
  /** refuses players' connections for a time */
  "POST /refusal": { takes: Refuse; gives: Presence };
  /** listens again at once */
  "DELETE /refusal": { gives: Empty };
  /** the tracking plan that sessions are judged by */
  "GET /plan": { gives: PlanInForce };
  /** judges by this plan, until the next reset */
  "PUT /plan": { takes: Plan; gives: PlanInForce };
  /** judges by none */
  "DELETE /plan": { gives: Empty };
  /** which of its items no session exercised */
  "GET /plan/coverage": { gives: PlanCoverage };
  /** a plan as JSON Schema */
  "GET /plan.schema.json": { gives: JsonSchema };
  /** what became of each faulted request */
  "GET /losses": { gives: Losses };
  /** the authority to trust */
  "GET /ca.pem": { gives: string };
  /** how a device comes to trust it */
  "GET /trust": { gives: string };
  /** what operators watch, for Prometheus */
  "GET /metrics": { gives: string };
  /** the emulator's time */
  "GET /clock": { gives: Clock };
  /** moves it forward by {"seconds"} */
  "POST /clock/advance": { takes: Advance; gives: Clock };
  /** stops it */
  "POST /clock/freeze": { gives: Clock };
  /** lets it run again */
  "POST /clock/resume": { gives: Clock };
  /** empties the log, forgets every session, resumes the clock */
  "POST /reset": { gives: Empty };
}
