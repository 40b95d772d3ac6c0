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
  body: any;
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
    eventType: any;
    playhead: any;
    ts: any;
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
    eventType: any;
    playhead: any;
    ts: any;
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

/** which exchanges are meant; all fields must hold */
export type Match = Record<string, any>;

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
  findings: any[];
  /** where to go on with `since` in each list; null where all are told */
  next: number | null;
  /** for a terminal: what was lost and why, with timelines */
  message: string;
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
  media: Record<string, any>;
  findings: Finding[];
  /** all findings, its requests' too */
  findingCounts: {
    error: number;
    warning: number;
    info: number;
  };
}

/** what Analytics would count, in the names of `mediaReporting` */
export interface Report {
  sessionId: string;
  closeReason: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  sessionDetails: Record<string, any>;
  qoeDataDetails: Record<string, any>;
  states: Record<string, any>[];
  ads: Record<string, any>[];
  adBreaks: Record<string, any>[];
  chapters: Record<string, any>[];
  customMetadata: Record<string, any>;
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
  why?: Record<string, Record<string, any>[]>;
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
  media: Record<string, any>;
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
  old: any;
  new: any;
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
    body?: any;
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

/** a named set of faults */
export interface Preset {
  name: string;
  about: string;
  /** the APIs whose requests it can meet */
  apis: string[];
  faults: FaultRule[];
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
