"""Every parser of foreign bytes in the core, under one form: what it reads, how it refuses, what it writes again.

A parser that is added to mesh is added here. `tests/fuzz/shell.py` has those that need files, sockets or an engine.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from mesh.clocks.frontier import Span
from mesh.errors import Refused
from mesh.events import bodies, cbor
from mesh.events.chains import Gap
from mesh.events.event import VERSION, Header, Inner, Lane, Run, decode_header, decode_inner
from mesh.events.founding import (
    ADMISSION_PREFIX,
    REQUEST_PREFIX,
    Packet,
    admission_text,
    read_admission,
    read_request,
    request_text,
)
from mesh.events.keys import SecretKeys, wrap
from mesh.events.kinds import Admit
from mesh.events.pake import ENTROPY_BYTES, Exchange, Role
from mesh.events.seal import pad_body, pad_inner, unpad
from mesh.events.speaking import runs
from mesh.events.tags import recognised, tag_key, tagged
from mesh.limits import (
    COMPARE_BRANCHES,
    COMPARE_KEY_BYTES,
    COMPARE_NODES,
    COMPARE_PRINT_BYTES,
    KEY_BYTES,
    MIB,
)
from mesh.names import Digest, DocumentId, short
from mesh.sync import comparing, messages, receipts
from mesh.sync.comparing import Buckets, Events, Finding, Leaves, Nodes, packed_leaves
from mesh.sync.inputs import Heard
from mesh.sync.messages import Have, Push, Want
from mesh.sync.pairing import Invitation, Inviter, Joiner
from mesh.sync.pairing_frames import Code
from mesh.sync.pairing_frames import read as read_frame
from mesh.sync.receipts import Receipt, Shown
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, fixed, one_run, request, secret_keys
from tests.unit.sync.small_family import snapshot
from tests.unit.sync.small_net import Node
from tests.unit.wrong_forms import GOOD_BODIES, GOOD_HEADER, GOOD_INNER

Errors = tuple[type[BaseException], ...]
Machine = TypeVar("Machine", Inviter, Joiner)
_INVITER_STAGES = 3  # before the exchange, before the proof, before the request


@dataclass(frozen=True)
class Parser:
    """One parser. `good`: what it takes, or almost; `dress` puts foreign content under a right outside, where one is.

    `again` writes what was read: the same bytes, or None where the form allows more than one. `structured`: it is CBOR.
    `share`: how much of the usual number of examples it gets; dear ones get less. `near`: how to draw what is nearly
    right, where mutations of bytes would not come far.
    """

    name: str
    read: Callable[[bytes], object]
    good: Sequence[bytes]
    again: Callable[[object], bytes | None] | None = None
    errors: Errors = (Refused,)
    structured: bool = True
    dress: Callable[[bytes], bytes] | None = None
    share: float = 1.0
    near: st.SearchStrategy[bytes] | None = None


def text_of(raw: bytes) -> str:
    """Bytes as a program's argument: what is no UTF-8 becomes half characters, as Python has it."""
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(value: object) -> bytes:
    """The opposite of `text_of`."""
    return str(value).encode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- events

_PLAIN = Header(1, short(b""), Digest(bytes(32)), 0, b"", {7: b"x"})


def _header_again(value: object) -> bytes | None:
    assert isinstance(value, Header), value
    return value.encode() if value.version == VERSION else None  # a later version may have more fields


def _inner_again(value: object) -> bytes:
    assert isinstance(value, Inner), value
    return value.encode()


def _body(lane: Lane, kind: str) -> Parser:
    good = [cbor.encode(GOOD_BODIES.get(kind, []))]
    return Parser(
        f"body-{lane.name.lower()}-{kind}",
        lambda raw: bodies.decode_body(lane, kind, raw),
        good,
        bodies.encode_body,  # type: ignore[arg-type]
        share=0.5,
    )


