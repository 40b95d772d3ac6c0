// A player that tracks what it plays by Adobe's Web SDK, in each of the four ways that the SDK has. The tests tell it what is played.

/** What became of each call to the SDK: `[event, null]`, or `[event, message]` where its promise was rejected. */
const told = [];

/** What is on the screen: a position, from when on it moves, and the quality. */
const playing = { position: 0, since: null, qoeDataDetails: undefined };
const PING = 10_000;

function playhead() {
  return playing.position + (playing.since === null ? 0 : (Date.now() - playing.since) / 1000);
}

function getPlayerDetails() {
  const { qoeDataDetails } = playing;
  return { playhead: playhead(), ...(qoeDataDetails && { qoeDataDetails }) };
}

function note(event, promise) {
  const row = [event, "no answer"];
  told.push(row);
  return promise.then(
    (result) => ((row[1] = null), result),
    (error) => void (row[1] = error.message),
  );
}

const WAYS = {
  /** The SDK keeps the session id, asks for the playhead, and pings by itself. */
  playerId: {
    start(mediaCollection) {
      return note("sessionStart", alloy("createMediaSession", { playerId: "player-1", getPlayerDetails, xdm: { mediaCollection } }));
    },
    send(event, mediaCollection) {
      return note(event, alloy("sendMediaEvent", { playerId: "player-1", xdm: { eventType: `media.${event}`, mediaCollection } }));
    },
  },

  /** The page keeps the session id, puts in the playhead, and pings. */
  byHand: {
    async start(mediaCollection) {
      const xdm = { mediaCollection: withPlayhead(mediaCollection) };
      const result = await note("sessionStart", alloy("createMediaSession", { xdm }));
      this.sessionID = result?.sessionId;
      this.pings = setInterval(() => this.send("ping", {}), PING);
    },
    send(event, mediaCollection) {
      if (isEnd(event)) clearInterval(this.pings);
      const xdm = { eventType: `media.${event}`, mediaCollection: withPlayhead(mediaCollection, this.sessionID) };
      return note(event, alloy("sendMediaEvent", { xdm }));
    },
  },

  /** All through /v1/interact; only a monitor sees the session id. The page pings. */
  sendEvent: {
    start(mediaCollection) {
      window.__alloyMonitors = [{ onNetworkResponse: ({ parsedBody }) => (this.sessionID ??= newSession(parsedBody)) }];
      const named = { ...mediaCollection, sessionDetails: { ...PLAYER, ...mediaCollection.sessionDetails } };
      this.pings = setInterval(() => this.send("ping", {}), PING);
      return this.send("sessionStart", named);
    },
    send(event, mediaCollection) {
      if (isEnd(event)) clearInterval(this.pings);
      const named = { ...mediaCollection };
      if (named.advertisingDetails) named.advertisingDetails = { playerName: PLAYER.playerName, ...named.advertisingDetails };
      const xdm = { eventType: `media.${event}`, mediaCollection: withPlayhead(named, this.sessionID) };
      return note(event, alloy("sendEvent", { xdm }));
    },
  },

  /** The interface of the Media SDK for JavaScript 3, which the Web SDK carries on. */
  bridge: {
    async start({ sessionDetails: { friendlyName, name, length, contentType, streamType }, customMetadata }) {
      const media = (this.media = await alloy("getMediaAnalyticsTracker", {}));
      this.tracker = media.getInstance();
      setInterval(() => this.tracker.updatePlayhead(playhead()), 250);
      this.tracker.updatePlayhead(playhead());
      const object = media.createMediaObject(friendlyName, name, length, contentType, streamType);
      await note("sessionStart", this.tracker.trackSessionStart(object, asContext(customMetadata)));
    },
    send(event, details) {
      this.tracker.updatePlayhead(playhead());
      if (details.qoeDataDetails) {
        const { bitrate, timeToStart, framesPerSecond, droppedFrames } = details.qoeDataDetails;
        this.tracker.updateQoEObject(this.media.createQoEObject(bitrate, timeToStart, framesPerSecond, droppedFrames));
      }
      return note(event, this.track(event, details));
    },
    /** What a media object of an ad has no place for goes beside it, by keys of its own. */
    aboutAd({ advertiser, campaignID, creativeID, placementID, siteID, creativeURL }) {
      const { Advertiser, CampaignId, CreativeId, PlacementId, SiteId, CreativeUrl } = this.media.AdMetadataKeys;
      const known = [
        [Advertiser, advertiser], [CampaignId, campaignID], [CreativeId, creativeID],
        [PlacementId, placementID], [SiteId, siteID], [CreativeUrl, creativeURL],
      ];
      return Object.fromEntries(known.filter(([, value]) => value !== undefined));
    },
    track(event, details) {
      const { media, tracker } = this;
      const { advertisingPodDetails: pod, advertisingDetails: ad, chapterDetails: chapter, customMetadata } = details;
      if (event === "play") return tracker.trackPlay();
      if (event === "pauseStart") return tracker.trackPause();
      if (event === "error") return tracker.trackError(details.errorDetails.name);
      if (event === "sessionComplete") return tracker.trackComplete();
      if (event === "sessionEnd") return tracker.trackSessionEnd();
      if (event === "statesUpdate") {
        const [state, kind] = details.statesStart ? [details.statesStart[0], "stateStart"] : [details.statesEnd[0], "stateEnd"];
        return tracker.trackEvent(kind, media.createStateObject(state.name));
      }
      if (pod) return tracker.trackEvent(event, media.createAdBreakObject(pod.friendlyName, pod.index, pod.offset));
      if (ad) {
        const object = media.createAdObject(ad.friendlyName, ad.name, ad.podPosition, ad.length);
        return tracker.trackEvent(event, object, { ...this.aboutAd(ad), ...asContext(customMetadata) });
      }
      if (chapter) {
        const object = media.createChapterObject(chapter.friendlyName, chapter.index, chapter.length, chapter.offset);
        return tracker.trackEvent(event, object, asContext(customMetadata));
      }
      return tracker.trackEvent(event);
    },
  },
};

function withPlayhead(mediaCollection, sessionID) {
  const { qoeDataDetails } = playing;
  const quality = qoeDataDetails && { qoeDataDetails };
  return { ...mediaCollection, ...quality, playhead: Math.floor(playhead()), ...(sessionID && { sessionID }) };
}

const isEnd = (event) => event === "sessionComplete" || event === "sessionEnd";

function newSession(body) {
  return body?.handle?.find(({ type }) => type === "media-analytics:new-session")?.payload[0].sessionId;
}

const asContext = (metadata = []) => Object.fromEntries(metadata.map(({ name, value }) => [name, value]));

/** What lets the content move, and what stops it; anything else changes nothing. */
const MOVES = { play: true, pauseStart: false, bufferStart: false, adBreakStart: false, sessionComplete: false, sessionEnd: false };

/** One step of a story; the promise of the SDK is not waited for, as no player does. */
function tell(way, event, position, details) {
  const moves = MOVES[event] ?? playing.since !== null;
  Object.assign(playing, { position, since: moves ? Date.now() : null });
  if (details.qoeDataDetails) playing.qoeDataDetails = details.qoeDataDetails;
  void (event === "sessionStart" ? WAYS[way].start(details) : WAYS[way].send(event, details));
}
