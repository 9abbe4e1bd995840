"""The demonstration's scene of people and agents: work changes hands between devices, and the morning's brief is true.

By the same commands as a person's and an agent's; one that does not come true raises. Nothing here prints.
"""

from __future__ import annotations

from mesh.cli.demonstration.devices import Device, agreed, until
from mesh.cli.demonstration.steps import IN_FLIGHT, Figures, Story, require
from mesh.errors import NeedsApproval, Refused

GOAL = "Let the garden pump run on Sundays"
_TYPES = "note,handoff,task,receipt,memory,session,ask,project"


def handed_over(story: Story) -> Figures:
    """An agent on the mac has to stop; one on the laptop takes over, and nobody else can; it says what it did."""
    _let_in(story.mac, "claude", story.laptop)
    _let_in(story.laptop, "gemini", story.mac)
    _let_in(story.mac, "codex", story.laptop)
    step = "write the timer for Sunday mornings"
    made = story.mac.mesh(
        "--as", "claude", "handoff", "new", GOAL, "--reason", "rate_limit", "--done", "found the valve of the pump",
        "--remaining", step, "--verify", "python3 -m unittest",
    )  # fmt: skip
    agreed(story.devices)
    document = str(made["document"])
    taken = story.laptop.mesh("--as", "gemini", "pickup", document)
    handoff = taken["handoff"]
    assert isinstance(handoff, dict), handoff
    require(handoff["title"] == GOAL, f"another hand-off was picked up: {handoff['title']}")
    agreed(story.devices)
    try:
        story.mac.mesh("--as", "codex", "pickup", document)
    except Refused as error:
        second = str(error)
    else:
        require(False, "two agents have one hand-off")  # noqa: FBT003 - it reads as a sentence
    shipped = story.laptop.mesh(
        "--as", "gemini", "ship", "The pump runs on Sundays", "--changed", "pump.py", "--claim", "all tests pass",
        "--handoff", document,
    )  # fmt: skip
    (claim,) = _listed(shipped["claims"])
    require(claim["status"] == "asserted", f"a claim without evidence counts as {claim['status']}")
    agreed(story.devices)
    ended = story.mac.mesh("handoff", "show", document)["state"]
    require(ended == "completed", f"the hand-off is {ended}")
    return {"refused_to_the_second": second, "claim_without_evidence": claim["status"]}


def _let_in(device: Device, agent: str, other: Device) -> None:
    """An agent gets its grant: a person says so on the device, and yes on another one."""
    words = ("agents", "add", agent, "--space", "home", "--types", _TYPES)
    try:
        device.mesh(*words)
    except NeedsApproval as needed:
        question = needed.approval
        until("the other device approves", lambda: other.mesh("approve", question, "--yes"))
        device.mesh(*words, "--approved", question)


def briefed(story: Story) -> Figures:
    """What the phone wrote in flight mode is in the brief on the mac, and so is what the agents did."""
    told = story.mac.mesh("brief")
    notes = [one for one in _listed(told["notes"]) if one["title"] == IN_FLIGHT]
    require(len(notes) == 1, "the note of the phone is not in the brief")
    by = notes[0]["updated"]
    assert isinstance(by, dict), by
    require(by["name"] == story.phone.name, f"the brief says that {by['name']} wrote it")
    receipts = [one["title"] for one in _listed(told["receipts"])]
    require("The pump runs on Sundays" in receipts, f"the receipts in the brief are {receipts}")
    return {"note": f"{IN_FLIGHT!r}, by the {by['name']}", "receipt": receipts[0]}


def _listed(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list), value
    return value