def events() -> Iterable[Parser]:
    """The codec, headers, and every kind's body."""
    everything = [
        cbor.encode(value) for value in (GOOD_HEADER, GOOD_INNER, *GOOD_BODIES.values(), {"a": [1, {2: b""}]})
    ]
    yield Parser("cbor", lambda raw: cbor.decode(raw, MIB, "it"), everything, cbor.encode)
    yield Parser("header", decode_header, [cbor.encode(GOOD_HEADER), _PLAIN.encode()], _header_again)
    yield Parser("inner", decode_inner, [cbor.encode(GOOD_INNER), Inner(0, "opening").encode()], _inner_again)
    for lane, kind in bodies._CATALOGUE:  # noqa: SLF001 - so that no kind is forgotten
        yield _body(lane, kind)
    padded = [pad_body(b"text"), pad_inner(b"header"), b"\x80", b"\x80\0\x80\0\0"]
    yield Parser("padding", unpad, padded, structured=False)


# ---------------------------------------------------------------- messages and what they lead to

_WRITTEN = MESH.written(MESH.phone, 3)
_RUN = one_run(_WRITTEN, "phone")
_PUSHES = [
    messages.encode(Push(runs(MESH.control))),
    messages.encode(Push((_RUN,), ((_WRITTEN[1].digest, b"body"),), answer=True)),
]
_NODE = Node(MESH.mac)
_HAVE = messages.encode(_NODE.replica.have("laptop", asks=True))
_WANT = messages.encode(Want((Span(_RUN.chain, _WRITTEN[-1].head, (_WRITTEN[0].head,)),), (_WRITTEN[1].digest,)))


def _message_again(value: object) -> bytes:
    assert isinstance(value, Have | Want | Push), value
    return messages.encode(value)


def _placed(raw: bytes) -> object:
    """Every run of a Push, tried on the chains of the mac."""
    chains = _NODE.replica.chains
    return [chains.place(run, _NODE.replica.statements, {}) for run in messages.decode_push(raw).runs]


def _heard(raw: bytes) -> object:
    """A message of any sort, as a replica takes it; a run that it refuses leaves no trace."""
    node = Node(MESH.mac)
    before = snapshot(node)
    for decode in (messages.decode_have, messages.decode_want, messages.decode_push):
        try:
            message = decode(raw)
        except Refused:
            continue
        effects = node.handle(Heard("laptop", message))
        if isinstance(message, Push) and not effects.append and not effects.bodies:
            assert snapshot(node) == before, "refused, and yet something changed"
        assert node.restarted().verdict == node.replica.verdict
        return effects
    raise Refused("no message of any sort")


def _said(raw: bytes) -> object:
    """Statements and data with any content, truly chained and signed by an admin that means ill."""
    from tests.fuzz.sayings import runs_said  # noqa: PLC0415 - it uses this module's mesh

    node = Node(MESH.mac)
    said: Sequence[Run] = runs_said(raw)
    effects = node.handle(Heard("laptop", Push(tuple(said))))
    assert node.restarted().verdict == node.replica.verdict, "after a start it would judge otherwise"
    return effects


_SHOWN = Shown(*(Digest(fixed(32, name)) for name in Shown._fields))
COMPARED = (
    Nodes(views=True, prints=fixed(COMPARE_NODES * COMPARE_PRINT_BYTES, "nodes")),
    Buckets(views=False, node=7, prints=fixed(COMPARE_BRANCHES * COMPARE_PRINT_BYTES, "buckets")),
    Leaves(views=False, bucket=4095, leaves=packed_leaves({Digest(fixed(32, n)): MESH.id for n in range(3)})),
    Events(views=False, key=fixed(COMPARE_KEY_BYTES, "key"), document=NOTE, prints=fixed(24, "events")),
    Events(views=True, key=fixed(COMPARE_KEY_BYTES, "key"), document=None, prints=b""),
    Finding(views=False, document=NOTE, event=MESH.id, honoured=True),
    Finding(views=True, document=NOTE, event=None, honoured=False),
)


def _receipt() -> bytes:
    claim = Receipt(MESH.laptop.admission, _SHOWN, 2, 1)
    return receipts.encode(receipts.signed(claim, MESH.id, secret_keys("laptop")))


def _checked(raw: bytes) -> object:
    """A receipt as a peer takes it: it speaks of who told it, under its key, or is refused."""
    receipt = receipts.decode(raw)
    receipts.check(receipt, MESH.id, MESH.verdict, MESH.laptop.admission)
    assert raw == _receipt(), "the laptop signed nothing else"
    return receipt


