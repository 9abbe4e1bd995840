"""How long the node waits, and how often it tries, with the unit last in each name and the reason beside it.

It holds numbers only; what is a size or a count and no time is in `mesh.limits`.
"""

from __future__ import annotations

# Links (measured in a prototype of the dialling rule)
PING_INTERVAL_S = 5  # NATS pings on both sides; the 2-minute default left a healed link dead for over 40 s
PINGS_MISSED_MAX = 2  # then the connection counts as lost
HELLO_INTERVAL_S = 5.0  # the dialler says hello, so that the other side knows it is still there
HELLO_SPREAD = 0.1  # +/- share of the interval, so that many links do not speak at once
HELLO_TIMEOUT_S = 2.0
HELLOS_MISSED_MAX = 2  # then a link that was dialled is given up
IN_SILENT_S_MAX = 13.0  # 2.6 pings: a peer that sat on our server counts as gone after so much silence
GRACE_S = 3.0  # the device with the larger id lets the other one call first
GRACE_SPREAD_S = 1.0
DIAL_TIMEOUT_S = 2.0  # one address; nats-py alone would try for minutes
BACKOFF_FIRST_S = 0.25
BACKOFF_S_MAX = 30.0
LINK_STEADY_S = 2.0  # a dialled link that lived shorter counts as a failed dial, so flapping backs off as well
DRAIN_S_MAX = 2.0  # how long a link that is dropped for a better one may finish its requests
CLOSE_TIMEOUT_S = 1.0
GUEST_S_MAX = 60.0  # one visit as a guest
GUEST_STAY_S = 15.0  # what an own server grants a guest; a longer exchange goes on where it ended, next time
GUEST_LOOK_S = 1.0  # between looks who is at the guests' door, while somebody is
OUTCAST_AGAIN_S = 300.0  # between visits of a device that was taken out, in case that falls with whoever said it
STRANGE_AGAIN_S = 30.0  # a typed address whose device is known is looked at again so often
ADDRESSES_INTERVAL_S = 2.0  # how soon the own port, and where peers were reached, is kept for the next start

# Own server
SERVER_START_S_MAX = 5.0  # measured: 0.02 to 0.05 s
SERVER_STOP_S_MAX = 3.0  # measured: 0.002 s
SERVER_CHECK_S_MAX = 5.0  # `nats-server -t`, measured: 0.02 s
SERVER_POLL_S = 0.01  # how often a starting server's ports file is looked for
SERVER_BACKOFF_FIRST_S = 0.2
SERVER_BACKOFF_S_MAX = 30.0
SERVER_STEADY_S = 60.0  # after so long without a fall the backoff starts anew
RELOAD_TIMEOUT_S = 3.0
OWN_REDIAL_S = 0.2  # between tries to reach the own server while its process lives

# Beacon
BEACON_RENEW_S = 900.0  # fresh random names, so that nobody can follow a device for long
BEACON_ASK_S = 1.5  # while somebody is missed: an answer is the first sign that a silent network is back
BEACON_FIRST_ASKS = 3  # after the first: one may get lost, or be answered too soon after the last time to be heard
BEACON_DEAF_S = 5.0  # an own announcement comes back in milliseconds; after so long it does not get through
BEACON_AGAIN_S = 5.0  # between tries to get a socket for it
BEACON_RETRY_S = 30.0  # what does not get through is tried again so often
BEACON_ASK_SLOWLY_S = 10.0  # after somebody was missed for longer than EAGER_S
EAGER_S = 300.0  # after somebody is missed anew, or the machine moved
FINDING_LOOK_S = 0.5  # how soon the first port is announced, and a found device is not looked for any more
FINDING_CALM_S = 2.0  # the same while nobody is missed: half of what an idle agent costs was looking twice a second
UNHEARD_S = 15.0  # a device on the same network should be heard after so long
TAGS_PER_S_MAX = 20.0  # new announcements that are tried with all keys and devices, about 1 ms each
SEEN_AGAIN_S = 1.0  # between dials that sightings bring about, doubled with each in vain
SEEN_AGAIN_S_MAX = 30.0
SEEN_ANEW_S = 8.0  # a device that was out of sight for so long is dialled at once
SIGHT_S_MAX = 1800.0  # an announcement that was not renewed for so long is not in sight any more

