"""What a device is when it starts: who it is, and its replica as the log has it. It reads no store itself."""

from __future__ import annotations

from mesh.clocks.chain import Trail
from mesh.errors import Misuse
from mesh.events.chains import Chain, Chains
from mesh.events.keys import SecretKeys
from mesh.events.seal import Keyring
from mesh.events.verdict import admitted
from mesh.names import Digest
from mesh.node.storage.store_port import Boot
from mesh.sync.missing import Missing
from mesh.sync.replica import Own, Replica


def replica_of(own: Own, keyring: Keyring, boot: Boot) -> Replica:
    """A replica as the log has it."""
    chains = Chains(own.mesh)
    for name, (admission, lane) in boot.openings.items():
        tips = {head: boot.tip_lamports[head.digest] for head in boot.tips.get(name, ())}
        chains.add(name, Chain(admission, lane, b"", tips, Trail(boot.trails.get(name, ()))))
    replica = Replica(own, keyring, chains, boot.control)
    for chain in chains.chains.values():
        found = admitted(replica.statements.get(chain.admission))
        chain.key = found.sign_key if found else chain.key
    replica.missing = Missing(boot.missing_bodies)
    return replica


def own_of(mesh: Digest, admission: Digest, keys: SecretKeys) -> Own:
    """Who a device is. Raises Misuse when it is in no mesh."""
    if not mesh or not admission:
        raise Misuse("this device is in no mesh yet", hint="`mesh join` founds one, or joins one by a code.")
    return Own(mesh, admission, keys)