def talk() -> Iterable[Parser]:
    """Have, Want, Push, receipts and comparisons, and what they bring."""
    from tests.fuzz.sayings import SAYINGS  # noqa: PLC0415 - as above

    yield Parser("have", messages.decode_have, [_HAVE], _message_again)
    yield Parser("want", messages.decode_want, [_WANT], _message_again)
    yield Parser("push", messages.decode_push, _PUSHES, _message_again)
    receipt, compared = _receipt(), [comparing.encode(one) for one in COMPARED]
    yield Parser("receipt", receipts.decode, [receipt], receipts.encode)  # type: ignore[arg-type]
    yield Parser("receipt-checked", _checked, [receipt])
    yield Parser("comparison", comparing.decode, compared, comparing.encode)  # type: ignore[arg-type]
    yield Parser("run", _placed, _PUSHES, errors=(Refused, Gap), share=0.5)
    yield Parser("replica", _heard, [*_PUSHES, _HAVE, _WANT], share=0.2)
    yield Parser("said", _said, SAYINGS, share=0.4)


# ---------------------------------------------------------------- letting in

_LAPTOP = secret_keys("laptop")
_EPOCHS = {short(MESH.epoch): EPOCH_KEY}
_PACKET = Packet(MESH.id, MESH.laptop.admission, bytes(KEY_BYTES), _EPOCHS, tuple(_PUSHES), ("192.0.2.7:4222",))
_REQUEST = request("laptop")
_CODE = Code(7, "orbit-velvet-canoe")


class _Open(SecretKeys):
    """Keys for which an admission is not sealed, so that its inside can be anything."""

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:  # noqa: ARG002 - nothing is sealed
        """What was wrapped, as it is."""
        return wrapped


_OPEN = _Open(_LAPTOP.sign_seed, _LAPTOP.kem_seed)


def _armoured(prefix: str) -> Callable[[bytes], bytes]:
    return lambda raw: prefix.encode() + base64.urlsafe_b64encode(raw).rstrip(b"=")


def _unarmoured(text: str, prefix: str) -> bytes:
    body = text.removeprefix(prefix)
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def _request_again(value: object) -> bytes:
    assert isinstance(value, Admit), value
    return request_text(value).encode()


def _entropy(name: str) -> bytes:
    return fixed(ENTROPY_BYTES, "fuzz", name)


def _exchanged(raw: bytes) -> object:
    return Exchange(Role.INVITER, 7, _CODE.words, _entropy("inviter")).finish(raw)


@cache
def _stages() -> tuple[tuple[Inviter, ...], tuple[Joiner, ...]]:
    """Inviters and joiners at each step that they can be at. An exchange is dear, so they are copied."""
    inviters = [Inviter(Invitation(_CODE, 0.0), _entropy("inviter"))]
    joiners = [Joiner(_CODE, request_text(_REQUEST), _entropy("joiner"))]
    step = joiners[0].begin()
    while len(inviters) < _INVITER_STAGES:
        inviters.append(_copied(inviters[-1]))
        answer = inviters[-1].heard(step.send[0], 1.0)
        joiners.append(_copied(joiners[-1]))
        step = joiners[-1].heard(answer.send[0])
    return tuple(inviters), tuple(joiners)


def _copied(machine: Machine) -> Machine:
    """A machine that is where another one is and goes on by itself."""
    twin = copy.copy(machine)
    twin._expects = getattr(twin, machine._expects.__name__)  # noqa: SLF001 - the machines have no copy of their own
    twin._channel = copy.copy(machine._channel)  # noqa: SLF001 - as above
    if isinstance(twin, Inviter):
        twin.invitation = Invitation(_CODE, 0.0)
    return twin


def _inviter_heard(raw: bytes) -> object:
    """A frame, at each step that an inviter can be at; it raises nothing at all and always says when it is over."""
    inviters, joiners = _stages()
    steps = []
    for number, stage in enumerate(inviters):
        frame = raw
        if stage.proven:  # sealed, by somebody who knows the code and then says what it likes
            channel = copy.copy(joiners[number]._channel)  # noqa: SLF001 - a joiner that goes astray
            assert channel is not None, "both have proven"
            channel._sent = 0  # noqa: SLF001 - its own request is left unsaid
            frame = channel.seal(raw)
        steps.append(_copied(stage).heard(frame, 1.0))
    return steps