# Locations
LOCATED_LOOK_S = 30.0  # between looks whether a device's addresses should be said in a statement
LOCATED_STEADY_S = 600.0  # addresses that stayed the same for so long are said
LOCATED_AGAIN_S = 3600.0  # about one device at most so often: statements are kept for ever

# Duties of admins
DUTIES_FIRST_S = 5.0  # after the start: others may have done it meanwhile, and tell so at once
DUTIES_LOOK_S = 30.0  # a grant that is over is ended so soon
DUTIES_STEP_S = 2.0  # between admins: the next in rank waits so much longer, so that seldom two do the same
GRANTS_PATIENCE_S = 600.0  # after the start, for others to bring what was written while a grant held
REKEY_AGAIN_S = 60.0  # at most so often: statements are kept for ever, and somebody hostile may ask for it

# Rules
RULES_FIRST_S = 5.0  # after the start: others may have settled it meanwhile, and tell so at once
RULES_PATIENCE_S = 20.0  # for the device that wrote what goes; then any other one says it
RULES_SPREAD_S = 20.0  # so that seldom two do the same

# Clock
CLOCK_LOOK_S = 1.0
HOSTS_LOOK_S = 3.0  # a millisecond of work; a change of the address that leads outward is noticed in CLOCK_LOOK_S
CLOCK_JUMP_S = 5.0  # wall and monotonic clock moved apart by more: the machine slept
CLOCK_SKEW_S = 120.0  # an event that says a later time than it was held here by: two minutes more than the count of it

# Talk
COMPARE_INTERVAL_S = 30.0  # anti-entropy with every linked peer, for what live news lost
ASK_TIMEOUT_S = 20.0  # one page at a slow link; a dead one is noticed by its pings before
AGAIN_S = 0.3  # before comparing again with a peer after a gap
NEWS_DELAY_S = 0.1  # tips are told once for all that happens in it
RECEIPT_CALM_S = 0.1  # receipts are traded when nothing new was told for so long: a stream of edits costs none
RECEIPT_TURN_S = 0.5  # the device with the larger name waits so much longer: mostly it was asked by then
RECEIPT_AGAIN_S = 25.0  # before asking again while nothing has moved and the two do not agree; each comparison may
DIFFER_S = 10.0  # two that hold the same and show something else for longer look for where
DIFFER_TURN_S = 20.0  # the device with the larger name waits so much longer: mostly it was told by then
COMPARE_AGAIN_S = 300.0  # between looks with one peer
COMPARE_SERVED_S = 20.0  # between looks that one peer may ask of us: each may read a whole document
AUDIT_FIRST_S = 2.0  # after the start, when links are up
AUDIT_AGAIN_S = 86_400.0  # a disk changes what lies on it seldom
AUDIT_CALM_S = 2.0  # without anything new, before the next look
AUDIT_PAUSE_S = 0.05  # between buckets: 50,000 notes take some four minutes of which a few seconds are work
MEETING_KEPT_S = 60.0  # how often what one device told is kept for the next start: one commit
ALARMS_SHOWN_MAX = 20  # the last alarms that `mesh status` shows; the log has all
FOLLOW_INTERVAL_S = 0.2  # how often `mesh log --follow` looks for more
STOP_S_MAX = 10.0  # what shutting down may take before it is cut off
RESTART_FIRST_S = 0.2  # a part of the agent that failed is started again, with backoff
RESTART_S_MAX = 30.0

# Drops
CHUNKS_TIMEOUT_S = 50.0  # one page of chunks, of several at once over a slow line; a dead one is noticed before
DROP_CALM_S = 0.5  # between looks what is to be fetched: each event that comes may name something
DROP_AGAIN_S = 30.0  # the same while nothing comes; before a device that had it not is asked again, without a new link
DROP_STILL_S = 30.0  # nothing came for so long: the command that waits ends, and fetching goes on
DROP_TELL_S = 0.2  # between words about how far it is
DROP_SWEEP_FIRST_S = 60.0  # after the start
DROP_SWEEP_S = 3600.0  # between looks for chunks that no drop names any more
DROP_NEAR_MS = 10.0  # of way there and back that one more page on its way makes up for

# Forgetting
FORGET_GRACE_S = 604_800.0  # a week in which a forget can be taken back, and nothing is lost by it
FORGET_LOOK_S = 3600.0  # how often it is looked for what is to be erased

