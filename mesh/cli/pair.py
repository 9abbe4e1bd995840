"""Pairing by a spoken code: an admin device shows the code and lets the other one in; the other one joins with it.

It shows and asks; the exchange and its rules are in `mesh.sync.pairing`. No code is ever kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from mesh.cli import admitting, local, prompts
from mesh.cli.agent import ensured
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen, counted, one_line
from mesh.errors import MeshError, Misuse, Unreachable
from mesh.limits import RANK_ADMIN_LAST, RANK_FOUNDER, RANK_MAX, RANK_MEMBER, RANK_RELAY
from mesh.names import role_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mesh.node.ports import Sighting

LOOK_S = 2.0  # whoever announces answers within one
_RANK_ADMIN = RANK_FOUNDER + 1  # any rank of an admin asks for one: who lets us in sets it
assert _RANK_ADMIN <= RANK_ADMIN_LAST, "admins end below members"
RANKS = {"admin": _RANK_ADMIN, "member": RANK_MEMBER, "relay": RANK_RELAY}
"""What a joiner asks for."""


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    shown = examples("mesh invite", "mesh invite --member", "mesh invite --json --yes")
    app.command("invite", cls=Command, epilog=shown)(invite)


def invite(
    context: typer.Context,
    *,
    member: Annotated[bool, typer.Option("--member", help="Let it in as a member, whatever it asks for.")] = False,
) -> None:
    """Let another device in by a code that you read out: shows the code, then who came, and asks."""
    from mesh.cli.words import new_code

    run, code = running(context), new_code()
    with admitting.offered(run, "invite", {"code": code, "member": member}) as items:
        for item in items:
            if _admitted(run, code, item):
                return


def _admitted(run: Run, code: str, item: dict[str, object]) -> bool:
    """Show one item of an open invitation; whether it was the last."""
    match item:
        case {"opened": {"addresses": list(addresses)}}:
            _show(run, code, [str(each) for each in addresses])
        case {"wrong": {"tries_left": int(left)}}:
            run.out.warn(f"Somebody called with another code; it may be tried {counted(left, 'time')} more.")
        case {"asking": dict(asking)}:
            _ask(run, asking)
        case {"admitted": dict(admitted)}:
            name, role = one_line(admitted.get("name")), _role(admitted.get("rank"))
            run.out.item({"admitted": admitted}, lambda screen: f"{screen.ink('admitted', 'green')}  {name} as {role}")
            return True
        case _:  # of a later version
            pass
    return False


def _show(run: Run, code: str, addresses: Sequence[str]) -> None:
    text = f"{code}@{','.join(addresses)}" if addresses else code
    told: dict[str, object] = {"code": code, "addresses": list(addresses), "text": text}
    run.out.item(told, lambda screen: screen.ink(code, "bold"))
    admitting.picture(run, text)
    run.out.notice(f"On the other device: mesh join {code}")
    if addresses:
        run.out.notice(f"Where it does not find this one: mesh join {text}")
    run.out.notice("Waiting for it, five minutes at most; Ctrl-C ends the invitation.")


def _ask(run: Run, asking: dict[str, object]) -> None:
    from mesh.cli.words import fingerprint_words

    about = (
        f"device       {one_line(asking.get('name'))}",
        f"fingerprint  {fingerprint_words(str(asking.get('fingerprint')))}",
        "The device that joins shows the same words; if it does not, somebody else is asking.",
    )
    admitting.let_in(run, "device", ("invite.answer", {}), about, f"Let it in as {one_line(asking.get('rank'))}?")


def _role(rank: object) -> str:
    return role_text(rank if isinstance(rank, int) else RANK_MAX)


# ── the device that joins ────────────────────────────────────────────────────────────────────────


def join_with(run: Run, typed: str, *, name: str, role: str, up: bool) -> None:
    """Join with a code as a person typed it, with or without addresses behind an @. Raises MeshError."""
    from mesh.cli.words import fingerprint_words, read_code
    from mesh.node import home as homes
    from mesh.node.pairing import Caller
    from mesh.sync.pairing_frames import Code

    spoken, at, where = typed.partition("@")
    code = Code.parse(read_code(spoken))
    inviters = [_addresses(where)] if at else _inviters(run, code.nameplate)
    asked = local.done(homes.request(run.home, name, RANKS[role]))
    run.out.notice(f"fingerprint  {fingerprint_words(str(asked['fingerprint']))}")

    async def keep(admission: str) -> dict[str, object]:
        return await homes.accept(run.home, admission)

    def waiting() -> None:
        run.out.notice("The other device shows the same words: confirm there.")

    joined = local.done(Caller(code, str(asked["request"]), waiting).called(inviters, keep))
    run.out.acknowledge({"mesh": joined["mesh"], "device": joined["device"]}, lambda screen: _joined(screen, joined))
    started(run, up=up)


def look_around(run: Run) -> str:
    """Tell what is in reach, and ask for a code; empty to found a mesh. With --yes it asks nothing and is empty."""
    run.out.notice(_in_reach(sightings(run)))
    if run.yes:
        return ""
    return prompts.answered(
        "The code that `mesh invite` shows on the other device (empty founds a new mesh): ",
        hint="Give the code as an argument: mesh join CODE; or found a mesh: mesh join --new.",
    )


def started(run: Run, *, up: bool) -> None:
    """Start the agent of a device that has just joined; that it joined holds in any case."""
    if not up:
        run.out.notice("Next: `mesh up` starts the agent.")
        return
    try:
        ensured(run)
    except MeshError as error:
        run.out.warn(f"This device is in, but its agent does not start: {one_line(error)}")
        run.out.warn("Next: `mesh up` tries again; `mesh logs` says more.")
    else:
        run.out.notice("The agent is running: `mesh status`.")


def _joined(screen: Screen, joined: dict[str, object]) -> list[str]:
    from mesh.cli.words import fingerprint_words

    return [
        f"{screen.ink('joined', 'green')}  admitted by {one_line(joined.get('admitted_by'))}",
        *screen.fields([("mesh", fingerprint_words(str(joined["mesh"])))]),
    ]


def _addresses(where: str) -> list[str]:
    from mesh.node.transport.visits import split_address

    addresses = [part.strip() for part in where.split(",") if part.strip()]
    try:
        for address in addresses:
            split_address(address)
    except Unreachable as error:
        raise Misuse(str(error), hint=error.hint) from error
    if not addresses:
        message = "there is no address behind the @"
        raise Misuse(message, hint="CODE@HOST:PORT, as `mesh invite` shows it.")
    return addresses


def _inviters(run: Run, nameplate: int) -> list[Sequence[str]]:
    """The addresses of each device in sight that announces an invitation of this number. Raises Unreachable."""
    run.out.notice("Looking for the other device ...")
    number = str(nameplate).encode()
    found = [each.addresses for each in sightings(run) if _invites(each) and each.text.get("i") == number]
    if not found:
        message = f"no device in sight shows a code that begins with {nameplate}"
        hint = (
            "Is the invitation still open, and are both on one network? Where they do not see each other, type the "
            "longer form that `mesh invite` shows too: mesh join CODE@HOST:PORT"
        )
        raise Unreachable(message, hint=hint)
    apart: list[Sequence[str]] = []
    for addresses in sorted(found, key=len, reverse=True):  # one device may be sighted with some, then with all
        new = [address for address in addresses if not any(address in other for other in apart)]
        apart += [new] if new else []
    return apart


def sightings(run: Run) -> Sequence[Sighting]:
    """What is announced on the local network just now."""
    from mesh.node.ports import BEACON_VARIABLE

    if os.environ.get(BEACON_VARIABLE) == "off":
        return ()
    from mesh.node.nearby import beacon

    return local.done(beacon.look_around(run.interfaces, LOOK_S))


def _invites(sighting: Sighting) -> bool:
    return sighting.calling == "invitation" and sighting.text.get("v") == b"1" and "i" in sighting.text


def _in_reach(seen: Sequence[Sighting]) -> str:
    devices = sum(sighting.calling == "device" for sighting in seen)
    invitations = len({sighting.text["i"] for sighting in seen if _invites(sighting)})
    parts = [f"{counted(devices, 'device')} of some mesh"] * bool(devices)
    parts += [counted(invitations, "open invitation")] * bool(invitations)
    if not parts:
        return "No other device of mesh is in reach."
    verb = "is" if devices + invitations == 1 else "are"
    return f"{' and '.join(parts)} {verb} in reach."
