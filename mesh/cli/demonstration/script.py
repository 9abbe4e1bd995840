"""The order in which the demonstration shows things."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mesh.cli.demonstration import continuity, steps
from mesh.cli.demonstration.steps import Step


def script(folder: Path | None) -> Sequence[Step]:
    """The steps in order: name, sentence, and what is done."""
    yours: list[Step] = [("imported", f"the notes in {folder} are on all devices", steps.imported)] if folder else []
    return [
        ("founded", "the mac founds a mesh", steps.founded),
        ("joined", "laptop and phone join by a spoken code", steps.joined),
        ("written", "a note written on the mac is on all three", steps.written),
        *yours,
        ("cut_off", "the phone is cut off; all three write, two of them in the same place", steps.cut_off),
        ("returned", "the phone comes back; all three show the same", steps.returned),
        ("conflicting", "what was written at once stands side by side, nothing is overwritten", steps.conflicting),
        (
            "inspected",
            "the conflicts are listed alike; one is settled on the laptop, and taken back on the phone",
            steps.inspected,
        ),
        (
            "handed_over",
            "an agent on the mac must stop; one on the laptop takes over, and only one",
            continuity.handed_over,
        ),
        ("briefed", "the phone's note of the flight is in the brief on the mac", continuity.briefed),
        (
            "killed",
            f"the laptop's agent is killed amid {steps.WRITES:,} writes; every acknowledged one is kept",
            steps.killed,
        ),
        ("forged", "events forged with the laptop's keys are refused by the mac, and counted", steps.forged),
        ("checked", "every chain, seal and signature on every device is right", steps.checked),
    ]
