"""What letting a device in from here takes, by a spoken code or by a page: an open offer, a picture to scan, and a yes.

It shows and asks; who comes in is decided by the agent. It keeps no code and no token.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from mesh.cli import local, prompts
from mesh.cli.agent import ensured
from mesh.cli.run import Run
from mesh.errors import Misuse, Unreachable
from mesh.node.socket_client import Connection, Told


@contextmanager
def offered(run: Run, name: str, arguments: Told) -> Iterator[Iterator[Told]]:
    """What the agent, which is started for it, says while the offer of this call is open: until the block ends."""
    local.must_be_joined(run.home)
    ensured(run)
    with _agent(run, "the agent ended just now") as connection:
        yield connection.stream(name, arguments)  # closing it ends the offer, and declines whoever waits


def let_in(run: Run, what: str, answer: tuple[str, Told], about: Sequence[str], question: str) -> None:
    """Tell the person who waits, ask, and give the agent the yes by this call. Raises Refused after a no."""
    call, more = answer
    tell = run.out.notice if run.yes else run.out.warn  # whoever is asked must see what about
    for line in about:
        tell(line)
    prompts.confirm(run, question)
    with _agent(run, f"the agent ended before the {what} was let in") as connection, suppress(Misuse):
        connection.call(call, {"yes": True, **more})  # where nobody waits any more, the stream says why


def picture(run: Run, text: str) -> None:
    """Draw a text for a camera, where a person sees it."""
    if run.out.json or run.out.quiet or not sys.stderr.isatty():
        return
    import segno

    run.out.notice("")
    segno.make(text, error="l", micro=False).terminal(out=sys.stderr, compact=True)


def _agent(run: Run, otherwise: str) -> Connection:
    """A conversation with the agent. Raises Unreachable with these words where it is gone."""
    connection = run.agent()
    if connection is None:
        raise Unreachable(otherwise, hint="`mesh logs` says why; then try again.")
    return connection