# Pairing
PAIRING_STEP_S = 10.0  # for the other machine to answer a frame; measured: 0.05 s on one network
PAIRING_GRACE_S = 1.0  # a caller who took longer makes room when others wait: honest ones answer within 0.1 s
PAIRING_PERSON_S_MAX = 300.0  # for the person to compare the words
PAIRING_KEEP_S_MAX = 60.0  # for the other machine to take an admission and keep it, on a slow disk
PAIRING_CALL_S_MAX = 60.0  # how long a joiner goes on calling one inviter that drops it
PAIRING_AGAIN_S = 0.25  # between those calls
PAIRING_PORT_TRIES = 16  # ports that are tried when one is free on some addresses only

# Continuity
PRESENCE_S = 30.0  # how often devices in reach are told who is at work, also when nothing changed
PRESENT_S_MAX = 900.0  # without a sign of life a session is at work no longer: a command may run for minutes
NOTIFY_CALM_S = 1.0  # what comes together is told of together
NOTIFY_LOOK_S = 60.0  # how often it is looked for silence, and for what may be told again
NOTIFY_QUESTION_S = 60.0  # between two notifications about questions, of which somebody waits for the answer
NOTIFY_AGAIN_S = 3600.0  # between two about anything else
NOTIFY_S_MAX = 10.0  # for the program that shows one
SILENT_S = 259_200.0  # three days: a device that is only switched off for a weekend is no news
PROJECTION_CALM_S = 2.0  # what comes together is written together
PROJECTION_AGAIN_S = 1800.0  # how often files are written anew since time has passed
GIT_S_MAX = 10.0  # one question to git: the first commit of a long history is found in one or two

ASK_WAIT_MS_MAX = 600_000  # how long one call waits for an answer of the person
ASK_LOOK_S_MIN = 0.01  # so that a clock that stands still makes no busy loop
ASK_CALM_S = 0.2  # between looks at this device's questions while much is kept
ASK_AGAIN_S = 60.0  # between looks while nothing is; a clock that was set is noticed by then

# Who was in touch
TOUCH_KEPT_S = 600.0  # how often it is kept for the next start: one commit

# Confirmations
PASSPHRASE_PAUSE_S = 60.0  # after three wrong passphrases: 4,300 guesses a day at most
APPROVAL_S_MAX = 900  # for the person to take another device and look

# Recovery
RECOVERY_LOOK_S = 0.2  # between looks whether all is here
RECOVERY_STILL_S = 120.0  # nothing came for so long: the command ends, and goes on when it is called again

# Hooks
HOOK_ANSWER_S = 8.0  # for the agent to answer a hook: the tool stands still meanwhile
HOOK_WAIT_S = 30  # how long a permission waits for an answer from another device, unless told otherwise
HOOK_WAIT_S_MAX = 600
SPOOL_LOOK_S = 60.0  # how often it is looked for what hooks left
SESSION_SILENT_S = 21_600.0  # a session that says nothing for six hours is orphaned
TRANSCRIPT_CALM_S = 600.0  # between keeping a transcript at one stop and at another
SESSION_LOOK_S = 600.0  # how often it is looked for those
# Agents that are connected (MCP)
CLIENT_NEWS_S = 1.0  # between two tidings that something changed: whoever hears one reads anew
CLIENTS_READY_S = 3.0  # after its start an agent that had clients before is ready for the next one
CLIENT_TOLD_S_MAX = 2.0  # for a client to take one

# Service and doctor
SERVICE_S_MAX = 120.0  # one word to systemd or launchd: a start waits for the agent, a stop for its end
LOOK_S_MAX = 5.0  # one look of the doctor at another program
DATABASE_LOOK_S_MAX = 20.0  # for a quick check of the database; on a slow disk it is left unfinished
OUTPUT_LOOK_S = 60.0  # how often the agent bounds the file that its own output goes to
FETCH_S_MAX = 900.0  # one step of an upgrade: libraries come over a slow line

