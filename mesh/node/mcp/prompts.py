"""The prompts, which clients show as commands: what a person most often says to an agent, with the briefing in it.

A prompt changes nothing: it asks the agent to use the tools. This module knows no protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesh.errors import Misuse
from mesh.node import agents
from mesh.node.mcp import tools
from mesh.node.mcp.caller import Caller


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt. `briefed`: the briefing stands below it."""

    name: str
    words: str
    asks: str
    arguments: tuple[str, ...] = ("project",)
    briefed: bool = False


PROMPTS = (
    Prompt(
        "standup",
        "The morning view: what happened on all devices, what waits",
        "Tell me in a few lines what happened since yesterday, what waits for me, and what you would do first. "
        "Keep apart what was verified and what was only asserted. Change nothing yet.",
        briefed=True,
    ),
    Prompt(
        "catchup",
        "What this project needs to go on",
        "Read this briefing and say in three sentences where this project stands and what comes next.",
        briefed=True,
    ),
    Prompt(
        "pickup",
        "Take over the best open hand-off, or the one named",
        "Call the tool pickup{about}. Check with its verify steps where the work stands, then go on with what remains. "
        "If it is older than a day, ask me first.",
        ("id",),
    ),
    Prompt(
        "handoff",
        "Leave what is unfinished for the next agent",
        "Call the tool handoff{about}: a goal of one specific sentence, what is done, each remaining step as an item "
        "that somebody can act on, decisions with why, what did not work, the files, and how to verify. "
        "Then call receipt for what you did change.",
    ),
    Prompt(
        "ship",
        "File the receipt for what was done here",
        "Call the tool receipt{about}: what changed and why, each claim with its evidence (a command that you ran, a "
        "commit, a path), and honestly what is not done. Claim nothing that you did not check.",
    ),
)
BY_NAME: Mapping[str, Prompt] = {prompt.name: prompt for prompt in PROMPTS}


async def text(caller: Caller, name: str, given: Mapping[str, str]) -> str:
    """What a prompt says to the agent. Raises Misuse: no such prompt, or argument; and what the calls raise."""
    prompt = BY_NAME.get(name)
    if prompt is None:
        raise Misuse(f"there is no prompt {name!r}", hint=f"There are: {', '.join(BY_NAME)}.")
    if strange := sorted(given.keys() - set(prompt.arguments)):
        raise Misuse(f"{name} takes no {strange[0]!r}", hint=f"It takes: {', '.join(prompt.arguments)}.")
    about = "".join(f" with {key} {value!r}" for key, value in sorted(given.items()) if value)
    asks = prompt.asks.format(about=about)
    if not prompt.briefed:
        return asks
    agents.must_have_grants(caller.agent, caller.name)
    return f"{asks}\n\n{await tools.brief(caller, given)}"
