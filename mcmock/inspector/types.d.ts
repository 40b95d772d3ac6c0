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

/** a page of the log */
export type Exchanges = {
  requests: (Exchange | BriefExchange)[];
  matched: number;
  evicted: number;
  next: number | null;
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

/** the default scope, then the named ones */
export type Scopes = {
  scopes: {
    name: string;
    idle: number;
    summary?: Summary;
  }[];
};

/** which exchanges are meant; all fields must hold */
export type Match = {
  kind?: "session" | "event" | "downloaded" | "schema" | "preflight" | "other" | ("session" | "event" | "downloaded" | "schema" | "preflight" | "other")[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  event?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  session?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  scope?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  outcome?: "good" | "bad" | "ignored" | "faulted" | "other" | ("good" | "bad" | "ignored" | "faulted" | "other")[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  verdict?: "created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken" | ("created" | "accepted" | "malformed" | "unknown" | "gone" | "no_route" | "faulted" | "broken")[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  status?: number | number[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  path?: string | string[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  playhead?: number | number[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
  params?: Record<string, any | any[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  qoe?: Record<string, any | any[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  metadata?: Record<string, any | any[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  }>;
  rule?: "not-json" | "not-an-object" | "wrong-event" | "wrong-endpoint" | "missing-key" | "unknown-key" | "wrong-type" | "wrong-value" | "qoe-without-prefix" | "qoe-in-params" | "params-on-ping" | "empty-params-on-ping" | "duplicate-key" | "body-too-large" | "body-incomplete" | "body-encoded" | "broken" | "head-too-large" | "store-away" | "scope-refused" | "not-http" | "pod-friendly-name-in-ad-start" | "error-id-in-params" | "error-without-id" | "error-source-unknown" | "integral-float" | "fractional-quality" | "location-hint-null" | "length-null" | "downloaded-flag-false" | "downloaded-flag-live" | "downloaded-flag-missing" | "array-on-sessions" | "downloaded-order" | "metadata-on-wrong-event" | "empty-metadata-on-wrong-event" | "reserved-metadata-prefix" | "states-update" | "state-name-spelling" | "pod-position-base" | "pod-index-base" | "pod-second-differs" | "bitrate-in-bits" | "stream-type-missing" | "length-not-positive" | "media-id-empty" | "ad-id-empty" | "placeholder" | "placeholder-in-metadata" | "required-value-empty" | "visitor-id-empty" | "value-empty" | "org-id-form" | "tracking-server-form" | "report-suite-form" | "visitor-id-form" | "type-misspelt" | "type-not-documented" | "stream-type-differs" | "date-form" | "show-type-unknown" | "day-part-form" | "content-type" | "trailing-slash" | "ad-outside-break" | "ad-close-without-start" | "ad-not-closed" | "ad-break-not-closed" | "ad-break-nested" | "ad-break-close-without-start" | "ad-break-without-ads" | "gap-between-ads" | "playback-before-ad" | "chapter-overlap" | "chapter-close-without-start" | "chapter-not-closed" | "state-already-open" | "state-not-open" | "too-many-states" | "equal-timestamps" | "timestamp-backwards" | "late-event" | "playhead-past-end" | "playhead-moved-in-ad" | "playhead-moved-in-pause" | "playhead-off-clock" | "ping-gap" | "ping-gap-in-ad" | "play-after-complete" | "event-after-end" | "duplicate-event" | "session-not-ended" | "session-never-played" | "two-sessions-for-one-view" | "event-of-another-session" | "plan-missing" | "plan-value" | "plan-unexpected" | ("not-json" | "not-an-object" | "wrong-event" | "wrong-endpoint" | "missing-key" | "unknown-key" | "wrong-type" | "wrong-value" | "qoe-without-prefix" | "qoe-in-params" | "params-on-ping" | "empty-params-on-ping" | "duplicate-key" | "body-too-large" | "body-incomplete" | "body-encoded" | "broken" | "head-too-large" | "store-away" | "scope-refused" | "not-http" | "pod-friendly-name-in-ad-start" | "error-id-in-params" | "error-without-id" | "error-source-unknown" | "integral-float" | "fractional-quality" | "location-hint-null" | "length-null" | "downloaded-flag-false" | "downloaded-flag-live" | "downloaded-flag-missing" | "array-on-sessions" | "downloaded-order" | "metadata-on-wrong-event" | "empty-metadata-on-wrong-event" | "reserved-metadata-prefix" | "states-update" | "state-name-spelling" | "pod-position-base" | "pod-index-base" | "pod-second-differs" | "bitrate-in-bits" | "stream-type-missing" | "length-not-positive" | "media-id-empty" | "ad-id-empty" | "placeholder" | "placeholder-in-metadata" | "required-value-empty" | "visitor-id-empty" | "value-empty" | "org-id-form" | "tracking-server-form" | "report-suite-form" | "visitor-id-form" | "type-misspelt" | "type-not-documented" | "stream-type-differs" | "date-form" | "show-type-unknown" | "day-part-form" | "content-type" | "trailing-slash" | "ad-outside-break" | "ad-close-without-start" | "ad-not-closed" | "ad-break-not-closed" | "ad-break-nested" | "ad-break-close-without-start" | "ad-break-without-ads" | "gap-between-ads" | "playback-before-ad" | "chapter-overlap" | "chapter-close-without-start" | "chapter-not-closed" | "state-already-open" | "state-not-open" | "too-many-states" | "equal-timestamps" | "timestamp-backwards" | "late-event" | "playhead-past-end" | "playhead-moved-in-ad" | "playhead-moved-in-pause" | "playhead-off-clock" | "ping-gap" | "ping-gap-in-ad" | "play-after-complete" | "event-after-end" | "duplicate-event" | "session-not-ended" | "session-never-played" | "two-sessions-for-one-view" | "event-of-another-session" | "plan-missing" | "plan-value" | "plan-unexpected")[] | {
    min?: number;
    max?: number;
    matches?: string;
    exists?: boolean;
  };
};

/** answered as soon as so many have come, or after so many seconds */
export type Wait = {
  match?: Match | null;
  count?: number;
  timeout?: number;
};

/** what must be so: how many exchanges match (at least one unless told otherwise), or in which order events stand */
export type Check = {
  match?: Match | null;
  count?: number | null;
  atLeast?: number | null;
  atMost?: number | null;
  within?: number | null;
  sequence?: (string | Match)[] | null;
  gaps?: boolean;
  allowNoSessions?: boolean;
};

/** whether it was so */
export type Verification = {
  result: "pass" | "fail" | "inconclusive";
  expected: Record<string, any>;
  matched: number;
  requests: Exchange[];
  nearest: Miss[];
  message: string;
};

/** a request that nearly matched */
export type Miss = {
  request: Exchange;
  differences: {
    field: string;
    wanted: any;
    got: any;
  }[];
};

/** a session as it stands */
export type Session = {
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
  events: string[];
  findings: Finding[];
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

export type SessionInfo = Session | BriefSession;

/** every session, oldest first */
export type Sessions = {
  sessions: SessionInfo[];
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

/** the rules in force, in the order they are tried */
export type Faults = {
  faults: FaultRule[];
};

/** a named set of faults */
export type Preset = {
  name: string;
  about: string;
  faults: FaultRule[];
};

/** every preset */
export type Presets = {
  presets: Preset[];
};

/** a JSON Schema */
export type JsonSchema = Record<string, any>;

/** what became of each request that a fault met */
export type Losses = {
  faulted: number;
  retried: number;
  moved: number;
  duplicated: number;
  counted: number;
  lost: number;
  evicted: number;
  requests: Loss[];
};

/** a request that a fault met */
export type Loss = {
  seq: number;
  fault: FaultHit;
  sessionId: string | null;
  eventType: string | null;
  ts: number | null;
  fate: "retried" | "moved" | "duplicated" | "counted" | "lost";
  other: number | null;
};

/** what each content type must send */
export type Plan = {
  name?: string;
  all?: PlanSection;
  content?: Record<string, PlanSection>;
};

export type PlanSection = {
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
};

export type PlanRow = "required" | "optional" | "forbidden" | (string | number | boolean)[] | {
  presence?: "required" | "optional" | "forbidden";
  values?: (string | number | boolean)[];
  matches?: string;
  type?: "string" | "integer" | "number" | "boolean" | "object";
  example?: any;
  about?: string;
};

export type PlanEvent = "sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate" | ("sessionStart" | "sessionComplete" | "sessionEnd" | "play" | "ping" | "pauseStart" | "bufferStart" | "bitrateChange" | "error" | "adBreakStart" | "adBreakComplete" | "adStart" | "adComplete" | "adSkip" | "chapterStart" | "chapterComplete" | "chapterSkip" | "stateStart" | "stateEnd" | "statesUpdate")[];

export type PlanOccurrence = PlanEvent | {
  event: PlanEvent;
  playhead?: any;
  params?: Record<string, any>;
  qoe?: Record<string, any>;
  metadata?: Record<string, any>;
  when?: PlanEvent;
  before?: PlanEvent;
  atLeast?: number;
  atMost?: number;
  name?: string;
  about?: string;
};

/** the tracking plan that sessions are judged by */
export type PlanInForce = {
  plan: Plan | null;
};

/** each item of the plan, and how much the sessions exercised it */
export type PlanCoverage = {
  items: PlanItem[];
  exercised: number;
  total: number;
};

/** a row of the plan, an event that must occur, or a cadence of pings */
export type PlanItem = {
  kind: "row" | "event" | "cadence";
  content: string | null;
  event: string | null;
  key: string;
  presence: "required" | "optional" | "forbidden" | null;
  judged: number;
  failed: number;
  unseen: any[];
};

/** the emulator's time */
export type Clock = {
  now: number;
  frozen: boolean;
};

/** how far to move the clock */
export type Advance = {
  seconds: number;
};

/** the server answers */
export type Health = {
  status: "ok";
  version: string;
};

/** done */
export type Empty = Record<string, any>;

/** why not */
export type Error = {
  error: {
    code: string;
    message: string;
  };
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

/** an OpenAPI 3.1 document: this one */
export type OpenApi = Record<string, any>;

/** the API's one error body */
export type ApiError = {
  message: string;
};
