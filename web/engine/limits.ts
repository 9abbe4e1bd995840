// The bounds of mesh/limits.py that this engine meets, by the same names; a test holds the values to those in Python.
//
// What peers share may only change with the protocol's version. No code outside this module invents a bound.

export const KIB = 1024;
export const MIB = 1024 * KIB;

// Sizes of names
export const DIGEST_BYTES = 32;
export const SHORT_BYTES = 16;
export const DOCUMENT_NAME_BYTES = 16;
export const WORD_CHARACTERS_MAX = 32;
export const DEVICE_NAME_BYTES_MAX = 64;
export const AGENT_NAME_BYTES_MAX = 64;
export const KEY_BYTES = 32;
export const BROWSER_KEY_BYTES = 65;
export const SIGNATURE_BYTES = 64;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const SALT_BYTES = 16;

// What people see
export const ECHO_CHARACTERS_MAX = 80;
export const SHOWN_CHARACTERS_MAX = 1000;

// Events
export const LAMPORT_STEP_MAX = 2 ** 24;
export const SEQ_MAX = 2 ** 53 - 1;
export const HEADER_BYTES_MAX = 4 * KIB;
export const BODY_BYTES_MAX = 128 * KIB;
export const BODY_PLAIN_BYTES_MAX = 120 * KIB;
export const CBOR_DEPTH_MAX = 8;
export const EXTENSIONS_MAX = 16;
export const HEADER_PADDING_BYTES = 16;
export const CONFLICT_NAME_BYTES = 16;
export const SETTLED_PRINTS_MAX = 4096;

// Conflicts, and what lists show of them
export const DIFF_LINES_MAX = 4 * KIB;
export const PATH_BYTES_MAX = KIB;
export const CONFLICT_SIDES_KEPT = 16;
export const CONFLICT_PAGE_CHARACTERS = 512 * KIB;
export const CONFLICT_AROUND_CHARACTERS = 60;
export const CONFLICT_SIDE_CHARACTERS = 240;
export const WORD_SHOWN_CHARACTERS = 40;
export const LIST_MAX = 1000;

// Documents
export const TEXT_BYTES_MAX = 64 * KIB;
export const TITLE_BYTES_MAX = 4 * KIB;
export const REGISTER_KEY_BYTES_MAX = 128;
export const WORD_REGISTER_BYTES_MAX = 256;
export const LIST_REGISTER_BYTES_MAX = 32 * KIB;
export const TAG_BYTES_MAX = 64;
export const CHANGE_OPERATIONS_MAX = 65_536;
export const CHANGE_BYTES_MAX = 1 * MIB;
export const SNAPSHOT_BYTES_MAX = 256 * MIB;
export const CHANGES_KEPT_READ = 256;

// Signed runs and pages
export const SIGNED_RUN_EVENTS_MAX = 1024;
export const SIGNED_RUN_BYTES_MAX = 192 * KIB;
export const LIVE_PUSH_BYTES_MAX = 64 * KIB;
export const PUSH_BYTES_MAX = 512 * KIB;

// Authority
export const RANK_RECOVERY = 0;
export const RANK_ADMIN_LAST = 9;
export const RANK_FORGET_LAST = 1;
export const RANK_MEMBER = 10;
export const RANK_RELAY = 200;
export const RANK_MAX = 255;
export const GRANT_WORDS_MAX = 64;
export const REKEY_WRAPS_MAX = 256;
export const REASON_BYTES_MAX = 64;
export const MARKS_MAX = 1024;
export const ADOPTED_MAX = 1024;

// Talk
export const HAVE_CHAINS_MAX = 4096;
export const CHAIN_HEADS_MAX = 16;
export const TRAIL_HEADS_MAX = 64;
export const WANT_SPANS_MAX = 64;
export const BODY_AGAIN_TICKS_MAX = 16;
export const WANT_BODIES_MAX = 256;
export const RECEIPT_BYTES_MAX = 512;
export const COMPARE_BYTES_MAX = 512 * KIB;
export const COMPARE_BRANCHES = 16;
export const COMPARE_NODES = 256;
export const COMPARE_PRINT_BYTES = 8;
export const COMPARE_KEY_BYTES = 16;
export const COMPARE_LEAVES_MAX = 4096;
export const COMPARE_EVENTS_MAX = 61_440;
export const ACT_STATEMENTS_MAX = 64;
export const CONTROL_BYTES_MAX = 16 * MIB;
export const INCOMING_QUEUED_PER_PEER_MAX = 32;
export const MEETING_TIPS_MAX = 1024;
export const PRESENCE_MAX = 32;
export const PRESENCE_BYTES_MAX = 64 * KIB;

// Records
export const JSON_DEPTH_MAX = 64;
export const LEASE_OVER_MAX = 16;
export const ASK_OPTIONS_MAX = 16;
export const ASK_WORDS_CHARACTERS_MAX = 4000;
export const TAGS_MAX = 64;
export const RULINGS_AT_ONCE_MAX = 64;
export const REMAINING_MAX = 100;
export const TASKS_READ_MAX = 10_000;
export const BRIEF_SHOWN_MAX = 50;
export const BRIEF_NOTES_READ_MAX = 500;
export const BRIEF_LATE_ROWS_MAX = 5000;
export const BRIEF_MARKS_MAX = 16;
export const SEARCH_EXCERPT_CHARACTERS = 160;

// Drops
export const CHUNK_BYTES_MAX = 256 * KIB;
export const CHUNK_ROW_BYTES = 36;
export const DROP_BYTES_MAX = 64 * 1024 * MIB;
export const DROP_PIECES_MAX = 1024;

// Letting in
export const ADMISSION_BYTES_MAX = 4 * MIB;
export const REQUEST_BYTES_MAX = 4 * KIB;
export const ADDRESSES_PER_PEER_MAX = 8;
export const ADDRESS_BYTES_MAX = 260;
export const KEYS_CACHED_MAX = 256;
export const DOOR_TOKEN_BYTES = 16;
export const DOOR_DIGITS = 6;
export const QUESTION_BYTES = 32;

// Dropped files
export const PAGE_BYTES_MAX = 256 * KIB;
export const CHUNKS_ASKED_MAX = 64;

// What waits on a phone
export const OUTBOX_BYTES_MAX = 4 * MIB;
export const UNSENT_BYTES_MAX = 1 * MIB;
export const UNSENT_LINES_BYTES_MAX = 32 * KIB;
export const WAITING_READ_MAX = 1024;
// Store
export const ROWS_READ_MAX = 1000;
export const NOTES_LISTED_MAX = 1000;
export const MATCHES_MAX = 16;
export const SEARCH_WORDS_MAX = 32;
export const SEARCH_CHARACTERS_MAX = 1000;
export const BODIES_MISSING_MAX = 4096;
export const EVENT_OVERHEAD_BYTES = 16;
export const BUCKETS_UNSAVED_MAX = 512;
export const WORKING_SET_BYTES_MAX = 64 * MIB;
export const WORKING_SET_DOCUMENTS_MAX = 20_000;

// Engine
export const INPUTS_QUEUED_MAX = 1024;
export const COMMIT_INPUTS_MAX = 256;
export const COMMIT_STANDINGS_MAX = 10_000;
export const SNAPSHOT_CHANGES = 64;
export const DOCUMENTS_CACHED_MAX = 64;
export const DOCUMENTS_CACHED_LETTERS_MAX = 128 * KIB;
export const DISPUTED_MAX = 4096;
