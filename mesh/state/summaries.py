"""What an event does to its document, in one line: said from the event alone, without the document.

Values in it are foreign text: whoever prints a summary makes it safe. This module keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh.events.kinds import Born, Carrier, Settled, Undone, Value
from mesh.limits import SUMMARY_CHARACTERS_MAX, SUMMARY_PARTS_MAX, SUMMARY_VALUE_CHARACTERS
from mesh.names import digest_text
from mesh.state.catalogue import BODY, TAG
from mesh.state.operations import Action, Change, Operation, OperationId

_DELETED = "deleted"
_NAMED = 12  # digits of an event or a conflict
_RUNS_MAX = 3  # pieces of text that are shown


def of_birth(birth: Born) -> str:
    """How a document began."""
    tags = [f"tag {_cut(key.removeprefix(TAG))}" for key in birth.registers if key.startswith(TAG)]
    others = [f"{key} {_value(value)}" for key, value in birth.registers.items() if not key.startswith(TAG)]
    text = [_characters(birth.text)] if birth.text else []
    return _line("written", [*others, *text, *tags])


def of_change(body: Carrier, change: Change) -> str:
    """What a change does; `change` is the one that the body carries."""
    effects = list(_effects(change))
    if isinstance(body, Undone):
        return _line(f"takes back {digest_text(body.event)[:_NAMED]}", effects)
    if isinstance(body, Settled):
        how = f" by the rule `{_cut(body.rule)}`" if body.rule else ""
        return _line(f"settles conflict {body.conflict.hex()[:_NAMED]}{how}", effects)
    return _line("" if effects else "changes nothing", effects)


def _effects(change: Change) -> Iterator[str]:
    registers: dict[str, list[Operation]] = {}
    runs: list[str] = []
    inserted = gone = 0
    goes_on: tuple[object, ...] = ()
    for place, operation in enumerate(change.operations):
        key = operation.key
        if operation.object is None:
            registers.setdefault(str(key), []).append(operation)
        elif operation.insert:
            runs += [] if key in goes_on else [""]
            runs[-1] += str(operation.value)
            inserted += 1
            # Behind the letter just written, or one that comes back, behind the next one that went.
            after = key._replace(counter=key.counter + 1) if isinstance(key, OperationId) else ""
            goes_on = (OperationId(change.start + place, change.actor), after)
        else:
            gone += 1
    for key, writes in registers.items():
        yield _register(key, [write.value for write in writes if write.action is Action.PUT])
    if inserted or gone:
        counts = [f"+{inserted:,}"] * bool(inserted) + [f"-{gone:,}"] * bool(gone)
        said = [f'"{_cut(run)}"' for run in runs[:_RUNS_MAX] if run.strip()] + ["…"] * (len(runs) > _RUNS_MAX)
        yield " ".join(["text", *counts, *said])


def _register(key: str, values: list[Value]) -> str:
    """What became of one register; several values of one change stand side by side."""
    if key.startswith(TAG):
        return f"{'tag' if values else 'untag'} {_cut(key.removeprefix(TAG))}"
    if key == _DELETED:
        return "removed" if values and values[-1] is True else "brought back"
    if key == BODY:
        return " | ".join(_characters(str(value)) for value in values)
    return f"{_cut(key)} {' | '.join(_value(value) for value in values)}" if values else f"{_cut(key)} removed"


def _value(value: Value) -> str:
    if isinstance(value, str):
        return f'"{_cut(value)}"'
    return {"True": "yes", "False": "no", "None": "none"}.get(str(value)) or str(value)


def _characters(text: str) -> str:
    return f"text of {len(text):,} characters"


def _line(head: str, parts: list[str]) -> str:
    more = len(parts) - SUMMARY_PARTS_MAX
    shown = [*parts[:SUMMARY_PARTS_MAX], f"and {more:,} more"] if more > 0 else parts
    said = "; ".join(shown)
    return _cut(": ".join(part for part in (head, said) if part), SUMMARY_CHARACTERS_MAX)


def _cut(text: str, most: int = SUMMARY_VALUE_CHARACTERS) -> str:
    """A text on one line, its beginning if it is long."""
    line = " ".join(text[: most + 1].split())
    return line[: most - 1] + "…" if len(text) > most else line
