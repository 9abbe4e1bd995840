"""Epochs: which keys there are by the statements held, how one key leads on to earlier ones, and the next one.

Held is not honoured: a rekey that counts for nothing still says which key others may have written under. What somebody
wrapped wrongly is a fault with a name, never an error. This module draws no randomness but HPKE's own, and stores
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mesh.clocks.lamport import Stamp
from mesh.errors import Forged, TooLarge
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Rekey
from mesh.events.reading import KEY_MISSING
from mesh.events.seal import Keyring, commitment, taken_over
from mesh.events.verdict import Statement, Verdict
from mesh.limits import KEY_BYTES, REKEY_WRAPS_MAX
from mesh.names import Digest, Short, device_text, short, shown

_SHOWN_BYTES = 4


class Epoch(NamedTuple):
    """A key, as the statement that introduced it has it. Sorted: the earlier first."""

    stamp: Stamp
    digest: Digest
    by: Digest
    """The admission that said so."""
    rekey: Rekey

    def fits(self, key: bytes) -> bool:
        """Whether this is the key that it commits to."""
        return commitment(key) == self.rekey.commitment


Epochs = Mapping[Short, Epoch]
Links = Mapping[Short, frozenset[Short]]
"""Epoch -> the earlier ones whose keys it hands on."""


def epoch_text(digest: Digest) -> str:
    """An epoch for the eye."""
    return digest[:_SHOWN_BYTES].hex()


def epochs_of(statements: Iterable[Statement]) -> dict[Short, Epoch]:
    """The epochs that these statements introduce."""
    return {
        short(s.digest): Epoch(s.stamp, s.digest, s.admission, s.body) for s in statements if isinstance(s.body, Rekey)
    }


def links(mesh: Digest, epochs: Epochs, keys: Mapping[Short, bytes]) -> Links:
    """What each epoch leads on to, as far as these keys can tell: what does not open leads nowhere."""
    found: dict[Short, frozenset[Short]] = {}
    for name, key in keys.items():
        if name in epochs and epochs[name].fits(key):
            handed = epochs[name].rekey.earlier
            found[name] = frozenset(e for e, sealed in handed if _taken(mesh, epochs, key, (e, sealed)))
    return found


def _taken(mesh: Digest, epochs: Epochs, key: bytes, handed: tuple[Short, bytes]) -> bytes | None:
    """The key that is handed on under this one, None when it is not the one that its epoch commits to."""
    epoch = epochs.get(handed[0])
    try:
        earlier = taken_over(key, mesh, *handed)
    except Forged:
        return None
    return earlier if epoch and epoch.fits(earlier) else None


def reached(start: Iterable[Short], leads: Links) -> set[Short]:
    """These epochs, and all that they lead on to."""
    found: set[Short] = set()
    todo = list(start)
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += leads.get(one, ())
    return found


def next_epoch(
    verdict: Verdict, mesh: Digest, keyring: Keyring, statements: Mapping[Digest, Statement], entropy: bytes
) -> tuple[Rekey, bytes]:
    """The statement of a new epoch for everybody who reads under this verdict, and its key.

    `entropy`: 32 random bytes. It hands on every key that is held and that no other one handed on leads to; where those
    are more than fit, the latest, and another epoch is owed. Raises TooLarge.
    """
    readers = {name: found.kem_key for name, found in verdict.readers().items()}
    if len(readers) > REKEY_WRAPS_MAX:
        message = f"a key reaches at most {REKEY_WRAPS_MAX} devices, and this mesh has {len(readers)}"
        raise TooLarge(message, hint="Take out devices that are not used any more: `mesh remove DEVICE`.")
    epochs, keys = epochs_of(statements.values()), keyring.keys()
    leads = links(mesh, epochs, keys)
    earlier: dict[Short, bytes] = {}
    covered: set[Short] = set()
    for name in sorted(leads, key=lambda name: epochs[name], reverse=True):
        if name not in covered and len(earlier) < REKEY_WRAPS_MAX:
            earlier[name] = keys[name]
            covered |= reached([name], leads)
    key = entropy[:KEY_BYTES]
    assert len(key) == KEY_BYTES, len(entropy)
    return rekey(mesh, key, readers, earlier), key


class Fault(NamedTuple):
    """A key that somebody did not give as he said."""

    epoch: Digest
    by: Digest
    """The admission that said so."""
    why: str

    def told(self, name: str) -> str:
        """The alarm. `name`: of the device that said so, where it counts."""
        by = shown(name) or device_text(self.by)
        return f"{KEY_MISSING}: {by} gave the key of epoch {epoch_text(self.epoch)}, but {self.why}"


class Learner:
    """Learns the keys of epochs as their statements come: from a wrap for this device, or handed on under a later key.

    Each statement is tried once, whatever comes after it.
    """

    def __init__(self, mesh: Digest, admission: Digest, keys: SecretKeys, keyring: Keyring) -> None:
        """`keyring` takes what is learned; what it holds already is checked when the statement comes."""
        self.mesh, self.admission, self._keys, self.keyring = mesh, admission, keys, keyring
        self.epochs: dict[Short, Epoch] = {}
        self._handers: defaultdict[Short, list[Short]] = defaultdict(list)  # epoch -> those that hand its key on

    @property
    def missing(self) -> tuple[Epoch, ...]:
        """The epochs whose key is not here, the earliest first."""
        return tuple(sorted(epoch for name, epoch in self.epochs.items() if not self.keyring.holds(name)))

    def add(self, statements: Iterable[Statement]) -> tuple[bool, tuple[Fault, ...]]:
        """Take statements in. Returns whether the keys that are here changed, and what did not hold."""
        fresh = {name: epoch for name, epoch in epochs_of(statements).items() if name not in self.epochs}
        self.epochs |= fresh
        for name, epoch in fresh.items():
            for earlier in dict.fromkeys(name for name, _ in epoch.rekey.earlier):
                self._handers[earlier].append(name)
        before, faults = self.keyring.keys(), list[Fault]()
        for name, epoch in fresh.items():
            if self.keyring.holds(name) and not epoch.fits(self.keyring.key(name)):
                self.keyring.drop(name)
                faults.append(Fault(epoch.digest, epoch.by, "the key of it that was here is another one"))
            if self.keyring.holds(name) or self._unwrapped(epoch, faults) or self._handed(name):
                self._follow(name, faults)
        return self.keyring.keys() != before, tuple(dict.fromkeys(faults))

    def _unwrapped(self, epoch: Epoch, faults: list[Fault]) -> bool:
        """Take a key from the wrap for this device."""
        wrapped = next((wrapped for name, wrapped in epoch.rekey.wraps if name == self.admission), None)
        if wrapped is None:
            return False
        try:
            key = self._keys.unwrap(wrapped, rekey_purpose(self.mesh, self.admission))
        except Forged:
            faults.append(Fault(epoch.digest, epoch.by, "what was wrapped for this device does not open"))
            return False
        return self._kept(epoch, key, epoch, faults)

    def _handed(self, name: Short) -> bool:
        """Take a key from a later one that was here before its own statement; a fault of it is told when followed."""
        return any(
            self._take(hander, one, []) for hander in self._handers[name] if self.keyring.holds(hander)
            for one in self.epochs[hander].rekey.earlier if one[0] == name
        )  # fmt: skip

    def _follow(self, start: Short, faults: list[Fault]) -> None:
        """Take all keys that one leads on to."""
        todo = [start]
        while todo:
            name = todo.pop()
            for earlier, sealed in self.epochs[name].rekey.earlier:
                if earlier in self.epochs and not self.keyring.holds(earlier):
                    todo += [earlier] if self._take(name, (earlier, sealed), faults) else []

    def _take(self, hander: Short, handed: tuple[Short, bytes], faults: list[Fault]) -> bool:
        by, epoch = self.epochs[hander], self.epochs[handed[0]]
        try:
            key = taken_over(self.keyring.key(hander), self.mesh, *handed)
        except Forged:
            faults.append(Fault(epoch.digest, by.by, "what was handed on under a later key does not open"))
            return False
        return self._kept(epoch, key, by, faults)

    def _kept(self, epoch: Epoch, key: bytes, given: Epoch, faults: list[Fault]) -> bool:
        """Keep a key if it is the one that its epoch commits to. `given`: the statement that it was found in."""
        if not epoch.fits(key):
            faults.append(Fault(epoch.digest, given.by, "it is not the key that was committed to"))
            return False
        self.keyring.add(epoch.digest, key)
        return True
