"""Signed runs of a phone by plain HTTP: for what wakes without a page, and cannot hold a socket open.

The runs authenticate themselves, as everywhere; that only a live device in a browser speaks here, and only for itself,
keeps the page from being a second way in for everybody else. It keeps nothing: the engine does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from mesh.clocks.chain import START
from mesh.errors import Malformed, Stranger
from mesh.events.bodies import decode_body
from mesh.events.event import CLEAR, Lane, Run, decode_header, decode_inner
from mesh.events.kinds import Opening
from mesh.events.verdict import Admission
from mesh.names import Digest, device_text
from mesh.node.gateway.replies import Routes, body_of
from mesh.sync.messages import Push, decode_push

if TYPE_CHECKING:
    from mesh.node.agent import Agent


class Events:
    """Takes runs for one agent."""

    def __init__(self, agent: Agent) -> None:
        """Use `routes`."""
        self._agent = agent

    def routes(self) -> Routes:
        """What is answered."""
        return [("POST", "/api/ev", self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """Hand a Push to the engine as heard from the device that wrote it. Raises Refused; then nothing changed."""
        push = decode_push(await body_of(request))
        device = self._writer(push)
        effects = await self._agent.engine.hear(device_text(device.digest), Push(push.runs))
        if effects.refused:
            why = effects.alarms[0] if effects.alarms else "its signature or its place in the chain does not fit"
            raise Malformed(f"what was sent does not hold: {why}")
        held = len([event for event in effects.append if event.admission == device.digest])
        return web.json_response({"held": held, "tips": self._tips(device)}, headers={"Cache-Control": "no-store"})

    def _writer(self, push: Push) -> Admission:
        """The one live phone of which all runs are. Raises Malformed, Stranger."""
        if not push.runs:
            raise Malformed("there is no run in it")
        verdict = self._agent.engine.replica.verdict
        writers = {self._admission(run) for run in push.runs}
        found = verdict.live.get(writers.pop()) if len(writers) == 1 else None
        if found is None or not found.in_browser:
            raise Stranger("only a phone of this mesh may send its own events here")
        return found

    def _admission(self, run: Run) -> Digest:
        """Under which admission a run's chain lives: as it is held, or as its opening says."""
        chain = self._agent.engine.replica.chains.chains.get(run.chain)
        if chain is not None:
            return chain.admission
        if run.after != START or not run.events or run.events[0].body is None:
            raise Malformed("a run stands on what is not held here; send its chain from the beginning")
        header = decode_header(run.events[0].header)
        inner = decode_inner(header.inner) if header.epoch == CLEAR else None
        body = decode_body(Lane.CONTROL, inner.kind, run.events[0].body) if inner is not None else None
        if not isinstance(body, Opening):
            raise Malformed("a chain does not start with an opening")
        return body.admission

    def _tips(self, device: Admission) -> list[list[object]]:
        """How far each chain of the phone is held here: chain, number of its last event, and that event."""
        chains = self._agent.engine.replica.chains.chains
        return [
            [name.hex(), head.seq, head.digest.hex()]
            for name, chain in sorted(chains.items())
            if chain.admission == device.digest
            for head in chain.ends()
        ]
