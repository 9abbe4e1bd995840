"""Who may enter, and whom to call: the roster of the bus, out of the verdict.

Nobody else decides this. It follows the verdict and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mesh.events.verdict import Verdict
from mesh.limits import PEERS_MAX
from mesh.names import Digest, device_text
from mesh.node.ports import Peer


def roster(verdict: Verdict, own: Digest, dialled_at: Callable[[Digest], Sequence[str]]) -> tuple[Peer, ...]:
    """The live devices but this one, seniors first. Whoever was taken out itself only visits the others.

    A thief's crowd of devices must not keep the roster from being renewed, so of more than can be linked some are left
    out: the junior ones.
    """
    others = sorted((a for a in verdict.live.values() if a.digest != own), key=lambda a: (a.rank, a.digest))
    only_visited = not verdict.is_live(own)
    return tuple(
        Peer(
            device_text(a.digest),
            a.name,
            a.transport_key,
            a.tls_key,
            () if a.in_browser else tuple(dialled_at(a.digest)),  # a page listens nowhere, whatever it says
            only_visited,
            a.in_browser,
        )
        for a in others[:PEERS_MAX]
    )
