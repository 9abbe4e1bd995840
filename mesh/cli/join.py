"""How a device comes into a mesh: by a code, by founding one, or by a request and an admission that people carry.

All but the code works without a network. It never keeps the recovery phrase.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mesh.cli import calls, local, prompts
from mesh.cli.options import Command, examples, running
from mesh.cli.reading import carried_text
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.cli.serving import at_home
from mesh.errors import Misuse
from mesh.limits import ADMISSION_BYTES_MAX, REQUEST_BYTES_MAX

JOIN_EXAMPLES = examples(
    "mesh join",
    "mesh join 7-orbit-velvet-canoe",
    "mesh join 7-orbit-velvet-canoe@192.168.1.20:40123",
    "mesh join --new --name laptop",
    "mesh join --request",
    "mesh join --relay 7-orbit-velvet-canoe@192.168.1.20:40123",
    "mesh join --request --relay --name outside",
    "mesh join --admission mesh-admission-1.abc...",
    "ssh laptop mesh admit --yes - < request | mesh join --admission - --yes",
)
ADMIT_EXAMPLES = examples(
    "mesh admit mesh-request-1.abc...",
    "mesh admit - --yes < request > admission",
    "mesh admit mesh-request-1.abc... --rank member",
)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("join", cls=Command, epilog=JOIN_EXAMPLES)(join)
    app.command("admit", cls=Command, epilog=ADMIT_EXAMPLES)(admit)


def join(
    context: typer.Context,
    code: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE]", help="What `mesh invite` shows on a device of the mesh.")
    ] = None,
    *,
    new: Annotated[bool, typer.Option("--new", help="Found a mesh with this device as its first.")] = False,
    request: Annotated[bool, typer.Option("--request", help="Print what another device admits this one by.")] = False,
    admission: Annotated[
        str | None, typer.Option(metavar="A|-", help="Join with this admission; - reads standard input.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call this device.")] = None,
    member: Annotated[bool, typer.Option("--member", help="Ask to be a member: phones and servers.")] = False,
    relay: Annotated[
        bool, typer.Option("--relay", help="Ask to be a relay: it holds and passes on what it cannot read.")
    ] = False,
    no_up: Annotated[bool, typer.Option("--no-up", help="Leave the agent off afterwards.")] = False,
) -> None:
    """Bring this device into a mesh: by a code, by founding one, or by an admission that people carry."""
    run = running(context)
    carried = new or request or admission is not None
    if [new, request, admission is not None, bool(code)].count(True) > 1:
        message = "join in one way at a time"
        hint = (
            "CODE joins with what `mesh invite` shows; --new founds a mesh; --request asks to be let into one; "
            "--admission A brings the answer."
        )
        raise Misuse(message, hint=hint)
    if relay and (member or new or admission is not None):
        message = "a relay is let into a mesh that is there, by a code or by a request"
        raise Misuse(message, hint="mesh join --relay CODE, or mesh join --request --relay")
    if carried and (member or no_up):
        message = "--member and --no-up go with a code, or with `mesh join` alone"
        raise Misuse(message, hint="`mesh admit --rank member` sets the rank of a request; `mesh up` starts the agent.")
    at_home(run)
    if new:
        _found(run, name or "")
    elif request:
        _request(run, name or "", "relay" if relay else "member")
    elif admission is not None:
        _accept(run, admission, name)
    else:
        role = "relay" if relay else "member" if member else "admin"
        _pair(run, " ".join(code or ()), name or "", role=role, up=not no_up)


def admit(
    context: typer.Context,
    request: Annotated[str, typer.Argument(metavar="REQUEST|-", help="The request; - reads standard input.")],
    rank: Annotated[
        str | None,
        typer.Option(metavar="admin|member|relay", help="Its rank; relay if it asks to be one, else admin."),
    ] = None,
) -> None:
    """Let another device into this mesh: shows who asks, and prints the admission."""
    from mesh.node.home import describe_request

    run = running(context)
    text = carried_text(request, 2 * REQUEST_BYTES_MAX, "request")
    asking = describe_request(text)
    asked = asking.get("role")
    role = rank if rank is not None else "relay" if asked == "relay" else "admin"
    call = calls.admit(request=text, rank=role)
    local.must_be_joined(run.home)
    from mesh.cli.words import fingerprint_words

    tell = run.out.notice if run.yes else run.out.warn  # whoever is asked must see what about
    tell(f"device       {one_line(asking['name'])}")
    tell(f"fingerprint  {fingerprint_words(str(asking['fingerprint']))}")
    tell("The device that asks shows the same words; if it does not, somebody else is asking.")
    prompts.confirm(run, f"Let it in as {role}?", input_used=request == "-")
    result = run.ask(*call)
    run.out.result(result, lambda _: [one_line(result.get("admission"), 4 * ADMISSION_BYTES_MAX)])
    run.out.notice("Bring this to the device that asked: mesh join --admission -")


def _pair(run: Run, typed: str, name: str, *, role: str, up: bool) -> None:
    from mesh.cli import pair

    _not_joined(run)
    typed = typed or pair.look_around(run)
    if typed:
        pair.join_with(run, typed, name=name, role=role, up=up)
        return
    if role != "admin":
        message = "who founds a mesh is its first admin"
        raise Misuse(message, hint=f"--{role} goes with a code.")
    prompts.confirm(run, "Found a new mesh with this device as its first?")
    _founded_now(run, name)
    pair.started(run, up=up)
    run.out.notice("On another device: `mesh join`, with the code that `mesh invite` shows here.")


def _found(run: Run, name: str) -> None:
    _not_joined(run)
    run.out.notice("This founds a new mesh with this device as its first.")
    prompts.confirm(run, "Found it?")
    _founded_now(run, name)
    run.out.notice("Next: `mesh up` starts the agent; on another device: `mesh join --request`.")


def _founded_now(run: Run, name: str) -> None:
    from mesh.node import home as homes

    founded = local.done(homes.found(run.home, name))
    entropy = founded["recovery_phrase_entropy"]
    assert isinstance(entropy, bytes), "the entropy of the recovery phrase is bytes"
    from mesh.cli import words

    phrase = words.phrase(entropy)
    result: dict[str, object] = {"mesh": founded["mesh"], "device": founded["device"], "recovery_phrase": phrase}
    run.out.result(result, lambda screen: _founded(screen, founded, phrase))
    if run.yes or run.out.json:
        run.out.warn("The phrase was not checked: make sure that you have it on paper.")
    elif not _checked(run, phrase):
        run.out.warn("The mesh is founded, but the phrase that you wrote down was not right. Compare every word above.")


def _checked(run: Run, phrase: str) -> bool:
    from mesh.cli import words

    try:
        return words.check_written(run, phrase)
    except (KeyboardInterrupt, Misuse):
        run.out.warn("\nThe mesh is founded. The phrase was not checked: make sure that you have it on paper.")
        if isinstance(sys.exception(), KeyboardInterrupt):
            raise
        return True


def _founded(screen: Screen, founded: dict[str, object], phrase: str) -> list[str]:
    from mesh.cli.words import fingerprint_words, phrase_lines

    lines = screen.fields(
        [
            ("mesh", f"{fingerprint_words(str(founded['mesh']))}  ({one_line(founded['mesh'])[:16]})"),
            ("device", f"{one_line(founded.get('name'))}  {one_line(founded['device'])}"),
        ]
    )
    lines += ["", "The recovery phrase, shown this once. Write it on paper; whoever has it owns the mesh:", ""]
    return [*lines, *phrase_lines(screen, phrase), ""]


def _request(run: Run, name: str, role: str) -> None:
    from mesh.cli.admitting import picture
    from mesh.cli.pair import RANKS
    from mesh.cli.words import fingerprint_words
    from mesh.node import home as homes

    _not_joined(run)
    asked = local.done(homes.request(run.home, name, RANKS[role]))
    text = str(asked["request"])
    run.out.result({"request": text}, lambda _: [text])
    picture(run, text)
    run.out.notice(f"fingerprint  {fingerprint_words(str(asked['fingerprint']))}")
    run.out.notice("Next: `mesh admit REQUEST` on a device of the mesh, then here `mesh join --admission -`.")


def _accept(run: Run, admission: str, name: str | None) -> None:
    from mesh.cli.words import fingerprint_words
    from mesh.node import home as homes

    if name is not None:
        message = "the name was set with the request and is part of the admission"
        raise Misuse(message, hint="Leave --name out, or make a new request: mesh join --request --name NAME")
    text = carried_text(admission, 2 * ADMISSION_BYTES_MAX, "admission")
    found = local.done(homes.peek(run.home, text))
    members = found.get("devices")
    tell = run.out.notice if run.yes else run.out.warn
    tell(f"mesh         {fingerprint_words(str(found['mesh']))}")
    if isinstance(members, list):
        tell(f"its devices  {', '.join(one_line(member) for member in members)}")
    if found.get("admitted_by"):
        tell(f"admitted by  {one_line(found['admitted_by'])}")
    tell(f"this device  {one_line(found.get('name'))}")
    prompts.confirm(run, "Join it?", input_used=admission == "-")
    joined = local.done(homes.accept(run.home, text))
    run.out.acknowledge(
        {"mesh": joined["mesh"], "device": joined["device"]},
        lambda screen: [f"{screen.ink('joined', 'green')}  admitted by {one_line(joined.get('admitted_by'))}"],
    )
    run.out.notice("Next: `mesh up` starts the agent.")


def _not_joined(run: Run) -> None:
    if local.state_of(run.home) == "joined":
        message = "this device belongs to a mesh already"
        raise Misuse(message, hint="`mesh status` shows it; another mesh lives in another home: --home DIR.")
