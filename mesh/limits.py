"""Every bound of the system, with its unit and its reason.

A bound that a peer must share (marked PROTOCOL) may only change with the protocol's version. No code outside
this module invents a bound.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

# Sizes of names
DIGEST_BYTES = 32  # PROTOCOL: SHA-256
SHORT_BYTES = 16  # PROTOCOL: how a header names an epoch or a grant
DOCUMENT_NAME_BYTES = 16  # PROTOCOL: of a document's birth
WORD_CHARACTERS_MAX = 32  # PROTOCOL: a space, a type, a kind
DEVICE_NAME_BYTES_MAX = 64  # PROTOCOL: UTF-8, as in most systems' host names
AGENT_NAME_BYTES_MAX = 64  # PROTOCOL: UTF-8, as a device's name
KEY_BYTES = 32  # PROTOCOL: Ed25519, X25519, AES-256
BROWSER_KEY_BYTES = 65  # PROTOCOL: an uncompressed point of P-256, the wrapping key of a device in a browser
SIGNATURE_BYTES = 64  # PROTOCOL: Ed25519
NONCE_BYTES = 12  # PROTOCOL: AES-GCM
TAG_BYTES = 16  # PROTOCOL: AES-GCM
SALT_BYTES = 16  # PROTOCOL: openings and births

# What people see
ECHO_CHARACTERS_MAX = 80  # of a wrong input, in the sentence that refuses it
SHOWN_CHARACTERS_MAX = 1000  # of a foreign text, printed

# Events
LAMPORT_STEP_MAX = 2**24  # PROTOCOL: 2^53 / 2^24 hostile steps stay inside a JavaScript number
SEQ_MAX = 2**53 - 1  # PROTOCOL: the largest whole number of a phone
HEADER_BYTES_MAX = 4 * KIB  # PROTOCOL: with room for extensions to come
BODY_BYTES_MAX = 128 * KIB  # PROTOCOL: sealed and padded; larger content goes as chunks
BODY_PLAIN_BYTES_MAX = 120 * KIB  # PROTOCOL: what fits after padding (at most 6 %) and seal
CBOR_DEPTH_MAX = 8  # PROTOCOL: no body nests deeper
EXTENSIONS_MAX = 16  # PROTOCOL: entries in a header's extension map
HEADER_PADDING_BYTES = 16  # PROTOCOL: an inner header's length is a multiple of it

# Signed runs and pages
SIGNED_RUN_EVENTS_MAX = 1024  # PROTOCOL: events that a device puts under one signature
SIGNED_RUN_BYTES_MAX = 192 * KIB  # PROTOCOL: bytes that a device puts under one signature
PAGE_BYTES_MAX = 256 * KIB  # what pages are cut to, at signatures; a run whose first signature comes later goes whole
LIVE_PUSH_BYTES_MAX = 64 * KIB  # news that travels whole; of more only the tips are told
PUSH_BYTES_MAX = 512 * KIB  # PROTOCOL: a message on the wire, below the 1 MiB of nats-server

# Authority
RANK_RECOVERY = 0  # PROTOCOL: the recovery key
RANK_FOUNDER = 1  # PROTOCOL: the first device
RANK_ADMIN_LAST = 9  # PROTOCOL: 1..9 are admins
RANK_FORGET_LAST = 1  # PROTOCOL: who may forget: the one act that no later one can repair
RANK_MEMBER = 10  # PROTOCOL: 10..199 are members
RANK_RELAY = 200  # PROTOCOL: 200 and up are relays, which get no keys
RANK_MAX = 255  # PROTOCOL: the largest rank
GRANT_WORDS_MAX = 64  # PROTOCOL: types or verbs in one grant
REKEY_WRAPS_MAX = 256  # PROTOCOL: devices that one rekey reaches
REASON_BYTES_MAX = 64  # PROTOCOL: why a device was closed, for people
MARKS_MAX = 1024  # PROTOCOL: places that one close or ungrant names, some 75 KiB
ADOPTED_MAX = 1024  # PROTOCOL: events that one adopt names; more take a second one
ACT_STATEMENTS_MAX = 64  # PROTOCOL: statements of one act that another device is asked to approve

FORK_PROOF_BYTES_MAX = 512 * KIB  # PROTOCOL: two signed stretches of headers

# Talk
HAVE_CHAINS_MAX = 4096  # PROTOCOL: chains in one lane of a Have: 20 devices restored 200 times each
CHAIN_HEADS_MAX = 16  # PROTOCOL: tips of one forked chain that a Have names
TRAIL_HEADS_MAX = 64  # PROTOCOL: known places in a chain that a Want names
WANT_SPANS_MAX = 64  # PROTOCOL: spans in one Want, runs in one Push
BODY_AGAIN_TICKS_MAX = 16  # eight minutes, before a peer that did not bring a body is asked for it again
WANT_BODIES_MAX = 256  # PROTOCOL: single bodies in one Want or Push
RECEIPT_BYTES_MAX = 512  # PROTOCOL: one receipt
QUESTION_BYTES = 32  # PROTOCOL: what a device in a browser draws to ask who is there
COMPARE_BYTES_MAX = 512 * KIB  # PROTOCOL: a message of two devices that look where they differ
COMPARE_BRANCHES = 16  # PROTOCOL: buckets under one node, as in the state digest
COMPARE_NODES = 256  # PROTOCOL: nodes of its second level
COMPARE_PRINT_BYTES = 8  # PROTOCOL: of a digest that is compared
COMPARE_KEY_BYTES = 16  # PROTOCOL: of a document's key
COMPARE_LEAVES_MAX = 4096  # PROTOCOL: documents of one bucket, which holds 12 of 50,000
COMPARE_EVENTS_MAX = 61_440  # PROTOCOL: honoured events of one document, 480 KiB
BUNDLE_HEAD_BYTES_MAX = 512 * KIB  # PROTOCOL: where up to 4,096 chains of a bundle end
CONTROL_BYTES_MAX = 16 * MIB  # control events that one mesh may hold in memory: some 50,000 statements

# Documents
TEXT_BYTES_MAX = 64 * KIB  # PROTOCOL: a longer text is a register, not a Text
TITLE_BYTES_MAX = 4 * KIB  # PROTOCOL: a note's title
PATH_BYTES_MAX = 1 * KIB  # PROTOCOL: of an imported file, from the folder that is shared
FILE_NAME_BYTES_MAX = 240  # of a file that is put down: most file systems take 255, and a number may be added
NOTE_NAME_BYTES_MAX = 250  # one part of the path of a note: most file systems take 255
REGISTER_KEY_BYTES_MAX = 128  # PROTOCOL: the name of a register
WORD_REGISTER_BYTES_MAX = 256  # PROTOCOL: a state, a name, a document, in a register of a record
LIST_REGISTER_BYTES_MAX = 32 * KIB  # PROTOCOL: a list, or another piece of JSON, in a register of a record
JSON_DEPTH_MAX = 64  # PROTOCOL: lists and maps in each other, in a register that is JSON
LEASE_OVER_MAX = 16  # PROTOCOL: claims that a new one passes over
CLAIM_CHARACTERS_MAX = 500  # of one claim of a receipt: a sentence
COMMAND_CHARACTERS_MAX = 4000  # of a command, in a trace or a claim
RECEIPT_CLAIMS_MAX = 32  # with their evidence they fit one register
RECEIPT_CHANGED_MAX = 200  # things that one receipt says were changed
RECEIPT_NOT_DONE_MAX = 64
RECEIPT_COMMANDS_MAX = 16  # commands that a draft of the machine names, the latest
EVIDENCE_TRACES_MAX = 2000  # of one session that are kept, the latest; twice as many before the rest goes
EVIDENCE_SESSIONS_MAX = 200  # sessions of which traces are kept; of more the longest silent goes
EVIDENCE_SESSIONS_CACHED = 8  # of which they are in memory
TRANSCRIPT_BYTES_MAX = 16 * MIB  # of a session's transcript that are kept: its beginning
TRANSCRIPT_LINE_BYTES_MAX = 64 * KIB  # of one line; a longer one is left out
TRANSCRIPT_STEP_BYTES = 32 * KIB  # read through at a time, about 0.2 s
TRANSCRIPTS_KEPT = 16  # of one session, the latest: one, and one more each time its tool wrote the file anew
TRANSCRIPT_SESSIONS_MAX = 100  # sessions of which it is known how far their files were read
EVIDENCE_FILE_BYTES_MAX = 16 * MIB  # of a file of which a digest is taken
RECALL_WORDS_MAX = 8  # words of a question that are looked for one by one when no text has all
MEMORY_CHARACTERS_MAX = 500  # of one memory: a fact, not an essay
MEMORY_EVIDENCE_MAX = 16  # things that a memory rests on
ASK_OPTIONS_MAX = 16  # of one question: more than a person compares
ASK_WORDS_CHARACTERS_MAX = 4000  # of an answer
PROJECT_REMOTES_MAX = 32  # remotes by which one project is known
CHECKPOINTS_KEPT = 8  # of one session, the latest
TAGS_MAX = 64
TAG_BYTES_MAX = 64  # PROTOCOL: a tag, without its prefix
DIFF_LINES_MAX = 4 * KIB  # lines, or words of changed lines, that an edit of a text is looked for in
SETTLED_PRINTS_MAX = 4096  # PROTOCOL: overlapping edits that one settlement names, 64 KiB
CONFLICT_NAME_BYTES = 16  # PROTOCOL: the name of a conflict, or of an edit that overlaps another
CHANGE_OPERATIONS_MAX = 65_536  # PROTOCOL: one Automerge change: a text of 64 KiB, letter by letter
CHANGE_BYTES_MAX = 1 * MIB  # PROTOCOL: inflated; what comes deflated may not grow beyond it
SNAPSHOT_BYTES_MAX = 256 * MIB  # our own, of one document with its whole history
SNAPSHOT_CHANGES = 64  # changes of a document after which its snapshot is renewed
CHANGES_KEPT_READ = 256  # changes of a loaded document that are kept as they were read: until they overlap
DOCUMENTS_CACHED_MAX = 64  # loaded Automerge documents
DOCUMENTS_CACHED_LETTERS_MAX = 128 * KIB  # in their texts, about half a kilobyte each; of one alone there may be more
AUDIT_WAITS_MAX = 30  # pauses that an audit waits for calm before it looks all the same

# Vault
VAULT_FILE_BYTES_MAX = 256 * KIB  # a larger file is no note and is not even read; UTF-16 takes two bytes a letter
VAULT_GROUP_NOTES = 500  # notes that one commit takes in
VAULT_GROUP_BYTES = 2 * MIB  # of all notes in it
VAULT_GROUPS_AHEAD = 2  # commits of files that are read before it is their turn
VAULT_STEP_OPERATIONS = 8 * KIB  # of a large edit of a file, that one change makes
VAULT_VERSIONS_MAX = 64  # of a note, the latest, that an unknown file is compared with
VAULT_LISTED_MAX = 100  # files that one answer names one by one
VAULT_JOURNAL_SPARE_LINES = 10_000  # of its journal that say what is not so any more, before it is written anew

# Drops
CHUNK_BYTES_MIN = 16 * KIB  # what a file is cut into at least; its last chunk may be smaller
CHUNK_BYTES_USUAL = 64 * KIB
CHUNK_BYTES_MAX = 256 * KIB  # PROTOCOL: a chunk of a file, or of the list of its chunks: one page on the wire
CHUNK_ROW_BYTES = 36  # PROTOCOL: of one chunk in that list: digest and length
CHUNKS_ASKED_MAX = 64  # PROTOCOL: chunks in one question
DROP_BYTES_MAX = 64 * 1024 * MIB  # PROTOCOL: a file that is dropped
DROP_PIECES_MAX = 1024  # PROTOCOL: pieces of the list of a file's chunks; 64 GiB in chunks of 16 KiB take 577
DROP_UNASKED_BYTES_MAX = 64 * MIB  # a file for everybody that each device fetches without being asked
DROP_PAGES_MIN = 2  # pages that one device is asked for at once: what a cut line loses
DROP_PAGES_MAX = 8  # the same over a line with a long way
DROPS_AT_ONCE_MAX = 4  # that are fetched; the last place is for what is smaller than all others
DROP_FILES_MAX = 100  # files in one command
CUT_STEP_BYTES = 8 * MIB  # of a file that are cut, kept or put together before others get their turn

# Confirmations
PASSPHRASE_CHARACTERS_MIN = 8  # of a home: guesses are few, and each costs 0.1 s
PASSPHRASE_BYTES_MAX = 1 * KIB
PASSPHRASE_TRIES_MAX = 3  # wrong ones in a row, then a pause
APPROVALS_OPEN_MAX = 16  # questions of one device that wait for an answer
WORDS_CHARACTERS_MAX = 400  # of a question, in the words of the device that asks
EVENTS_NAMED_MAX = 100  # void events that one answer names one by one
DISCARDED_MAX = 4096  # groups of void events that a person has seen
STATEMENTS_SHOWN_MAX = 200  # statements that one answer names one by one

# Node
PRESENCE_MAX = 32  # PROTOCOL: sessions at work on one device that it tells of
PRESENCE_BYTES_MAX = 64 * KIB  # PROTOCOL: of what it tells of them
NOTIFIED_KEPT_MAX = 1000  # things of which is kept that a notification told of them
PROJECTION_TOKENS = 6000  # of a brief that is written as a file
MEMORY_LINES_MAX = 200  # of a file of memories: agents read it whole
BRIEF_MARKS_MAX = 16  # briefs of which is kept when they were shown
BRIEF_TOKENS_DEFAULT = 1500  # of a brief for an agent, at four characters each
BRIEF_TOKENS_MAX = 20_000
BRIEF_TOKENS_MIN = 200  # for the goal, twice, and what it is about
BRIEF_SHOWN_MAX = 50  # entries of one kind in one brief
BRIEF_NOTES_READ_MAX = 500  # of the latest notes, that one brief looks through
BRIEF_LATE_ROWS_MAX = 5000  # events that came since the last brief, that one looks through
GIT_OUTPUT_BYTES_MAX = 1 * MIB  # what one question to git may answer
KEYS_CACHED_MAX = 256  # public keys that are ready to verify with
INPUTS_QUEUED_MAX = 1024  # inputs that wait for the agent; writers wait when it is full
COMMIT_INPUTS_MAX = 256  # inputs that share one commit
COMMIT_STANDINGS_MAX = 10_000  # events of which one commit says anew what they count for: some 0.2 s
LOG_FILE_BYTES_MAX = 4 * MIB
LOG_FILES_MAX = 3
ADMISSION_BYTES_MAX = 4 * MIB  # PROTOCOL: a printed admission with all control events
REQUEST_BYTES_MAX = 4 * KIB  # PROTOCOL: a printed request
CALL_BYTES_MAX = 1 * MIB  # one call on the local socket
MEETING_TIPS_MAX = 1024  # tips of a device in each lane that are kept for when it is away, some 80 KiB
PEERS_MAX = 64  # devices linked at once
ADDRESSES_PER_PEER_MAX = 8  # PROTOCOL: addresses of one device, newest first

# Transport
REQUESTS_IN_FLIGHT_PER_PEER_MAX = 16  # what we ask one device at once: as many pages as a slow line takes
INCOMING_QUEUED_PER_PEER_MAX = 32  # what one device asks us and waits: 16 MiB at most
INCOMING_AT_ONCE_PER_PEER_MAX = 4  # of those under way at once: two devices that ask each other never stand still
GUEST_QUEUED_MAX = 8  # requests of guests that wait
ALARMS_PER_S_MAX = 5  # that are logged; of more the next one says how many there were
GUEST_REQUESTS_PER_S_MAX = 20  # all guests together; a control exchange takes a handful
GUEST_CONNECTIONS_MAX = 8  # at our server, all guests together
GUEST_CONNECTIONS_PER_SOURCE_MAX = 4  # of those from one address; with more, the oldest of them goes
SERVER_CONNECTIONS_MAX = 192  # PEERS_MAX, twice while links are redialled, own and guests
FORWARDED_CONNECTIONS_MAX = 128  # through further listen addresses
SERVER_PAYLOAD_BYTES_MAX = 1 * MIB  # a message at nats-server: PUSH_BYTES_MAX and room
SERVER_PENDING_BYTES_MAX = 16 * MIB  # what waits for one slow reader; the default of 64 MiB cost 104 MB
SERVER_CONTROL_LINE_BYTES_MAX = 1 * KIB
INFO_BYTES_MAX = 4 * KIB  # a nats-server's greeting
ADDRESS_BYTES_MAX = 260  # PROTOCOL: a host name has at most 253
CERTIFICATES_CACHED_MAX = 128  # leaf certificates, about 1 KiB each
FORKS_SHOWN_MAX = 100  # forks in one answer, and of which is looked whether somebody acknowledged them
FAULTS_SHOWN_MAX = 100  # faults that one verification names
WHY_CAUSES_MAX = 64  # causes in one answer, the worst
WHY_EVIDENCE_MAX = 8  # pieces of evidence for one cause
WHY_ROWS_MAX = 5000  # events of a document that one answer looks at, the latest; of a device LIST_MAX
EPOCHS_SHOWN_MAX = 16  # epochs without a key that `mesh status` names, the latest
CONFLICT_SIDES_KEPT = 16  # sides of a conflict that lists show; the others are counted
CONFLICT_PAGE_CHARACTERS = 512 * KIB  # of all values in one answer, which JSON may make twelve times as long
CONFLICT_AROUND_CHARACTERS = 60  # of the text before and after a region that is in conflict
WORD_SHOWN_CHARACTERS = 40  # of a word that a region of a text cuts; in scripts without spaces it may cut one
CONFLICT_SIDE_CHARACTERS = 240  # characters of a side that lists show
SUMMARY_CHARACTERS_MAX = 240  # of a line that says what an event does
SUMMARY_VALUE_CHARACTERS = 60  # of a value in it
SUMMARY_PARTS_MAX = 8  # effects that it names
DISPUTED_MAX = 4096  # documents with a new conflict that may settle itself; of more a start finds the rest
RULINGS_AT_ONCE_MAX = 64  # conflicts of one document that settle themselves, before others get their turn
LIST_MAX = 1000  # rows in one answer of a call; more come with `after`
STRANGE_ADDRESSES_MAX = 16  # typed addresses that are looked at
INTERFACES_MAX = 32  # network cards and address families on which devices are looked for
ANNOUNCEMENTS_KEPT_MAX = 256  # announcements of others that are in sight at once
ANNOUNCEMENTS_PER_PACKET_MAX = 16  # of others, that one packet may bring
TAG_NONCE_BYTES = 8  # PROTOCOL: of a device's announcement
TAG_SHOWN_BYTES = 8  # PROTOCOL: of its tag: enough for a hint
TAGS_REMEMBERED_MAX = 1024  # tags whose device is known, or known to be a stranger
ANNOUNCEMENT_BYTES_MAX = 512  # PROTOCOL: the text of one announcement on the local network
MEMORY_BUS_TOLD_MAX = 1024  # tidings on their way in a memory network

# Pairing
NAMEPLATE_MAX = 999  # PROTOCOL: the number of a code, from 1
CODE_WORDS = 3  # PROTOCOL: words of BIP 39 in a code: 33 bits
PAIRING_TRIES_MAX = 3  # PROTOCOL: wrong proofs that a code survives, less one
INVITATION_S_MAX = 300  # PROTOCOL: how long a code is good for
PAIRING_CLEAR_BYTES_MAX = 256  # PROTOCOL: a frame before the proofs
PAIRING_SEALED_BYTES_MAX = 6 * MIB  # PROTOCOL: a frame after them: an admission in base64
PAIRING_CONNECTIONS_MAX = 16  # callers of an invitation at once; each costs some 30 ms of work
PAIRING_CONNECTIONS_PER_SOURCE_MAX = 4  # of those from one IPv4 address, or one IPv6 network of 64 bits
PAIRING_SOURCES_MAX = 1024  # sources of which is remembered how often they called and proved nothing
PAIRING_CALLS_MAX = 8  # proofs that one `mesh join` shows: whoever announces more gets no more guesses
DOOR_TOKEN_BYTES = 16  # PROTOCOL: what the offer to one phone is known by, random
DOOR_DIGITS = 6  # PROTOCOL: that two people compare, or one person on two screens
DOOR_TRIES_MAX = 5  # PROTOCOL: wrong proofs that end the offer to a phone
PAIR_BYTES_MAX = 16 * KIB  # what a phone sends to be let in: a request and a proof, as JSON
PROOF_CHARACTERS_MAX = 64  # of that proof: 32 bytes in hex
DOOR_WAITING_MAX = 4  # questions of the phone that wait for the person's answer
HANDED_BYTES_MAX = 1024 * MIB  # of a file that a Shortcut of a phone hands in at once
HANDED_TEXT_BYTES_MAX = 64 * KIB  # of a text that it hands in, which becomes a note
DROP_TOKENS_MAX = 32  # tokens for Shortcuts that one device keeps
PUSH_SUBSCRIPTIONS_MAX = 32  # phones that one device wakes
PUSH_ENDPOINT_CHARACTERS_MAX = 1024  # of the address at which a phone is woken
DOOR_OFFER_S_MAX = 600  # PROTOCOL: how long that offer is good for: certificates are trusted meanwhile

# Backup
BACKUP_BOX_BYTES = 64 * KIB  # PROTOCOL: of a sealed backup that go into one box
BACKUP_MANIFEST_BYTES_MAX = 16 * KIB  # PROTOCOL: the first member of a backup

# Hooks
HOOK_BYTES_MAX = 16 * MIB  # what a tool tells a hook at once: whole files that it wrote
HOOK_KEPT_BYTES_MAX = 64 * KIB  # of that goes on to the agent, or into the spool; long texts are cut
HOOK_TEXT_CHARACTERS_MAX = 2000  # of one text in what is cut
HOOK_LIST_MAX = 64  # entries of a list or a map in it
SPOOL_FILES_MAX = 4096  # events that wait for an agent: 256 MiB at worst, some 8 as a rule
HOOK_ID_CHARACTERS_MAX = 64  # of the id of one event
HOOK_SESSIONS_MAX = 256  # sessions that an agent has in mind at once
HOOK_ANSWERS_TOLD_MAX = 256  # hand-offs and answers that a session was told of
HOOK_EVENTS_REMEMBERED_MAX = 1024  # events that are known not to be taken twice

# Store
ROWS_READ_MAX = 1000  # rows that one read hands out unless it is asked for fewer: about a megabyte
NOTES_LISTED_MAX = 1000  # notes in one page of a list
MATCHES_MAX = 16  # events that a short prefix may stand for: more than a person compares
SEARCH_WORDS_MAX = 32  # words of one search
SEARCH_CHARACTERS_MAX = 1000  # of one search
SEARCH_CANDIDATES_MAX = 500  # documents that are equally good, and put in order: some milliseconds
SEARCH_EXCERPT_CHARACTERS = 160  # of a text around what was found: two lines of a terminal
BODIES_MISSING_MAX = 4096  # bodies that an agent knows to ask for at once
EVENT_OVERHEAD_BYTES = 16  # what one event costs in a page beside header and body
STORE_PAGE_BYTES = 16 * KIB  # a database page: with 4 KiB, note-sized bodies take 3x the space
STORE_CACHE_BYTES = 8 * MIB  # pages that each of the two connections keeps in memory
STORE_WAL_BYTES = 16 * MIB  # the write-ahead log is moved into the database from here on
STORE_WAL_KEPT_BYTES = 64 * MIB  # and cut back to this after it grew larger
STORE_ROWS_TOGETHER = 50  # rows that one statement inserts, of at most 21 columns each
STORE_COPY_PAGES = 256  # pages that a backup copies at a time: 4 MiB, then it looks whether it is still wanted
STORE_BUSY_S = 10.0  # how long a connection waits for the other one
BUCKETS_UNSAVED_MAX = 512  # buckets of the state tree that are hashed anew after a crash: some 50 ms
WORKING_SET_BYTES_MAX = 64 * MIB  # of bodies that a phone keeps here and others have, too
WORKING_SET_DOCUMENTS_MAX = 20_000  # documents that these are of
FREE_BYTES_MIN = 1 * MIB  # a disk with less is taken for full when a write fails
DISK_LOW_BYTES = 256 * MIB  # with less free the doctor warns: a log of 100,000 notes takes about as much

# What agents speak with (MCP)
SCHEMAS_TOKENS_MAX = 1500  # of all tools together: each model pays for them at each start
TOKEN_CHARACTERS = 4  # of English and JSON that make about one token: an estimate, no tokenizer
CLIENTS_MAX = 64  # connected at once; each costs some 100 KiB
CLIENT_REQUESTS_MAX = 64  # of one client, under way at once
SUBSCRIPTIONS_MAX = 64  # of one client

# Hand-offs and tasks
TASKS_READ_MAX = 10_000  # tasks that one answer looks at: more are no list that anybody works through
LEDGER_ROWS_MAX = 500  # events that are appended to the ledger at once: a few hundred kilobytes of lines
TASK_RINGS_TOLD_MAX = 5  # rings of tasks that one answer names: who breaks these sees the next ones
REMAINING_MAX = 100  # tasks that one hand-off makes: they share a commit with it
HANDOFF_FILES_MAX = 100  # files of a hand-off that are looked for where it is picked up
FILE_DIGEST_BYTES_MAX = 16 * MIB  # of a file whose digest is taken for that
SESSIONS_RENEWED_MAX = 1024  # sessions of which is remembered when they looked after their claims
CLAIMS_TOLD_MAX = 1024  # lost claims of which is known that somebody was told

# Phones
DOOR_LETTERS = 6  # PROTOCOL: of the name of a mesh's door on the local network: 30 bits
CERTIFICATE_BYTES_MAX = 4 * KIB  # PROTOCOL: a page's certificate, its authority's, or a request for one; some 600 bytes
OUTBOX_BYTES_MAX = 4 * MIB  # of a phone's messages that lie ready for its service worker; the rest the app sends itself
UNSENT_BYTES_MAX = 1 * MIB  # that a phone's link was given and has not sent: two of the largest messages
UNSENT_LINES_BYTES_MAX = 32 * KIB  # beside that, for pings and subscriptions; then whoever is there reads nothing
WAITING_READ_MAX = 1024  # own events of a phone that are looked through for what waits
DOOR_CONNECTIONS_MAX = 256  # at the page for phones; the trust page has as many of its own
DOOR_CONNECTIONS_PER_SOURCE_MAX = 64  # of those from one IPv4 address, or one IPv6 network of 64 bits
DOOR_HANDSHAKES_PER_S_MAX = 10  # of one source, and as many at once; each costs some 4 ms
DOOR_REQUESTS_PER_S_MAX = 256  # of one source, over all of its connections: a whole page at once; then they wait
DOOR_SOURCES_MAX = 1024  # sources of which is remembered how fast they called
DOOR_UNPROVEN_MAX = 16  # WebSockets that have not logged in yet
DOOR_UNPROVEN_PER_SOURCE_MAX = 4  # of those from one source
DOOR_LOGIN_BYTES_MAX = 2 * KIB  # that a client says before the server has answered its login; some 400
DOOR_FRAME_BYTES_MAX = 4 * MIB  # of one WebSocket message of a phone: several of nats-server's at once
DOOR_LINKS_PER_PHONE_MAX = 4  # WebSockets of one phone; with more, the oldest goes
BLOBS_PER_PHONE_MAX = 8  # reads of files by one phone at once: players ask for the next part before the last is over
BLOB_INDEXES_MAX = 8  # dropped files of which is remembered where each piece of the list begins
PAGE_FILES_MAX = 256  # files of the built page
PAGE_FILES_BYTES_MAX = 16 * MIB  # of them, in memory: some 2 MiB
HOMES_MAX = 32  # networks in which the name of the page is told