# Hand-offs and tasks
LEASE_AGENT_S = 7200.0  # an agent's claim, from what it did last: longer than any one step of its work
LEASE_PERSON_S = 604_800.0  # a person's: people do not renew
RENEW_AGAIN_S = 300.0  # a session that does much looks after its claims so often: far less than half a lease
HANDOFF_FRESH_S = 86_400.0  # who picks up an older one asks a person first: what it says may be true no more
LOST_TOLD_S = 604_800.0  # a claim that was lost is told of for so long after its lease was over
CLAIMS_FIRST_S = 2.0  # after the start, when others had time to bring what was claimed meanwhile
CLAIMS_CALM_S = 0.2  # what comes together is looked at together
CLAIMS_AGAIN_S = 600.0  # what came to count later, without a new event, is found so soon

# Vault
VAULT_DEBOUNCE_MS = 400  # after a change in the folder, for more: editors write several files in one go
VAULT_SETTLE_S = 0.3  # a file that was written so lately may be written still
VAULT_AGAIN_S = 0.5  # before looking again at what was not settled
VAULT_MISSING_S = 2.0  # a file may be away for a moment while it is saved; after so long it was deleted
VAULT_RACY_S = 2.0  # a file written so lately may be written again without its time telling so
VAULT_LINGER_S = 5.0  # what was replaced is kept so long, for whoever has it open and writes
VAULT_LOOK_S = 300.0  # between looks at the whole folder, for what nobody told: half a second for 50,000 files
VAULT_LOOK_UNWATCHED_S = 60.0  # the same where the system tells nothing
VAULT_KEPT_S = 60.0  # how often it is kept up to where the log was written out: one commit

# Calls
CALLS_READY_S = 30.0  # after its start an agent has all calls at hand; until then it has those that were asked for
PROGRESS_INTERVAL_S = 0.1  # between two lines that tell a caller how far its call is

# Phones
LEAF_S = 604_800  # a page's certificate is good for a week: what a lost device held is worth no more
LEAF_EARLY_S = 3600  # and from an hour before it was made: clocks of phones differ
AUTHORITY_S = 315_360_000  # ten years: a new one has to be trusted by hand on each phone
LEAF_RENEW_S = 172_800  # with two days left it is renewed: a device that sleeps a night or two misses nothing
LEAF_LOOK_S = 600.0  # how often it is looked whether that is so
LEAF_AGAIN_S = 15.0  # the same while there is none
LEAF_CALM_S = 1.0  # what comes together is looked at together
LEAF_ASKED_S = 5.0  # between two that one device may ask for
DOOR_FETCH_S_MAX = 300.0  # for a phone that was let in to fetch its admission: it may have gone to sleep
DOOR_OPENS_LOOK_S = 0.05  # between looks whether the page is open, when a phone is wanted
DOOR_OPENS_LOOKS = 600  # of those: half a minute, since nats-server starts anew the first time
PUSH_S_MAX = 20.0  # for a push service to take a message
DOOR_POLL_S = 25.0  # how long a phone's question waits for the person's answer, before it asks again
DOOR_LOOK_S = 1.0  # between looks for callers that say nothing
DOOR_TURN_S = 0.1  # between looks whether it is the turn of a source that asks too fast
DOOR_TLS_S = 3.0  # for a caller's handshake
DOOR_FIRST_S = 5.0  # from the connection to its first whole request
DOOR_BODY_S = 30.0  # for the body of a request: half a megabyte over a slow radio
DOOR_GUEST_CLOCK_S = 600.0  # a guest's signed question is taken so long after it was made, by clocks that differ
DOOR_STILL_S = 20.0  # a caller that takes nothing of what waits for it for so long is gone
DOOR_KEEP_S = 30.0  # a connection without a request is kept open for the next one
DOOR_LOGIN_S = 3.0  # for a WebSocket's login
DOOR_CALM_S = 30.0  # between looks whether the door is still wanted and its leaf the newest, without news
DOOR_AGAIN_S = 5.0  # before opening a door again that could not be opened
DOOR_NAME_LOOK_S = 2.0  # between looks who is to tell the page's name
DOOR_NAME_MISSES = 3  # looks without anybody better, before this device takes it
DOOR_NAME_TTL_S = 10  # how long others may keep an answer: the longest that a phone is led to where nobody is
DOOR_TELL_S = 10.0  # between two times that devices tell each other that their doors are open
HOME_LOOK_S = 0.2  # between looks for the address of a router
HOME_LOOKS = 15  # of those, before it is said that it does not answer
