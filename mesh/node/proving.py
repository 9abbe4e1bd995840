"""Proving: what this agent finds itself of what a receipt claims, and the evidence that hooks bring it.

Commits are asked of git, files are read, paths are told from the top of their project; nobody's word is taken for any
of it. What it all amounts to is decided in `mesh.state.claims`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.names import DocumentId
from mesh.node import clock, evidence, git
from mesh.node.arguments import Arguments, needed, text
from mesh.state import claims, projects
from mesh.state.claims import Claim, Facts, Pointer, Trace

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def top_of(agent: Agent, project: str, cwd: str) -> str:
    """Where the work lies on this device: what a receipt says of files is told from there, as on every device."""
    if cwd and (found := await git.ask(cwd, "rev-parse", "--show-toplevel")):
        return found
    row = await agent.store.record(DocumentId.parse(project)) if project else None
    return projects.path_on(row.record, agent.device) if row else ""


def from_top(top: str, traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """Traces with their paths from the top; those that lie elsewhere stay whole."""
    return tuple(replace(trace, path=trace.path.removeprefix(f"{top}/")) for trace in traces) if top else tuple(traces)


async def weighed(given: Sequence[tuple[str, object]], traces: Sequence[Trace], cwd: str, top: str) -> list[Claim]:
    """Claims with the status that traces, and looks at what they point at, allow. Raises Misuse."""
    pointed = [(words, claims.pointer(points, traces)) for words, points in given]
    facts = await _facts([points for _, points in pointed], traces, cwd, top)
    return [claims.weighed(words, points, traces, facts) for words, points in pointed]


async def _facts(pointers: Sequence[Pointer], traces: Sequence[Trace], cwd: str, top: str) -> Facts:
    """What this agent finds just now of the commits and files that claims point at."""
    named = {trace.id: trace for trace in traces}
    pointed = [named[points["id"]] for points in pointers if points.get("id") in named]
    commits = {*(points.get("commit", "") for points in pointers), *(trace.commit for trace in pointed)} - {""}
    bases = {trace.path: top for trace in pointed} | {points.get("path", ""): cwd for points in pointers}
    whole = {sha: await _commit(cwd, sha) for sha in sorted(commits)} if cwd else {}
    digests = {path: await _digest(base, path) for path, base in sorted(bases.items()) if path}
    return Facts(
        {sha: found for sha, found in whole.items() if found}, {path: one for path, one in digests.items() if one}
    )


async def _commit(cwd: str, sha: str) -> str:
    """The whole name of a commit that the repository has; empty for none."""
    if not sha.isalnum() or not Path(cwd).is_absolute():
        return ""
    return await git.ask(cwd, "rev-parse", "--verify", "-q", f"{sha}^{{commit}}") or ""


async def _digest(cwd: str, path: str) -> str:
    place = Path(cwd, path) if cwd else Path(path)
    return await asyncio.to_thread(evidence.digest_of, place) if place.is_absolute() else ""


async def add(agent: Agent, arguments: Arguments) -> object:
    """Keep what a hook saw of a session; what this agent can look at itself, it looks at itself."""
    session, cwd = needed(arguments, "session"), text(arguments, "cwd") or ""
    trace = evidence.trace_of(arguments, clock.now_ms())
    if trace.kind == claims.FILE:
        digest = await _digest(cwd, trace.path)
        trace = Trace(trace.id, trace.kind, trace.at_ms, path=str(Path(cwd, trace.path)), digest=digest)
    fresh = await agent.evidence.add(session, trace)
    committed = trace.kind == claims.RUN and trace.exit == 0 and "git commit" in trace.command
    if fresh and committed and cwd and (head := await git.ask(cwd, "rev-parse", "--verify", "-q", "HEAD")):
        await agent.evidence.add(session, Trace(f"{trace.id[:200]}/commit", claims.COMMIT, trace.at_ms, commit=head))
    return {"fresh": fresh}
