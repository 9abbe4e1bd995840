"""Hand-offs and tasks as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, counted, duration, fitted, lines_of, moment, one_line

NAME_CHARACTERS = 10  # of a document's 26
CELL_COLUMNS = 20  # of a name or a reason in a list
Told = Mapping[str, object]
_STYLES = {
    "done": "green", "completed": "green", "in_progress": "cyan", "claimed": "cyan", "blocked": "yellow",
    "needs_human": "yellow", "declined": "yellow", "expired": "yellow", "dropped": "dim", "superseded": "dim",
}  # fmt: skip
_LISTS = (
    ("done", "done"),
    ("decisions", "decided"),
    ("rejected", "tried, and not"),
    ("assumptions", "assumed"),
    ("blockers", "blocked by"),
)


def parts(value: object) -> list[Told]:
    """The objects of a list that was told."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def part(told: Told, name: str) -> Told:
    """An object in what was told; empty where there is none."""
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def document(value: object) -> str:
    """A document, as it can be typed."""
    space, _, name = one_line(value).rpartition("/")
    return f"{space}/{name[:NAME_CHARACTERS]}" if space else one_line(value)


def state(screen: Screen, told: Told) -> str:
    """A state, in its colour."""
    word = one_line(told.get("state"))
    return screen.ink(word.replace("_", " "), _STYLES.get(word, "bold"))


def somebody(claim: Told) -> str:
    """Who has something."""
    name = one_line(claim.get("device_name")) or one_line(claim.get("device"))
    return f"{one_line(claim.get('agent'))}@{name}" if claim.get("agent") else name


def texts(value: object) -> list[str]:
    """A list of texts, or of objects of which the first text is shown."""
    found = value if isinstance(value, list) else []
    return [one_line(next(iter(one.values()), "")) if isinstance(one, dict) else one_line(one) for one in found]


# ── hand-offs ────────────────────────────────────────────────────────────────────────────────────


def handed(screen: Screen, result: Told) -> list[str]:
    """That work was left."""
    count = len(found) if isinstance(found := result.get("tasks"), list) else 0
    lines = [f"{screen.ink('handed off', 'green')}  {one_line(result.get('document'))}  {counted(count, 'task')}"]
    return [*lines, *(screen.ink(f"! {line}", "yellow") for line in texts(result.get("warnings")))]


def handoffs(screen: Screen, result: Told) -> list[str]:
    """Hand-offs, one a line."""
    rows = []
    for told in parts(result.get("handoffs")):
        remaining = parts(told.get("remaining"))
        left = sum(one.get("state") not in {"done", "dropped"} for one in remaining)
        claim = part(told, "claim")
        rows.append(
            (
                one_line(told.get("goal")),
                f"{left}/{len(remaining)}",
                _cell(screen, one_line(told.get("to"))),
                _cell(screen, _from(part(told, "from"))),
                _ago(told.get("age_ms")),
                _cell(screen, somebody(claim) if told.get("state") == "claimed" else one_line(told.get("state"))),
                document(told.get("document")),
            )
        )
    if not rows:
        return ["no hand-offs"]
    return screen.table(("GOAL", ">LEFT", "FOR", "FROM", "AGE", "WHO HAS IT", "DOCUMENT"), rows)


def handoff(screen: Screen, told: Told) -> list[str]:
    """One hand-off, the goal first and last."""
    goal = one_line(told.get("goal"))
    lines = [f"{screen.ink(goal, 'bold')}  {state(screen, told)}"]
    fields = [
        ("document", one_line(told.get("document"))),
        ("from", f"{_from(part(told, 'from'))}, {moment(told.get('at_ms'))}"),
        ("for", one_line(told.get("to"))),
        ("reason", one_line(told.get("reason")).replace("_", " ")),
        ("until", moment(told["expires_ms"]) if told.get("expires_ms") else ""),
        ("has it", _has(part(told, "claim"))),
        ("stands for", one_line(told.get("supersedes"))),
        ("stood for by", ", ".join(texts(told.get("superseded_by")))),
    ]
    lines += screen.fields(fields)
    for key, head in _LISTS:
        lines += _list(screen, head, texts(told.get(key)))
    lines += _remaining(screen, parts(told.get("remaining")))
    lines += _list(screen, "files", [one_line(one.get("path")) for one in parts(told.get("files"))])
    lines += _list(screen, "verify", [_check(one) for one in parts(told.get("verify"))])
    context = told.get("context")
    if isinstance(context, str) and context.strip():
        lines += ["", *lines_of(context.rstrip("\n"))]
    for one in parts(told.get("declined")):
        words = f": {one_line(one.get('words'))}" if one.get("words") else ""
        lines.append(screen.ink(f"{somebody(one)} said no{words}", "yellow"))
    return [*lines, *lost(screen, told), "", f"{screen.ink('goal', 'dim')}  {screen.ink(goal, 'bold')}"]


def picked_up(screen: Screen, result: Told) -> list[str]:
    """That somebody has it now, what is not as it was, and all that it says."""
    claim = part(result, "claim")
    lines = [f"{screen.ink('yours', 'green')}  until {moment(claim.get('until_ms'))}, longer while you work on it"]
    lines += [screen.ink(f"! {line}", "yellow") for line in texts(result.get("warnings"))]
    command = one_line(part(result, "resume").get("command"))
    lines += [f"{screen.ink('resume', 'dim')}  {command}"] if command else []
    return [*lines, "", *handoff(screen, part(result, "handoff"))]