def _joiner_heard(raw: bytes) -> object:
    """A frame, at each step of a joiner; nothing but a refusal comes of it, or the next step."""
    for stage in _stages()[1]:
        try:
            _copied(stage).heard(raw)
        except Refused:
            continue
    return None


def _frames() -> list[bytes]:
    """The frames of a conversation that are in the clear, and what is in the sealed ones."""
    joiner = Joiner(_CODE, request_text(_REQUEST), _entropy("joiner"))
    inviter = Inviter(Invitation(_CODE, 0.0), _entropy("inviter"))
    first = joiner.begin().send[0]
    second = inviter.heard(first, 1.0).send[0]
    third = joiner.heard(second).send[0]
    sealed = [cbor.encode(["request", request_text(_REQUEST)]), cbor.encode(["joined"])]
    return [first, second, third, *sealed, cbor.encode(["refused", "wrong", 2])]


def letting_in() -> Iterable[Parser]:
    """Requests, admissions, and the conversation of a pairing."""
    frames = _frames()
    good = request_text(_REQUEST)
    admission = cbor.encode(
        [
            *(_PACKET.mesh, _PACKET.admission, _PACKET.transport),
            *([[short(MESH.epoch), EPOCH_KEY]], list(_PUSHES), list(_PACKET.addresses)),
        ]
    )
    request_inside = _unarmoured(good, REQUEST_PREFIX)
    yield Parser("request", lambda raw: read_request(text_of(raw)), [request_inside], dress=_armoured(REQUEST_PREFIX))
    yield Parser("request-text", lambda raw: read_request(text_of(raw)), [good.encode()], structured=False)
    yield Parser(
        "admission", lambda raw: read_admission(text_of(raw), _OPEN), [admission], dress=_armoured(ADMISSION_PREFIX)
    )
    sealed = wrap(admission, _LAPTOP.kem_key, b"mesh/admission/1")
    text = admission_text(_PACKET, _LAPTOP.kem_key).encode()
    yield Parser(
        "admission-text",
        lambda raw: read_admission(text_of(raw), _LAPTOP),
        [text, _armoured(ADMISSION_PREFIX)(sealed)],
        structured=False,
    )
    yield Parser("frame", lambda raw: read_frame(raw, "exchange", (int, int, bytes)), frames)
    yield Parser("inviter", _inviter_heard, frames, errors=(), share=0.3)
    yield Parser("joiner", _joiner_heard, frames, errors=(), share=0.3)
    elements = [Exchange(Role.JOINER, 7, _CODE.words, _entropy(name)).element for name in ("a", "b")]
    edges = [bytes(32), b"\1" + bytes(31), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little")]
    yield Parser("element", _exchanged, [*elements[:1], *edges], structured=False, share=0.1)
    yield Parser(
        "code",
        lambda raw: Code.parse(text_of(raw)),
        [b"7-orbit-velvet-canoe", b"999-a-b-c"],
        bytes_of,
        structured=False,
    )


# ---------------------------------------------------------------- names and announcements

_TAG_KEYS = (tag_key(EPOCH_KEY), tag_key(bytes(KEY_BYTES)))
_DEVICES = ("alderalderalder2", "birchbirchbirch2")


def _recognised(raw: bytes) -> object:
    from mesh.node.nearby.beacon import read_text  # noqa: PLC0415 - it imports a library that takes its time

    return recognised(read_text(raw), _TAG_KEYS, _DEVICES)


def names() -> Iterable[Parser]:
    """What is written by hand or heard on the local network."""
    from mesh.node.nearby.beacon import write_text  # noqa: PLC0415 - as above

    text = write_text(tagged(_TAG_KEYS[0], _DEVICES[0], bytes(8)))
    yield Parser("announcement", _recognised, [text, write_text({"v": b"1", "i": b"7"})], errors=(), structured=False)
    document = [str(NOTE).encode(), b"a/b/" + b"a" * 26]
    yield Parser("document", lambda raw: DocumentId.parse(text_of(raw)), document, bytes_of, structured=False)


def core() -> tuple[Parser, ...]:
    """All parsers of this module."""
    return (*events(), *talk(), *letting_in(), *names())
