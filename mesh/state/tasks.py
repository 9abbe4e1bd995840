"""Tasks: one thing to do, as views, births and states. Who is at it follows from the claims on it (leases.py).

That somebody is at it, or did it, is no value that others could overwrite: a claim says it, and a claim that is done
beats all others. Nothing here makes a document or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Value
from mesh.limits import SEQ_MAX
from mesh.state import leases
from mesh.state.leases import Claim
from mesh.state.records import PROJECT, STATE, TITLE, Record, listing, must_be_line

KIND = "task"
OPEN, IN_PROGRESS, BLOCKED, NEEDS_HUMAN, DONE, DROPPED = (
    "open", "in_progress", "blocked", "needs_human", "done", "dropped",
)  # fmt: skip
STATES = (OPEN, IN_PROGRESS, BLOCKED, NEEDS_HUMAN, DONE, DROPPED)
OVER = (DONE, DROPPED)
SET = (OPEN, BLOCKED, NEEDS_HUMAN, DROPPED)
"""States that somebody sets; the others come of claims."""

NEEDS = "needs/"
BLOCKS, DISCOVERED, RELATED, PARENT = "blocks", "discovered-from", "related", "parent-child"
PRIORITY_DEFAULT, PRIORITY_LAST = 2, 4


@dataclass(frozen=True, slots=True)
class Draft:
    """A task as somebody says it. `needs` and `discovered_from` are documents."""

    title: str
    project: str = ""
    priority: int = PRIORITY_DEFAULT
    needs: Sequence[str] = ()
    discovered_from: str = ""
    due_ms: int | None = None
    kind: str = ""
    acceptance: Sequence[str] = ()
    handoff: str = ""
    external: str = ""


def registers(draft: Draft) -> dict[str, Value]:
    """What the birth of a task says. Raises Misuse or TooLarge."""
    found = {NEEDS + one: BLOCKS for one in draft.needs}
    if draft.discovered_from:
        found[NEEDS + draft.discovered_from] = DISCOVERED
    return {
        **found,
        TITLE: must_be_line(draft.title, "task's title"),
        PROJECT: draft.project,
        STATE: OPEN,
        "priority": must_be_priority(draft.priority),
        "due": draft.due_ms or None,
        "kind": draft.kind,
        "acceptance": listing(draft.acceptance),
        "handoff": draft.handoff,
        "external": draft.external,
    }


def must_be_priority(priority: int) -> int:
    """0 (now) to 4 (some day). Raises Misuse."""
    if not 0 <= priority <= PRIORITY_LAST:
        raise Misuse(f"a priority is a number from 0 to {PRIORITY_LAST}", hint="0 is the most urgent.")
    return priority


def needs(record: Record) -> tuple[str, ...]:
    """The tasks that must be over before this one can begin."""
    return tuple(name for name, how in record.under(NEEDS).items() if how == BLOCKS)


def links(record: Record) -> dict[str, str]:
    """All tasks that it names, with how they belong to it."""
    return {name: how if isinstance(how, str) else "" for name, how in record.under(NEEDS).items()}


def state(record: Record, now_ms: int) -> str:
    """What became of it. Done beats all, and who is at it is at it, whatever was set before."""
    held, set_ = leases.holder(record), record.word(STATE)
    if set_ == DONE or (held is not None and held.end == leases.DONE):
        return DONE
    if set_ in {BLOCKED, NEEDS_HUMAN, DROPPED}:
        return set_
    return IN_PROGRESS if held is not None and held.until_ms > now_ms else OPEN


def is_over(record: Record) -> bool:
    """Whether nothing is to be done any more."""
    return state(record, 0) in OVER


def waits_for(record: Record, others: Mapping[str, Record]) -> tuple[str, ...]:
    """Of the tasks that it needs those that are not over; one that is not here is waited for too."""
    return tuple(one for one in needs(record) if one not in others or not is_over(others[one]))


def is_ready(record: Record, others: Mapping[str, Record], now_ms: int) -> bool:
    """Whether somebody can begin with it now."""
    return state(record, now_ms) == OPEN and not waits_for(record, others)


def rings(found: Sequence[Record]) -> tuple[tuple[Record, ...], ...]:
    """Tasks that wait for each other, so that none can ever begin: two devices said so apart.

    Each ring begins with its smallest name, and each task in it waits for the next one, the last for the first. Of
    rings that share a task one is found; where it is broken, the next.
    """
    open_ = {str(one.document): one for one in found if not is_over(one)}
    left = {name: sorted((need for need in needs(one) if need in open_), reverse=True) for name, one in open_.items()}
    seen: set[str] = set()  # of which nothing more can come
    rings_: list[Sequence[str]] = []
    for start in sorted(open_):
        path: dict[str, None] = {} if start in seen else {start: None}  # from one to what it waits for
        while path:
            at = next(reversed(path))
            while left[at] and left[at][-1] in seen:
                left[at].pop()
            if not left[at]:
                path.popitem()
                seen.add(at)
            elif left[at][-1] in path:
                names = list(path)
                rings_.append(ring := names[names.index(left[at][-1]) :])
                seen.update(ring)
                path = dict.fromkeys(names[: -len(ring)])
            else:
                path[left[at][-1]] = None
    return tuple(tuple(open_[name] for name in _from_smallest(ring)) for ring in sorted(rings_, key=min))


def _from_smallest(ring: Sequence[str]) -> Sequence[str]:
    first = ring.index(min(ring))
    return [*ring[first:], *ring[:first]]


def order(record: Record) -> tuple[int, int, str, bytes]:
    """How tasks are listed: the most urgent first, then what is due first, then by name."""
    due, document = record.number("due"), record.document
    return record.number("priority", PRIORITY_DEFAULT), due or SEQ_MAX, document.space, document.name


def set_state(record: Record, wanted: str, reason: str = "") -> dict[str, Value]:
    """The registers by which somebody sets a state; `in_progress` and `done` come of claims. Raises Misuse, Refused."""
    if wanted not in SET:
        raise Misuse(f"{wanted!r} is no state that can be set", hint=f"One of: {', '.join(SET)}.")
    if wanted != OPEN and state(record, 0) == DONE:
        raise Refused("this task is done", hint="`mesh task open` takes that back.")
    reopened = leases.reopened(record) if wanted == OPEN else {}
    return {**reopened, STATE: wanted, "reason": reason or None, **({"receipt": None} if reopened else {})}


def finished(record: Record, ending: Mapping[str, Value], receipt: str, words: str) -> dict[str, Value]:
    """The registers of a task that somebody did. `ending`: the end of a claim, which makes it so."""
    return {
        **ending,
        STATE: DONE,
        "receipt": receipt or record.word("receipt") or None,
        "reason": words or record.word("reason") or None,
    }


def claim_of(record: Record, whole: Claim | None) -> Claim | None:
    """Who is at it: who claimed it, else who has the hand-off that it belongs to."""
    held = leases.holder(record)
    return held if held is not None else whole