def closed(screen: Screen, result: Told) -> list[str]:
    """What became of a hand-off."""
    return [f"{state(screen, result)}  {one_line(result.get('document'))}"]


def _remaining(screen: Screen, found: list[Told]) -> list[str]:
    if not found:
        return []
    rows = [f"  {_mark(one)} {one_line(one.get('title'))}  {_dim_document(screen, one)}" for one in found]
    return ["", screen.ink("remaining", "dim"), *rows]


def _cell(screen: Screen, text: str) -> str:
    """A text in a column that others stand beside."""
    return text if screen.width is None else fitted(text, CELL_COLUMNS)


def _mark(told: Told) -> str:
    return {"done": "[x]", "dropped": "[-]", "in_progress": "[>]", "unknown": "[?]"}.get(one_line(told["state"]), "[ ]")


def _dim_document(screen: Screen, told: Told) -> str:
    return screen.ink(document(told.get("document")), "dim")


def _list(screen: Screen, head: str, found: list[str]) -> list[str]:
    return ["", screen.ink(head, "dim"), *(f"  - {line}" for line in found)] if found else []


def _check(told: Told) -> str:
    expect = one_line(told.get("expect"))
    return f"{one_line(told.get('cmd'))}{f'  → {expect}' if expect else ''}"


def _from(told: Told) -> str:
    name = one_line(told.get("name"))
    return f"{one_line(told.get('agent'))}@{name}" if told.get("agent") else name


def _has(claim: Told) -> str:
    if not claim:
        return ""
    if claim.get("end"):
        return f"{somebody(claim)} did it"
    over = " (its lease is over)" if claim.get("over") else ""
    return f"{somebody(claim)} until {moment(claim.get('until_ms'))}{over}"


def _ago(value: object) -> str:
    return duration(value / 1000) if isinstance(value, int) else "-"


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────


def added(screen: Screen, result: Told) -> list[str]:
    """That a task is kept, and under which id."""
    return [f"{screen.ink('kept', 'green')}  {one_line(result.get('document'))}"]


def tasks(screen: Screen, result: Told) -> list[str]:
    """Tasks, one a line."""
    rows = []
    for told in parts(result.get("tasks")):
        claim, waits = part(told, "claim"), told.get("waits_for")
        who = somebody(claim) if told.get("state") == "in_progress" else ""
        waiting = f"waits for {len(waits)}" if isinstance(waits, list) and waits else ""
        rows.append(
            (
                str(told.get("priority")),
                one_line(told.get("title")),
                one_line(told.get("state")).replace("_", " "),
                _cell(screen, who or waiting or one_line(told.get("reason"))),
                moment(told.get("due_ms")),
                document(told.get("document")),
            )
        )
    head = (">P", "TASK", "STATE", "WHO, OR WHY NOT", "DUE", "DOCUMENT")
    lines = screen.table(head, rows, flexible=1) if rows else ["no tasks"]
    lines += [f"and {counted(result['more'], 'task')} more: --limit"] if result.get("more") else []
    return [*lines, *(line for ring in parts(result.get("rings")) for line in _ring(screen, ring))]


def _ring(screen: Screen, told: Told) -> list[str]:
    """Tasks that wait for each other, and what breaks that."""
    names = [one_line(one.get("title")) for one in parts(told.get("tasks"))]
    words = f"none of these can begin, each waits for the next: {' → '.join([*names, *names[:1]])}"
    return [screen.ink(f"! {words}", "yellow"), f"  to break it: {one_line(told.get('break'))}"]


def task(screen: Screen, told: Told) -> list[str]:
    """One task, whole."""
    lines = [f"{screen.ink(one_line(told.get('title')), 'bold')}  {state(screen, told)}"]
    fields = [
        ("document", one_line(told.get("document"))),
        ("priority", str(told.get("priority"))),
        ("due", moment(told.get("due_ms"))),
        ("reason", one_line(told.get("reason"))),
        ("has it", _has(part(told, "claim"))),
        ("receipt", one_line(told.get("receipt"))),
        ("left by", ", ".join(texts(told.get("handoffs")))),
    ]
    lines += screen.fields(fields)
    lines += _list(screen, "accepted when", texts(told.get("acceptance")))
    waits = [f"{_mark(one)} {one_line(one.get('title'))}" for one in parts(told.get("waits"))]
    lines += _list(screen, "waits for", waits)
    words = told.get("text")
    if isinstance(words, str) and words.strip():
        lines += ["", *lines_of(words.rstrip("\n"))]
    return [*lines, *lost(screen, told)]


def changed(screen: Screen, result: Told) -> list[str]:
    """What a task is now, and the hand-offs that are done by that."""
    lines = [f"{state(screen, result)}  {one_line(result.get('document'))}"]
    return [*lines, *(f"completed  {line}" for line in texts(result.get("handoffs")))]


def lost(screen: Screen, result: Told) -> list[str]:
    """Claims of this device that do not count."""
    lines = []
    for told in parts(result.get("lost")):
        by = part(told, "by")
        what = "did it" if by.get("end") == "done" else "has it"
        who = f"{somebody(by)} {what}" if by else "another one took it over"
        if later := told.get("superseded_by"):
            who = f"{document(later)} stands for it now"
        line = f"the claim of {somebody(part(told, 'claim'))} does not count: {who}"
        lines.append(screen.ink(line, "yellow"))
    return lines
