"""Writes the event vectors: one folder for each kind of thing, one file for each case.

Run `python -m tests.vectors.make_events` from the root of the checkout. It may be run any number of times: what has
not changed is not touched, what is no case any more is removed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.vectors import epoch_cases, event_cases, pairing_cases, text_cases
from tests.vectors.event_cases import Case

HERE = Path(__file__).parent
FOLDERS: dict[str, list[Callable[[], Iterator[tuple[str, Case]]]]] = {
    "cbor": [event_cases.codec],
    "chains": [event_cases.chains],
    "headers": [event_cases.headers],
    "inner": [event_cases.inners],
    "bodies": [event_cases.bodies],
    "seals": [event_cases.seals],
    "epochs": [epoch_cases.epochs],
    "runs": [event_cases.sound_runs, event_cases.wrong_runs],
    "messages": [event_cases.message_cases],
    "requests": [text_cases.requests],
    "admissions": [text_cases.admissions],
    "wraps": [text_cases.wraps],
    "verdicts": [text_cases.verdicts, text_cases.not_understood],
    "padding": [text_cases.paddings],
    "trails": [text_cases.trails],
    "pairing": [pairing_cases.exchanges, pairing_cases.conversations, pairing_cases.doors],
}


def made() -> dict[str, str]:
    """Every file that there should be: its path below this folder, and its text."""
    files: dict[str, str] = {}
    for folder, makers in FOLDERS.items():
        for maker in makers:
            for name, case in maker():
                path = f"{folder}/{name}.json"
                assert path not in files, path
                files[path] = json.dumps(case, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return files


def found() -> dict[str, str]:
    """Every file that there is."""
    paths = [path for folder in FOLDERS for path in sorted((HERE / folder).glob("*"))]
    return {path.relative_to(HERE).as_posix(): path.read_text("utf-8") for path in paths}


def write() -> int:
    """Make what is found what should be. Returns how many files were written or removed."""
    wanted, there = made(), found()
    for path in there.keys() - wanted.keys():
        (HERE / path).unlink()
    changed = [path for path, text in wanted.items() if there.get(path) != text]
    for path in changed:
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_text(wanted[path], "utf-8")
    return len(changed) + len(there.keys() - wanted.keys())


if __name__ == "__main__":
    sys.stdout.write(f"{write()} of {len(made())} files changed\n")
