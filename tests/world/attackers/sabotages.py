"""Wrong rules of authority, each of which a directed test or a world with attackers must notice.

Among them is every rule that was tried first and dropped. Each is a patch at run time, with one sentence.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from unittest.mock import patch

from mesh.events import chains, judge, weigh
from mesh.events.chains import Chains
from mesh.events.judge import Judgement
from mesh.events.verdict import Verdict
from mesh.events.weigh import CLOSED, UNGRANTED
from mesh.limits import RANK_ADMIN_LAST
from tests.unit.events import test_judge_adopts, test_judge_attacks, test_reasserting, test_weigh_ends
from tests.unit.household import Household
from tests.world.attackers import device
from tests.world.attackers import wrong_rules as wrong
from tests.world.attackers.claims import one_world
from tests.world.attackers.holding import Held
from tests.world.attackers.people import World
from tests.world.sabotages import no_forks

SEEDS_MAX = 40
DIRECTED = (test_judge_attacks, test_weigh_ends, test_reasserting, test_judge_adopts)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong rule: its name, what it says, and how it is built in."""

    name: str
    what: str
    build: Callable[[], AbstractContextManager[object]]


def hunt(sabotage: Wrong) -> str | None:
    """How a wrong rule is noticed: by a directed test, or a seed; None when it is not."""
    with sabotage.build():
        for name, test in directed():
            try:
                test(Household())
            except Exception as error:  # noqa: BLE001 - whatever breaks, breaks
                return f"{name}: {type(error).__name__}"
        for seed in range(SEEDS_MAX):
            try:
                one_world(seed)
            except Exception as error:  # noqa: BLE001 - as above
                return f"seed {seed}: {type(error).__name__} {error}"[:120]
    return None


def directed() -> Iterator[tuple[str, Callable[[Household], None]]]:
    """The directed tests that need nothing but a household."""
    for module in DIRECTED:
        for name, test in vars(module).items():
            if name.startswith("test_") and list(inspect.signature(test).parameters) == ["home"]:
                yield name, test


