"""Both sides of a pairing for tests, with fixed entropy: run to the end, or with somebody in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mesh.errors import MeshError, Refused
from mesh.events.founding import request_text
from mesh.events.pake import ENTROPY_BYTES
from mesh.sync.pairing import Invitation, Inviter, Joiner, Step
from mesh.sync.pairing_frames import Code
from tests.unit.small_mesh import fixed, request

CODE = Code.parse("7-orbit-velvet-canoe")
OTHER = Code.parse("7-orbit-velvet-cannon")
ADMISSION = "mesh-admission-1.AAAA"
REQUEST = request_text(request("laptop", 2))
NOW_S = 1000.0

Wire = Callable[[str, int, bytes], bytes]
"""(who says it, its number, the frame) -> what arrives."""


def invitation(code: Code = CODE) -> Invitation:
    """An invitation that begins now."""
    return Invitation(code, NOW_S)


def inviter(held: Invitation, salt: object = "") -> Inviter:
    """One conversation of it."""
    return Inviter(held, fixed(ENTROPY_BYTES, "inviter", salt))


def joiner(code: Code = CODE, salt: object = "", text: str = REQUEST) -> Joiner:
    """A device that wants in."""
    return Joiner(code, text, fixed(ENTROPY_BYTES, "joiner", salt))


def straight(_who: str, _number: int, frame: bytes) -> bytes:
    """A wire that changes nothing."""
    return frame


@dataclass
class Outcome:
    """What came of a conversation."""

    said: list[tuple[str, bytes]] = field(default_factory=list)
    asking: str = ""
    admission: str = ""
    joined: bool = False
    joiner_error: Refused | None = None
    inviter_error: MeshError | None = None

    def kinds(self, who: str) -> int:
        """How many frames a side said."""
        return sum(each == who for each, _ in self.said)


def conversation(
    ours: Joiner, theirs: Inviter, *, wire: Wire = straight, now_s: float = NOW_S + 1, admission: str = ADMISSION
) -> Outcome:
    """Carry frames to and fro until both have nothing to say."""
    outcome = Outcome()
    waiting = [("joiner", frame) for frame in ours.begin().send]
    while waiting:
        who, frame = waiting.pop(0)
        number = outcome.kinds(who)
        outcome.said.append((who, frame))
        arrived = wire(who, number, frame)
        if who == "joiner":
            step = theirs.heard(arrived, now_s)
            waiting += [("inviter", each) for each in step.send]
            if step.asking:
                outcome.asking = step.asking.name
                waiting += [("inviter", each) for each in theirs.decided(admission).send]
            outcome.joined = outcome.joined or step.joined
            outcome.inviter_error = outcome.inviter_error or step.over
        else:
            try:
                step = ours.heard(arrived)
            except Refused as error:
                outcome.joiner_error = error
                break
            waiting += [("joiner", each) for each in step.send]
            if step.admission:
                outcome.admission = step.admission
                waiting += [("joiner", each) for each in ours.kept().send]
    return outcome


def proof_shown(ours: Joiner, theirs: Inviter, now_s: float = NOW_S + 1) -> Step:
    """As far as the joiner's proof, and what the inviter makes of it."""
    (first,) = ours.begin().send
    (answer,) = theirs.heard(first, now_s).send
    (shown,) = ours.heard(answer).send
    return theirs.heard(shown, now_s)
