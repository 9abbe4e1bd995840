// How long this phone waits, and how often it tries, with the unit last in each name; as mesh/node/timing.py has it.
//
// It holds numbers only; what is a size or a count and no time is in limits.ts.

// The link. Pings and hellos as between all devices; the rest was measured in two browsers.
export const PING_INTERVAL_MS = 5_000;
export const PINGS_MISSED_MAX = 2;
export const HELLO_INTERVAL_MS = 5_000;
export const HELLO_TIMEOUT_MS = 2_000;
export const HELLOS_MISSED_MAX = 2;
export const PROBE_TIMEOUT_MS = 2_500; // by fetch: a browser throttles sockets that failed, and no fetch
export const DIAL_TIMEOUT_MS = 8_000; // of the socket, once something answered the probe
export const FLUSH_TIMEOUT_MS = 2_000; // a link that looks alive after a sleep, and does not answer by then, is dead
export const ROOM_AGAIN_MS = 20; // between looks whether a socket has sent enough to be given more: none tells of it
export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_SEEN_MS_MAX = 5_000; // while somebody looks at the page
export const BACKOFF_HIDDEN_MS_MAX = 15_000;
export const BACKOFF_SPREAD = 0.5; // +/- share, so that many phones do not come at once
export const REFUSED_AGAIN_MS = 300_000; // between tries of a phone that is no member: it may have been let in again

// Talk
export const COMPARE_INTERVAL_MS = 30_000;
export const ASK_TIMEOUT_MS = 20_000;
export const AGAIN_MS = 300;
export const WHO_AGAIN_MS = 2_000; // between tries to learn who is at the door
export const NEWS_DELAY_MS = 100;
export const RECEIPT_CALM_MS = 100;
export const RECEIPT_TURN_MS = 500;
export const RECEIPT_AGAIN_MS = 25_000;
export const COMPARE_SERVED_MS = 20_000; // between looks that the node may ask of this phone: each may read a document
export const ALARMS_SHOWN_MAX = 20;

// A wake
export const WAKE_MS = 25_000; // what a platform leaves an app that was brought to the front for a moment

// Drops
export const CHUNKS_TIMEOUT_MS = 50_000;

// The page
export const WARM_MS = 1_000; // after the start, until machine code is warmed up: lists come first
export const NEWS_CALM_MS = 50; // news for the page that come together are told together

// Coming in
export const LETTING_IN_MS_MAX = 600_000; // as long as a code is good for
export const LETTING_IN_ASK_MS = 40_000; // one question: the node holds it for 25 s until there is an answer
export const LETTING_IN_AGAIN_MS = 1_000;
// Work
export const LEASE_PERSON_MS = 604_800_000; // of a person's claim: people do not renew
export const HANDOFF_FRESH_MS = 86_400_000; // who picks up an older one is warned: what it says may be true no more
export const LOST_TOLD_MS = 604_800_000; // a claim that was lost is told of for so long after its lease was over

// Rules
export const RULES_FIRST_MS = 5_000; // after the start: others may have settled it meanwhile, and tell so at once
export const RULES_PATIENCE_MS = 20_000; // for the device that wrote what goes; then any other one says it
export const RULES_SPREAD_MS = 20_000; // so that seldom two do the same

// What was forgotten
export const FORGET_FIRST_MS = 5_000; // after the start: lists come first
export const FORGET_GRACE_MS = 604_800_000; // a week in which a forget can be taken back, and nothing is lost by it
export const FORGET_LOOK_MS = 3_600_000; // how often it is looked for what is to be erased

// The brief
export const BRIEF_BACK_MS = 604_800_000; // at most so far
export const BRIEF_AGAIN_MS = 1_800_000; // a brief that is read again so soon is the same one