ALL = (
    Wrong(
        "a fork voids",
        "Data from a fork on do not count until a close.",
        lambda: patch.object(Held, "weigh", wrong.fork_voids),
    ),
    Wrong(
        "a fork freezes",
        "Statements from a fork on do not count.",
        lambda: patch.object(Judgement, "add", wrong.frozen),
    ),
    Wrong("one branch", "The second branch of a fork is not held.", lambda: patch.object(Chains, "place", no_forks)),
    Wrong("any signature", "Signatures are not looked at.", lambda: patch.object(chains, "verify", lambda *_: None)),
    Wrong(
        "members hold control", "A member opens a control chain.", lambda: patch.object(chains, "RANK_ADMIN_LAST", 255)
    ),
    Wrong("Lamport jumps", "Any larger number follows.", lambda: patch.object(chains, "follows", lambda n, p: n > p)),
    Wrong(
        "Lamport falls", "Smaller numbers follow.", lambda: patch.object(chains, "follows", lambda n, p: n - p < 2**24)
    ),
    Wrong("equals let in", "An admin lets in an equal.", wrong.rules(wrong.equal_admitted)),
    Wrong("anybody let in", "An admin lets in any rank.", wrong.rules(wrong.any_admitted)),
    Wrong("members speak", "Ranks up to 12 speak.", lambda: patch.object(judge, "RANK_ADMIN_LAST", 12)),
    Wrong("equals in reach", "An admin closes and grants to equals.", wrong.reach(lambda rank: rank)),
    Wrong("all in reach", "An admin closes and grants to anybody.", wrong.reach(lambda _: 0)),
    Wrong("closes itself", "A thief closes the stolen key at an early place.", wrong.rules(wrong.closes_itself)),
    Wrong(
        "closes cut nothing",
        "Statements of a closed admin go on counting.",
        wrong.cutting(lambda self, speaker, _: {s.digest for s in wrong.speech(self, speaker)}),
    ),
    Wrong(
        "one close is enough",
        "What is under any of several closes counts.",
        wrong.cutting(lambda _, __, cuts: set.union(*cuts)),
    ),
    Wrong("closes stick", "Closes count beyond the close of who said them.", wrong.cutting(wrong.sticky)),
    Wrong("cut by number", "What counts is what has a small number.", wrong.cutting(wrong.by_number)),
    Wrong(
        "false places", "A mark counts wherever its event is.", lambda: patch.object(judge, "under", wrong.false_places)
    ),
    Wrong(
        "borrowed authority",
        "What is adopted keeps any reach.",
        lambda: patch.object(Judgement, "_say", wrong.adopted_by_recovery),
    ),
    Wrong(
        "no statement adopted",
        "Only data are adopted.",
        lambda: patch.object(Judgement, "_say", wrong.adopts_no_statement),
    ),
    Wrong("any grant ended", "Any admin ends any grant.", wrong.rules(wrong.any_ungranted)),
    Wrong("anybody granted", "Any admin grants to anybody.", wrong.rules(wrong.any_granted)),
    Wrong("any admin forgets", "A junior forgets.", lambda: patch.object(judge, "RANK_FORGET_LAST", RANK_ADMIN_LAST)),
    Wrong(
        "closed devices read",
        "An epoch may reach closed devices.",
        lambda: patch.object(Verdict, "epochs", wrong.closed_keep_reading),
    ),
    Wrong(
        "never tells", "A change of the verdict is not told.", lambda: patch.object(Judgement, "add", wrong.never_tells)
    ),
    Wrong(
        "nothing awaited",
        "What was spoken of before it was held is not heard again.",
        lambda: patch.object(Judgement, "_was_awaited", lambda self, digest: digest == self.mesh),
    ),
    Wrong(
        "nobody is moved",
        "A close waits for the next occasion to count.",
        lambda: patch.object(Judgement, "_moves_others", lambda *_: False),
    ),
    Wrong(
        "closes ignored",
        "Data of closed devices count.",
        wrong.ending(lambda rank, reason: None if reason == CLOSED else rank),
    ),
    Wrong(
        "ungrants ignored",
        "Data of ended grants count.",
        wrong.ending(lambda rank, reason: None if reason == UNGRANTED else rank),
    ),
    Wrong("strangers write", "Data need no admission.", wrong.weighing(wrong.no_admission)),
    Wrong(
        "juniors open",
        "Any adoption opens any end.",
        wrong.ending(lambda rank, _: 0 if rank <= RANK_ADMIN_LAST else rank),
    ),
    Wrong("adoption opens nothing", "No adoption opens an end.", wrong.ending(lambda _, __: RANK_ADMIN_LAST + 1)),
    Wrong(
        "adopted, not forgotten",
        "An adoption opens a forgotten document.",
        wrong.weighing(wrong.adopted_is_not_forgotten),
    ),
    Wrong("nothing is forgotten", "Forgotten documents count.", wrong.weighing(wrong.nothing_is_forgotten)),
    Wrong(
        "unknown is final",
        "A mark that is not held yet voids.",
        lambda: patch.object(weigh, "_inside", wrong.unknown_is_final),
    ),
    Wrong("any agent", "A grant is for all agents.", wrong.scope("admission", "space", "type", "verb")),
    Wrong("any subject", "A grant is for all devices.", wrong.scope("space", "type", "verb", "agent")),
    Wrong("any space", "A grant is for all spaces.", wrong.scope("admission", "agent", "type", "verb")),
    Wrong("any type", "A grant is for all types.", wrong.scope("admission", "agent", "space", "verb")),
    Wrong("any verb", "A grant is for all verbs.", wrong.scope("admission", "agent", "space", "type")),
    Wrong(
        "a clock runs off",
        "An honest clock takes over anything.",
        lambda: patch.object(device, "tick", lambda o, h: max(o, h) + 1),
    ),
    Wrong("nothing said again", "Who closes keeps up nothing.", wrong.reasserting(lambda *_: ())),
    Wrong("said again once", "Who closes looks once what falls.", wrong.reasserting(wrong.once)),
    Wrong(
        "never confirmed",
        "Honest statements that fell stay void.",
        lambda: patch.object(World, "settle", lambda _: False),
    ),
    Wrong(
        "never saved", "Work that a thief allowed stays void.", lambda: patch.object(World, "save", lambda *_: False)
    ),
    Wrong(
        "silence to the closed",
        "No control of closed devices is handed on.",
        lambda: patch.object(World, "hand", wrong.not_with_the_closed),
    ),
)
