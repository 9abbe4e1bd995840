#!/usr/bin/env python3
"""Checks a bundle of a mesh with nothing but this file and the `cryptography` package.

    python3 verify_mesh.py FILE.meshbundle [--json]
    python3 verify_mesh.py --ledger DIR [FILE.meshbundle] [--json]

It says whether every event in the bundle is what its device wrote, in its place and unchanged: that each chain of
digests is whole, that each page ends in a signature of the device's key, that the key is the one of an admission, and
that the admissions lead back to the genesis of the mesh. It opens no seal, so it needs no secret and shows no content;
and it does not judge who was allowed to write what (that is the verdict, docs/PROTOCOL.md, "Authority").

Of a ledger (the folder `ledger` of `mesh projection`) it checks every line: its digest, what it stands on, and that the
end of each chain is signed by the chain's key; with a bundle, that keys and events are those of the bundle too.

Exit: 0 sound, 4 not sound, 2 not a bundle or wrongly called. Written after docs/PROTOCOL.md; it shares no code with
mesh, on purpose.
"""

import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAGIC = b"mesh bundle 1\n"
PAGE_BYTES_MAX = 512 * 1024
ZERO = bytes(32)
DEPTH_MAX = 8


class Unsound(Exception):
    """Something in the bundle is not as it must be."""


# ---------------------------------------------------------------- CBOR, the profile of PROTOCOL


def decode(raw):
    """One value in deterministic CBOR, and nothing after it."""
    value, end = _item(raw, 0, 0)
    if end != len(raw):
        raise Unsound("bytes follow a value")
    return value


def _item(raw, at, depth):
    if depth > DEPTH_MAX:
        raise Unsound("a value nests too deep")
    major, value, at = _head(raw, at)
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        part = raw[at : at + value]
        if len(part) != value:
            raise Unsound("a value is cut")
        try:
            return (part if major == 2 else part.decode()), at + value
        except UnicodeDecodeError:
            raise Unsound("a text is not UTF-8") from None
    if major == 4:
        found = []
        for _ in range(value):
            item, at = _item(raw, at, depth + 1)
            found.append(item)
        return found, at
    if major == 5:
        found, last = {}, b""
        for _ in range(value):
            start = at
            key, at = _item(raw, at, depth + 1)
            if raw[start:at] <= last:
                raise Unsound("a map is not in order")
            last = raw[start:at]
            found[key], at = _item(raw, at, depth + 1)
        return found, at
    if major == 7 and value in (20, 21, 22):
        return {20: False, 21: True, 22: None}[value], at
    raise Unsound("a value of a kind that the protocol does not use")


def _head(raw, at):
    if at >= len(raw):
        raise Unsound("a value is cut")
    major, short = raw[at] >> 5, raw[at] & 31
    if short < 24:
        return major, short, at + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short)
    if size is None or at + 1 + size > len(raw):
        raise Unsound("a length is of no known form, or cut")
    value = int.from_bytes(raw[at + 1 : at + 1 + size], "big")
    if value < {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size] or major == 7:
        raise Unsound("a length is longer than it must be")
    return major, value, at + 1 + size


# ---------------------------------------------------------------- the file


def frames(file):
    """The head, then each page; raises when the end does not fit what came before."""
    digest = hashlib.sha256()

    def take(count):
        raw = file.read(count)
        if len(raw) != count:
            raise Unsound("the file is cut")
        digest.update(raw)
        return raw

    if take(len(MAGIC)) != MAGIC:
        raise Unsound("this is no bundle of a mesh")
    while True:
        length = int.from_bytes(take(4), "big")
        if not length:
            break
        if length > PAGE_BYTES_MAX:
            raise Unsound("a page is too long")
        yield take(length)
    expected = digest.digest()
    if file.read(33) != expected:
        raise Unsound("the file does not end as it was written")


