"""Projects on this device: found by what git tells of a folder, or by what somebody calls them.

A folder that is no repository, or one that no other device could recognise, belongs to no project: nothing is made of
a path. What this module makes of a repository is the same document on every device (state/projects.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.node import agents, git, keeping
from mesh.node.arguments import Arguments, text
from mesh.node.keeping import New
from mesh.state import projects
from mesh.state.projects import Known, Repository
from mesh.state.records import Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def of(agent: Agent, arguments: Arguments) -> object:
    """The project that a folder belongs to, made when it is new; or the one of that name or id. All empty: none."""
    name = agents.name_in(arguments)
    if said := text(arguments, "project"):
        return projects.told(called(await known(agent, name), said))
    found = await here(agent, name, text(arguments, "cwd") or "")
    return projects.told(found[0]) if found else {"document": "", "name": "", "root": "", "remotes": [], "paths": {}}


async def listed(agent: Agent, arguments: Arguments) -> object:
    """All projects; those that are one are listed once."""
    return {"projects": [projects.told(one) for one in (await known(agent, agents.name_in(arguments))).all()]}


async def known(agent: Agent, name: str) -> Known:
    """The projects that are known here and may be seen."""
    return Known([row.record for row in await keeping.listed(agent, name, (projects.KIND,))])


async def chosen(agent: Agent, name: str, arguments: Arguments) -> str:
    """The project of a call that names one, or a folder; empty where there is none. Raises Misuse."""
    if said := text(arguments, "project"):
        return str(called(await known(agent, name), said).document)
    found = await here(agent, name, text(arguments, "cwd") or "")
    return str(found[0].document) if found else ""


def called(those: Known, said: str) -> Record:
    """The project that somebody means by its name, its id or the beginning of it. Raises Misuse."""
    fit = those.meant(said)
    if len(fit) == 1:
        return fit[0]
    if not fit:
        raise Misuse(f"there is no project {said!r}", hint="In its folder: `mesh brief --project .`")
    named = ", ".join(str(one.document) for one in fit)
    raise Misuse(f"{said!r} fits several projects: {named}", hint="Give more of the id.")


async def here(agent: Agent, name: str, cwd: str) -> tuple[Record, Repository] | None:
    """The project that a folder of this device belongs to, made when it is new, with what git tells of it."""
    repository = await git.repository(cwd) if cwd else None
    if repository is None or not repository.known:
        return None
    found = (await known(agent, name)).fitting(repository)
    if found is None:
        born = New(projects.KIND, projects.registers_of_birth(repository), salted=False)
        document = await keeping.made(agent, name, born)
    else:
        document = found.document
    await keeping.changed(agent, name, document, lambda record: projects.learned(record, repository, agent.device))
    row = await agent.store.record(document)
    assert row is not None, "it was made or found just now"
    return row.record, repository
