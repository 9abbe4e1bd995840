"""Taking a device out, for tests of what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from mesh.events.event import Lane
from mesh.events.kinds import Close, Mark
from mesh.events.speaking import Draft
from mesh.names import Digest
from mesh.node.engine import Engine


async def close(engine: Engine, admission: Digest, reason: str = "lost") -> None:
    """Close a device at what is held of it."""

    async def closing(engine: Engine) -> Sequence[Draft]:
        chains = engine.replica.chains.chains.items()
        marks = [Mark(name, head) for name, chain in chains if chain.admission == admission for head in chain.tips]
        marks.sort(key=lambda mark: (mark.chain, mark.head))
        return (Draft(Close(admission, tuple(marks), reason)),)

    await engine.say(Lane.CONTROL, closing)
