"""Recovery: a new machine takes over a mesh whose admins are gone, by the 24 words and one survivor or a relay.

It asks and shows; what is said and when stands in the node. The words are read hidden, or from standard input, and go
nowhere else.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mesh.cli import agent, local, pair, prompts
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen, counted, one_line
from mesh.cli.serving import at_home
from mesh.errors import Misuse, Refused, Unreachable
from mesh.limits import ADDRESSES_PER_PEER_MAX, RANK_ADMIN_LAST
from mesh.names import Digest, device_text, digest_text, role_text

if TYPE_CHECKING:
    from mesh.events.verdict import Admission

PHRASE_CHARACTERS_MAX = 1000  # 24 words have at most 215, and people number and space them
Devices = Sequence["Admission"]


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    shown = examples(
        "mesh recover",
        "mesh recover --from 192.168.1.20:4222 --name mac",
        "mesh recover --from relay.example.org:4222 --close phone",
        "mesh recover --from 192.168.1.20:4222 --keep laptop --yes < words",
    )
    app.command("recover", cls=Command, epilog=shown)(recover)


def recover(
    context: typer.Context,
    *,
    survivor: Annotated[
        str | None, typer.Option("--from", metavar="HOST:PORT", help="A device or relay of the mesh that is left.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call this device.")] = None,
    keep: Annotated[list[str] | None, typer.Option(metavar="NAME", help="This admin stays in. Repeatable.")] = None,
    close: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This member is closed too. Repeatable.")
    ] = None,
    no_up: Annotated[bool, typer.Option("--no-up", help="Leave the agent off afterwards.")] = False,
) -> None:
    """Take over a mesh with this new machine, by the 24 words of its recovery phrase: everything else may be lost."""
    from mesh.cli.words import entropy_of
    from mesh.node import recovering

    run = running(context)
    at_home(run)
    again = local.state_of(run.home) == "joined"
    if again:
        recovering.must_be_owed(run.home)
    piped = not (sys.stdin and sys.stdin.isatty())
    entropy = entropy_of(_phrase(piped=piped))
    named = tuple(keep or ()), tuple(close or ())
    closing = (_on if again else _begun)(run, entropy, survivor, name or "", named, piped)
    work = recovering.finish(run.home, entropy, closing, run.interfaces, run.out.notice)
    result = local.done(work)
    run.out.acknowledge(result, lambda screen: _recovered(screen, result))
    if result["left_out"]:
        run.out.warn(f"{counted(result['left_out'], 'place')} of closed devices did not fit into the marks: void work.")
    pair.started(run, up=not no_up)


def _phrase(*, piped: bool) -> str:
    if not piped:
        return getpass.getpass("The 24 words of the recovery phrase (not shown): ")
    typed = sys.stdin.read(PHRASE_CHARACTERS_MAX) if sys.stdin else ""
    if not typed.strip():
        message = "no recovery phrase was given"
        raise Misuse(message, hint="Type it when asked, or pipe it in. Never give it as an argument.")
    return typed


_Named = tuple[Collection[str], Collection[str]]


def _begun(
    run: Run,
    entropy: bytes,
    survivor: str | None,
    name: str,
    named: _Named,
    piped: bool,  # noqa: FBT001 - its one caller
) -> Collection[Digest]:
    """Find the mesh, ask, and let this machine in. Whom to close."""
    from mesh.cli.words import fingerprint_words
    from mesh.node import recovering

    addresses = [survivor] if survivor else _in_sight(run)
    run.out.notice("Asking for what was decided in this mesh ...")
    survey = local.done(recovering.surveyed(run.home, name, entropy, addresses))
    tell = run.out.notice if run.yes else run.out.warn
    tell(f"mesh     {fingerprint_words(digest_text(survey.mesh))}")
    closing = _chosen(run, survey.devices(), named, piped=piped)
    prompts.confirm(run, "Take it over with this machine as its founder?", input_used=piped)
    local.done(recovering.take_over(run.home, entropy, survey))
    run.out.notice("This machine is in. Fetching what the others hold; if this is cut off: mesh recover")
    return closing


def _on(
    run: Run,
    entropy: bytes,
    survivor: str | None,
    name: str,
    named: _Named,
    piped: bool,  # noqa: FBT001 - as above
) -> Collection[Digest]:
    """Go on with a recovery that was cut off. Whom to close."""
    from mesh.node import recovering

    agent.ended(run)  # it does everything that is left but what takes the words
    devices = local.done(recovering.owed(run.home, name, entropy))
    closing = _chosen(run, devices, named, piped=piped)
    prompts.confirm(run, "Go on with the recovery that was cut off?", input_used=piped)
    if survivor:
        run.ask("peer.add", {"address": survivor})
    return closing


def _in_sight(run: Run) -> list[str]:
    """The addresses of whoever announces a device of some mesh. Raises Unreachable."""
    run.out.notice("Looking for a device of the mesh ...")
    found = [sighting.addresses for sighting in pair.sightings(run) if sighting.calling == "device"]
    addresses = list(dict.fromkeys(address for some in found for address in some))
    if not addresses:
        message = "no device of any mesh is in sight"
        raise Unreachable(message, hint="Name a device or relay that is left: mesh recover --from HOST:PORT")
    return addresses[: ADDRESSES_PER_PEER_MAX * ADDRESSES_PER_PEER_MAX]


# ── whom to close ────────────────────────────────────────────────────────────────────────────────


def _chosen(run: Run, devices: Devices, named: _Named, *, piped: bool) -> Collection[Digest]:
    """All admins but those to keep; of the members those that are named, or that the person says are gone."""
    keep, close = ({_named(devices, text) for text in texts} for texts in named)
    if keep & close:
        message = "a device cannot be kept and closed"
        raise Misuse(message, hint="Leave one of --keep and --close out.")
    closing = {a.digest for a in devices if a.rank <= RANK_ADMIN_LAST} - keep | close
    for one in devices:
        if one.digest not in closing | keep and not run.yes and _gone(one, piped=piped):
            closing.add(one.digest)
    tell = run.out.notice if run.yes else run.out.warn
    for one in devices:
        tell(f"{'closed' if one.digest in closing else 'kept  '}   {_shown(one)}")
    return closing


def _gone(one: Admission, *, piped: bool) -> bool:
    answer = prompts.answered(f"Is {_shown(one)} lost too? [y/N] ", input_used=piped)
    return answer.lower() in {"y", "yes"}


def _named(devices: Devices, text: str) -> Digest:
    fit = [a.digest for a in devices if a.name == text or device_text(a.digest).startswith(text.lower())]
    if len(fit) != 1:
        problem = f"{one_line(text)!r} fits {'several devices' if fit else 'no device that could be closed'}"
        listed = ", ".join(f"{one_line(a.name)} {device_text(a.digest)}" for a in devices)
        raise Refused(problem, hint=f"There are: {listed}. Nothing was changed.")
    return fit[0]


def _shown(one: Admission) -> str:
    return f"{one_line(one.name)}, {role_text(one.rank)}  {device_text(one.digest)}"


def _recovered(screen: Screen, result: dict[str, object]) -> list[str]:
    def names(key: str) -> str:
        value = result[key]
        return ", ".join(map(one_line, value)) if isinstance(value, list) and value else "nobody"

    held = f"{counted(result['events'], 'event')}, {counted(result['documents'], 'document')}"
    return [
        f"{screen.ink('recovered', 'green')}  {one_line(result['name'])}  {one_line(result['device'])}",
        *screen.fields([("closed", names("closed")), ("kept", names("kept")), ("holds", held)]),
    ]
