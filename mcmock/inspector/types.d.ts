/* Made by bench/inspector_types.py from the control API's JSON Schemas. Change those, not this. */

/** one thing worth knowing about a request or a session */
export type Finding = {
  rule: string;
  severity: "error" | "warning" | "info";
  path: string;
  message: string;
  source: string;
};

/** which fault met a request */
export type FaultHit = {
  rule: string;
  effect: string;
  side: "before" | "after";
  draw: number | null;
};

/** one request, and everything that was decided about it */
export type Exchange = {
  seq: number;
  at: number;
  scope: string;
  kind: "session" | "event" | "downloaded" | "schema" | "preflight" | "other";
  method: string;
  path: string;
  requestHeaders: [string, string][];
  body: any;
  bodyText?: string;
  bodyBase64?: string;
  eventType: string | null;
  sessionId: string | null;
  verdict: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken";
  outcome: "good" | "bad" | "ignored" | "faulted" | "other";
  status: number;
  responseHeaders: [string, string][];
  responseBody: string;
  findings: Finding[];
  fault: FaultHit | null;
  delivery: "pending" | "sent" | "aborted" | "client_gone";
  protocol: string;
};

/** an exchange without its headers and bodies */
export type BriefExchange = {
  seq: number;
  at: number;
  kind: "session" | "event" | "downloaded" | "schema" | "preflight" | "other";
  method: string;
  path: string;
  eventType: string | null;
  sessionId: string | null;
  verdict: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken";
  outcome: "good" | "bad" | "ignored" | "faulted" | "other";
  status: number;
  playhead: number | null;
  ts: number | null;
  findings: ({
    rule: string;
    severity: "error" | "warning" | "info";
  })[];
  fault: FaultHit | null;
  delivery: "pending" | "sent" | "aborted" | "client_gone";
  parts?: {
    eventType: any;
    playhead: any;
    ts: any;
  }[];
};

/** counts by outcome; the outcomes add up to the total */
export type Summary = {
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
};

/** which exchanges are meant; all fields must hold */
export type Match = Record<string, any>;

/** whether anything was lost */
export type Verdict = {
  result: "pass" | "fail";
  failOn: "never" | "rejected" | "lost" | "warning";
  lost: number;
  counts: Record<string, number>;
  rules: string[];
  requests: Exchange[];
  findings: any[];
  message: string;
};

/** a session without its lists */
export type BriefSession = {
  id: string;
  state: string;
  phase: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  openedAt: number;
  lastEventAt: number;
  closedAt: number | null;
  downloaded: boolean;
  playhead: number;
  counts: {
    good: number;
    bad: number;
    ignored: number;
    faulted: number;
    other: number;
  };
  media: Record<string, any>;
  findings: Finding[];
  findingCounts: {
    error: number;
    warning: number;
    info: number;
  };
};

/** what Analytics would count, in the names of `mediaReporting` */
export type Report = {
  sessionId: string;
  closeReason: "open" | "ended" | "idle" | "stalled" | "expired" | "forgotten";
  sessionDetails: Record<string, any>;
  qoeDataDetails: Record<string, any>;
  states: Record<string, any>[];
  ads: Record<string, any>[];
  adBreaks: Record<string, any>[];
  chapters: Record<string, any>[];
  customMetadata: Record<string, any>;
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
  doubts: Record<string, string[]>;
  why?: Record<string, Record<string, any>[]>;
};

export type FaultRule = {
  name?: string;
  effect: {
    type: "status";
    code: number;
    body?: any;
    headers?: Record<string, string>;
  } | {
    type: "delay";
    seconds?: number;
    uniform?: number[];
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
    bytes?: number;
  } | {
    type: "malformed";
  } | {
    type: "drip";
    bytesPerSecond: number;
  } | {
    type: "hang";
    seconds?: number;
  } | {
    type: "expire_session";
    every?: boolean;
  } | {
    type: "forget_session";
    every?: boolean;
  } | {
    type: "drop_header";
    name: string;
  } | {
    type: "set_header";
    name: string;
    value: string;
  } | {
    type: "rate_limit";
    perSecond: number;
    code?: number;
    retryAfter?: number | null;
  } | "reset" | "close" | "truncate" | "malformed" | "hang" | "expire_session" | "forget_session";
  match?: Match;
  side?: "before" | "after";
  skip?: number;
  times?: number | null;
  probability?: number;
  per?: "all" | "session";
  forSeconds?: number | null;
  hits?: number;
  matched?: number;
  active?: boolean;
};

/** a named set of faults */
export type Preset = {
  name: string;
  about: string;
  faults: FaultRule[];
};

/** what the words of the other shapes mean */
export type Vocabulary = {
  rules: Record<string, {
    about: string;
    source: string;
    ignores: boolean;
  }>;
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
  events: ("sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate")[];
};