# ---------------------------------------------------------------- chains and signatures


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def signed_by(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class Verifier:
    """Goes through a bundle page by page. What stands on something that the bundle does not have is counted apart."""

    def __init__(self, mesh, since_ms):
        self.mesh, self.since_ms = mesh, since_ms
        self.keys = {}  # admission -> (name, key)
        self.chains = {}  # chain -> (admission, key, places by number)
        self.events = self.signatures = self.bodies = self.missing = 0
        self.faults = []

    def page(self, raw):
        fields = decode(raw)
        if not isinstance(fields, list) or len(fields) < 2:
            raise Unsound("a page is not of its form")
        for chain, after, events, signature in fields[0]:
            try:
                self._run(chain, after, events, signature)
            except Unsound as fault:
                self.faults.append(f"chain {chain.hex()[:12]} after {after[0]}: {fault}")

    def _run(self, chain, after, events, signature):
        seq, parent = after
        known = self.chains.get(chain)
        if seq == 0:
            known = self._opened(chain, events[0])
        elif known is None:
            if not self.since_ms:
                raise Unsound("its beginning is missing")
            # It began before the bundle: whoever signs it must be one of the mesh, and the rest must stand on this.
            known = {"admission": None, "key": None, "places": {seq: {parent}}, "lane": 1, "before": 1}
        elif parent not in known["places"].get(seq, ()):
            raise Unsound("it stands on an event that is not there")
        digest = parent
        places = {}
        for header, body in events:
            seq += 1
            digest = (
                chain if seq == 1 else sha256(b"mesh/event/1", chain, seq.to_bytes(8, "big"), digest, sha256(header))
            )
            self._checked(header, body)
            places[seq] = digest
        self._signed(known, signature, b"mesh/signature/1" + chain + seq.to_bytes(8, "big") + digest)
        for number, place in places.items():
            known["places"].setdefault(number, set()).add(place)
        self.chains[chain] = known
        self.signatures += 1
        self.events += len(events)
        for number, (header, body) in enumerate(events, after[0] + 1):
            self._admissions(header, body, places[number], known)

    def _signed(self, known, signature, message):
        if known["key"] is None:
            for admission, (_, key) in self.keys.items():
                if signed_by(key, signature, message):
                    known.update(admission=admission, key=key)
                    return
        elif signed_by(known["key"], signature, message):
            return
        raise Unsound("the signature is not by the key of its device")

    def _opened(self, chain, event):
        header, body = event
        inner = decode(decode(header)[5])
        fields = decode(body or b"\xf6")
        if inner[1] == "genesis":
            key = fields[1]
            if chain != self.mesh or sha256(b"mesh/genesis/1", key, sha256(header)) != chain:
                raise Unsound("a genesis of another mesh")
            self.keys[chain] = ("recovery", key)
            return {"admission": chain, "key": key, "places": {}, "lane": 0, "before": 0}
        if inner[1] != "opening" or fields[0] not in self.keys:
            raise Unsound("it opens under an admission that is not in the bundle")
        key = self.keys[fields[0]][1]
        if sha256(b"mesh/opening/1", self.mesh, key, sha256(header)) != chain:
            raise Unsound("it is not named after its opening")
        return {"admission": fields[0], "key": key, "places": {}, "lane": fields[1], "before": 0}

    def _checked(self, header, body):
        fields = decode(header)
        if not isinstance(fields, list) or len(fields) < 7:
            raise Unsound("a header is not of its form")
        if body is None:
            self.missing += 1
        elif len(body) != fields[4] or sha256(body) != fields[3]:
            raise Unsound("a body is not the one that its header names")
        else:
            self.bodies += 1

    def _admissions(self, header, body, digest, chain):
        """Whoever is let in by a statement may open chains; in the control lane statements are clear."""
        if chain["lane"] != 0 or body is None:
            return
        inner = decode(decode(header)[5])
        if inner[1] == "admit":
            fields = decode(body)
            self.keys[digest] = (fields[4], fields[0])

    def told(self):
        """What was found."""
        per = {}
        for chain in self.chains.values():
            name = self.keys[chain["admission"]][0]
            per[name] = per.get(name, 0) + sum(map(len, chain["places"].values())) - chain["before"]
        return {
            "sound": not self.faults,
            "mesh": self.mesh.hex(),
            "since_ms": self.since_ms,
            "chains": len(self.chains),
            "events": self.events,
            "signatures": self.signatures,
            "bodies": self.bodies,
            "bodies_missing": self.missing,
            "events_by_device": per,
            "chains_without_beginning": sum(chain["before"] for chain in self.chains.values()),
            "faults": self.faults,
        }


# ---------------------------------------------------------------- the ledger


def ledger(folder, bundle=None):
    """Check the lines of a ledger, and that all of a bundle is in them; what was found, as plain values."""
    chains, faults = {}, []
    for path in sorted(pathlib.Path(folder).glob("*/*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                fields = json.loads(line)
                event, before, header = (bytes.fromhex(fields[key]) for key in ("event", "before", "header"))
                chain = chains.setdefault(bytes.fromhex(fields["chain"]), {})
                chain[int(fields["seq"]), event, before, header] = fields
            except (ValueError, KeyError, TypeError) as fault:
                faults.append(f"{path.parent.name}/{path.name} line {number}: {fault!r}")
    events = signatures = 0
    for chain, found in sorted(chains.items()):
        try:
            signatures += _ledger_chain(chain, found, bundle)
            events += len(found)
        except (Unsound, ValueError, KeyError, TypeError, OverflowError) as fault:
            faults.append(f"chain {chain.hex()[:12]}: {fault}")
    missing = set(bundle.chains) - set(chains) if bundle else ()
    faults += [f"chain {chain.hex()[:12]} of the bundle is not in it" for chain in sorted(missing)]
    if not chains:
        faults.append("there is no line in it")
    return {"sound": not faults, "chains": len(chains), "events": events, "signatures": signatures, "faults": faults}


def _ledger_chain(chain, found, bundle):
    """Check one chain, forked or not; how many signatures. What no later event stands on must be signed."""
    rows = sorted(found)
    first = found[rows[0]]
    if rows[0][0] != 1:
        raise Unsound("its beginning is missing")
    mesh, key = bytes.fromhex(first["mesh"]), bytes.fromhex(first["key"])
    known, unsigned, signatures = {ZERO: 0}, {}, 0
    for row in rows:
        seq, event, before, header = row
        number = seq.to_bytes(8, "big")
        if known.get(before) != seq - 1:
            raise Unsound(f"event {seq} stands on one that is not there")
        if seq > 1:
            digest = sha256(b"mesh/event/1", chain, number, before, header)
        elif chain == mesh:
            digest = sha256(b"mesh/genesis/1", key, header)
        else:
            digest = sha256(b"mesh/opening/1", mesh, key, header)
        if digest != event or (seq == 1 and event != chain):
            raise Unsound(f"event {seq} is not named after what is said of it")
        known[event] = seq
        unsigned.pop(before, None)
        signature = found[row].get("signature")
        if signature is None:
            unsigned[event] = seq
        elif signed_by(key, bytes.fromhex(signature), b"mesh/signature/1" + chain + number + event):
            signatures += 1
        else:
            raise Unsound(f"the signature of event {seq} is not by the chain's key")
    if unsigned:
        raise Unsound(f"nothing signs event {min(unsigned.values())}")
    if bundle is not None:
        _as_in(bundle, chain, mesh, key, known)
    return signatures


def _as_in(bundle, chain, mesh, key, known):
    """Hold a chain of a ledger against a bundle, which may be older."""
    theirs = bundle.chains.get(chain)
    if mesh != bundle.mesh:
        raise Unsound("it is of another mesh than the bundle")
    if theirs is None:
        return  # opened since
    if theirs["key"] not in (None, key):
        raise Unsound("its key is not the one of the bundle")
    for seq, places in theirs["places"].items():
        if any(known.get(place) != seq for place in places):
            raise Unsound(f"event {seq} of the bundle is not in it")


def verify(path):
    """Check one bundle; what was found, as plain values."""
    return read(path).told()


def read(path):
    """Go through one bundle; the verifier that did."""
    with open(path, "rb") as file:
        pages = frames(file)
        mesh, since_ms, _tips = decode(next(pages))
        verifier = Verifier(mesh, since_ms)
        try:
            for page in pages:
                verifier.page(page)
        except Unsound as fault:
            verifier.faults.append(str(fault))
    return verifier


def main(argv):
    """The command."""
    files = [word for word in argv if not word.startswith("-")]
    lines = files.pop(0) if "--ledger" in argv and files else None
    if len(files) > 1 or not (files or lines) or set(argv) - {lines, *files, "--json", "--ledger"}:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        bundle = read(files[0]) if files else None
        found = bundle.told() if bundle else {"sound": True}
        if lines is not None:
            found = {**ledger(lines, bundle), **({"bundle": found} if bundle else {})}
            found["sound"] = found["sound"] and (not bundle or found["bundle"]["sound"])
    except (OSError, Unsound, ValueError, TypeError, IndexError, KeyError) as fault:
        print(f"error: {' '.join(files) or lines}: {fault}", file=sys.stderr)
        return 2
    if "--json" in argv:
        print(json.dumps(found))
    else:
        show(found)
    return 0 if found["sound"] else 4


def show(found):
    """What was found, for people."""
    print("sound" if found["sound"] else "NOT SOUND", f"  mesh {found['mesh'][:16]}" if "mesh" in found else "")
    print(f"  {found['events']} events in {found['chains']} chains under {found['signatures']} signatures")
    for name, count in sorted(found.get("events_by_device", {}).items()):
        print(f"  {count:>8}  {name!r}")
    if earlier := found.get("chains_without_beginning"):
        print(f"  {earlier} chains begin before this bundle: signed, and what they stand on is not here")
    for fault in (*found["faults"], *found.get("bundle", {}).get("faults", ())):
        print(f"  fault: {fault}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
