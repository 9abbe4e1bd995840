"""The morning view for people: what waits for them, what can be done, what happened on which device, what is wrong.

What is not there takes no line. Standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from mesh.cli.screen import Screen, counted, duration, one_line

_ID_CHARACTERS = 8
_NAME_CHARACTERS = 16
_ENTRIES_MAX = 8  # of what takes several lines each; the rest is counted
_ROWS_MAX = 12  # of what happened on one device, and of tasks; the rest is counted
_TITLE_COLUMN = 3
_DAY_S = 86_400
_MS = 1000
_KEEPS_S = 7 * _DAY_S  # older days are named by their date

Told = Mapping[str, object]
_Row = tuple[str, str, str, str, str]
_Entry = tuple[str, str, str, str]
"""A mark, what it is, who and when, and what to type."""


def lines(screen: Screen, told: Told) -> list[str]:
    """The screen of `mesh brief`."""
    now = _ms(told.get("as_of_ms"))
    out = _head(screen, told, now)
    for part in (_waits, _handoffs, _tasks, _happened, _at_work, _wrong):
        found = part(screen, told, now)
        out += ["", *found] if found else []
    if len(out) == len(_head(screen, told, now)):
        out += ["", "Nothing waits, and nothing happened since."]
    return out


def _head(screen: Screen, told: Told, now: int) -> list[str]:
    devices = _parts(told.get("devices"))
    me = next((_word(one, "name") for one in devices if one.get("self")), "")
    title = screen.ink(time.strftime("%A %d %B, %H:%M", time.localtime(now / _MS)), "bold")
    since = f"since {when(_ms(told.get('since_ms')), now)}"
    where = f"project {one_line(told['project_name'])}" if told.get("project_name") else ""
    first = [f"{title}  {screen.ink(', '.join(filter(None, (where, since, f'on {one_line(me)}'))), 'dim')}"]
    reach = [_reach(screen, one, now) for one in devices if not one.get("self")]
    return [*first, *screen.wrapped("; ".join(reach), "", "  ")] if reach else first


def _reach(screen: Screen, device: Told, now: int) -> str:
    """One other device: whether it has the same, or when it was last in touch."""
    name, heard = one_line(device.get("name") or device.get("device")), device.get("heard_ms")
    if device.get("connected"):
        return f"{name} {screen.ink('in sync', 'green') if device.get('in_sync') else 'catching up'}"
    seen = f"last in touch {when(_ms(heard), now)}" if heard else "never in touch"
    return f"{name} {screen.ink(seen, 'yellow' if _silent(heard, now) else 'dim')}"


# ---------------------------------------------------------------- what waits


def _waits(screen: Screen, told: Told, now: int) -> list[str]:
    """What only the person does: questions, conflicts, memories, work that somebody else has by now."""
    entries: list[_Entry] = []
    for one in _parts(told.get("questions")):
        options = ", ".join(one_line(option) for option in _list(one.get("options")))
        until = f"until {when(_ms(one['expires_ms']), now)}" if one.get("expires_ms") else ""
        default = f"else {one_line(one['default'])}" if one.get("default") else ""
        about = ", ".join(filter(None, (_by(one, now), options and f"[{options}]", until, default)))
        entries.append(("?", one_line(one.get("title")), about, f"mesh answer {short(one)} …"))
    conflicts = _part(told, "conflicts")
    if conflicts.get("count"):
        named = _parts(conflicts.get("items"))
        about = f"in {', '.join(dict.fromkeys(one_line(one.get('title')) for one in named if one.get('title')))}"
        entries.append(("!", counted(conflicts["count"], "conflict"), about if named else "", "mesh inspect"))
    entries += _to_look_at(told, now)
    for one in _parts(told.get("lost_claims")):
        by = _part(one, "by")
        done = "was done by" if by.get("end") == "done" else "is with"
        who = " on ".join(filter(None, (one_line(by.get("agent")), one_line(by.get("device_name")))))
        what, command = f"{one_line(one.get('title'))} {done} {who}", ""
        if later := _word(one, "superseded_by"):
            what, command = (
                f"{one_line(one.get('title'))} was handed off anew",
                f"mesh handoff show {short({'document': later})}",
            )
        entries.append(("!", what, "this device had claimed it too", command))
    for one in _parts(told.get("rings")):
        names = ", ".join(one_line(task.get("title")) for task in _parts(one.get("tasks")))
        entries.append(("!", f"wait for each other: {names}", "none of them can begin", one_line(one.get("break"))))
    if not entries:
        return []
    out = [_title(screen, f"Waits for you ({len(entries)})")]
    for mark, what, about, command in entries:
        out += screen.wrapped(what, f"  {screen.ink(mark, 'yellow')} ", "    ")
        out += _under(screen, about, command)
    return out


def _to_look_at(told: Told, now: int) -> list[_Entry]:
    """What an agent would have remembered, and what was changed and never reported; a few of each."""
    memories, drafts = _parts(told.get("memories_pending")), _parts(told.get("unreported"))
    found = [
        ("~", f"remember: {one_line(one.get('text'))}", _by(one, now), f"mesh memory approve {short(one)}")
        for one in memories[:_ENTRIES_MAX]
    ]
    found += [("~", f"{len(memories) - _ENTRIES_MAX} more to remember", "", "mesh memory list")] * (
        len(memories) > _ENTRIES_MAX
    )
    found += [
        ("~", one_line(one.get("title")), _by(one, now), f"mesh receipt show {short(one)}")
        for one in drafts[:_ENTRIES_MAX]
    ]
    found += [("~", f"{len(drafts) - _ENTRIES_MAX} more unreported", "", "mesh shipped")] * (len(drafts) > _ENTRIES_MAX)
    return found


def _under(screen: Screen, about: str, command: str) -> list[str]:
    """What stands below an entry: who and when on the left, what to type on the right where there is room."""
    if not about or not command or screen.width is None:
        return [f"    {screen.ink(', '.join(filter(None, (about, command))), 'dim')}"] if about or command else []
    room = screen.width - len("    ") - len("  ") - len(command)
    if len(about) <= room:
        gap = " " * (screen.width - len("    ") - len(about) - len(command))
        return [f"    {screen.ink(about, 'dim')}{gap}{screen.ink(command, 'cyan')}"]
    return [*(screen.ink(one, "dim") for one in screen.wrapped(about, "    ", "    ")),
            f"    {screen.ink(command, 'cyan')}"]  # fmt: skip


def _handoffs(screen: Screen, told: Told, now: int) -> list[str]:
    out: list[str] = []
    listed = _parts(told.get("handoffs"))
    for one in listed[:_ENTRIES_MAX]:
        left = [task for task in _parts(one.get("remaining")) if task.get("state") not in {"done", "dropped"}]
        about = ", ".join(filter(None, (_by(one, now), one_line(one.get("reason")).replace("_", " "))))
        claim, command = _part(one, "claim"), f"mesh pickup {short(one)}"
        if one.get("state") == "claimed":
            who = " on ".join(filter(None, (one_line(claim.get("agent")), one_line(claim.get("device_name")))))
            about, command = f"{about}; {who} has it", ""
        elif one.get("state") == "expired":
            about = f"{about}; nobody took it until {when(_ms(one.get('expires_ms')), now)}"
        mark = screen.ink("»" if command else "·", "cyan")
        out += screen.wrapped(one_line(one.get("title")), f"  {mark} ", "    ")
        out += _under(screen, about, command)
        out += screen.wrapped(
            "left: " + "; ".join(one_line(task.get("title")) for task in left), "    ", "      "
        ) * bool(left)
    out += _more(screen, len(listed), "mesh handoff list")
    return [_title(screen, "Hand-offs"), *out] if out else []


def _more(screen: Screen, count: int, command: str) -> list[str]:
    return [screen.ink(f"  … {count - _ENTRIES_MAX} more: {command}", "dim")] if count > _ENTRIES_MAX else []


def _left(told: Told) -> set[str]:
    """The tasks that stand with an open hand-off."""
    return {_word(task, "document") for one in _parts(told.get("handoffs")) for task in _parts(one.get("remaining"))}


def _tasks(screen: Screen, told: Told, now: int) -> list[str]:
    tasks = [one for one in _parts(told.get("tasks")) if _word(one, "document") not in _left(told)]
    rows = [
        (
            f"  {one_line(one.get('priority'))}",
            one_line(one.get("title")),
            one_line(one.get("project_name"), _NAME_CHARACTERS),
            f"due {when(_ms(one['due_ms']), now)}" if one.get("due_ms") else "",
            short(one),
        )
        for one in tasks[:_ROWS_MAX]
    ]
    if not rows:
        return []
    more = [screen.ink(f"  … {len(tasks) - _ROWS_MAX} more: mesh task ready", "dim")] if len(tasks) > _ROWS_MAX else []
    title = f"{_title(screen, 'Ready to do')}  {screen.ink('mesh task claim ID', 'dim')}"
    return [title, *screen.table(("",) * len(rows[0]), rows, flexible=1)[1:], *more]


# ---------------------------------------------------------------- what happened


def _happened(screen: Screen, told: Told, now: int) -> list[str]:
    """By device, the latest last: what was reported, written, planned, and worked on."""
    by_device: dict[str, list[tuple[int, _Row]]] = {}
    for one, what, title, about in _events(told):
        author, late = _part(one, "updated"), "came late" if one.get("late") else ""
        row = ("  ", when(_ms(author.get("at")), now), what, title, ", ".join(filter(None, (about, late))))
        by_device.setdefault(one_line(author.get("name")), []).append((_ms(author.get("at")), row))
    rows: list[_Row] = []
    heads: dict[int, str] = {}
    for device in sorted(by_device):
        # What came last stands first in each list: of the same time the later one goes below.
        timed = list(reversed(by_device[device]))
        timed.sort(key=lambda pair: pair[0])
        found = [row for _, row in timed]
        heads[len(rows)] = device
        if len(found) > _ROWS_MAX:
            more = f"… {len(found) - _ROWS_MAX} earlier: mesh log --device {device}"
            found = [("  ", "", "", more, ""), *found[-_ROWS_MAX:]]
        rows += found
    if not rows:
        return []
    out = [_title(screen, "What happened")]
    # One table for all devices, so that its columns stand below each other, cut at the devices' names.
    for place, line in enumerate(screen.table(("",) * len(rows[0]), rows, flexible=_TITLE_COLUMN)[1:]):
        about = rows[place][-1]
        doubtful = "asserted" in about and line.endswith(about)
        marked = line.removesuffix(about) + screen.ink(about, "yellow") if doubtful else line
        out += [f"  {screen.ink(heads[place], 'bold')}", marked] if place in heads else [marked]
    return out


def _events(told: Told) -> Iterator[tuple[Told, str, str, str]]:
    """Each thing that happened: what it is, its title, and what became of it."""
    for one in _parts(told.get("notes")):
        yield one, "note", one_line(one.get("title")), ""
    left = _left(told)
    for one in _parts(told.get("tasks_changed")):
        if _word(one, "document") in left:
            continue  # it stands with its hand-off
        state = one_line(one.get("state")).replace("_", " ")
        yield one, "task", one_line(one.get("title")), "" if state == "open" else state
    for one in _parts(told.get("receipts")):
        counts = [f"{one_line(one[key])} {key}" for key in ("verified", "inferred", "asserted") if one.get(key)]
        yield one, "receipt", one_line(one.get("title")), ", ".join(counts)
    for one in _parts(told.get("sessions")):
        state = one_line(one.get("state")).replace("_", " ")
        title = one_line(one.get("goal") or one.get("project_name") or one.get("tool"))
        yield one, one_line(one.get("agent") or one.get("tool"), _NAME_CHARACTERS), title, state


def _at_work(screen: Screen, told: Told, now: int) -> list[str]:
    """Sessions that give signs of life; those of which the same is to be said are counted."""
    first: dict[str, int] = {}
    count: dict[str, int] = {}
    for one in _parts(told.get("at_work")):
        where = f" on {one_line(one['project'])}" if one.get("project") else ""
        state = one_line(one.get("state")).replace("_", " ")
        line = f"{one_line(one.get('agent'))} at {one_line(one.get('name'))}{where}: {state}"
        since = _ms(one.get("since_ms")) or now
        first[line], count[line] = min(first.get(line, since), since), count.get(line, 0) + 1
    out = []
    for line, since in list(first.items())[:_ENTRIES_MAX]:
        sessions = f", {count[line]} sessions" if count[line] > 1 else ""
        out += screen.wrapped(f"{line} for {duration((now - since) / _MS)}{sessions}", "  ", "    ")
    return [_title(screen, "At work now"), *out] if out else []


def _wrong(screen: Screen, told: Told, now: int) -> list[str]:
    out = []
    for one in _parts(told.get("problems")):
        out += screen.wrapped(one_line(one.get("what")), f"  {screen.ink('!', 'red')} ", "    ")
        out += screen.wrapped(one_line(one.get("hint")), "    ", "    ") if one.get("hint") else []
    for one in _parts(told.get("devices")):
        if not one.get("connected") and _silent(one.get("heard_ms"), now):
            name, days = one_line(one.get("name")), duration((now - _ms(one.get("heard_ms"))) / _MS)
            out += screen.wrapped(f"{name} was not in touch for {days}", f"  {screen.ink('!', 'yellow')} ", "    ")
    return [_title(screen, "Health"), *out] if out else []


# ---------------------------------------------------------------- pieces

SILENT_S = 3 * _DAY_S


def _silent(heard_ms: object, now: int) -> bool:
    return isinstance(heard_ms, int) and (now - heard_ms) / _MS > SILENT_S


def when(at: int, now: int) -> str:
    """A moment as people say it near to it: `06:12`, `yesterday 18:02`, `Tue 09:30`, else the day."""
    if not at:
        return "?"
    try:
        day, today = time.localtime(at / _MS), time.localtime(now / _MS)
        yesterday = time.localtime(now / _MS - _DAY_S)
    except (OverflowError, ValueError, OSError):
        return "?"
    if day[:3] == today[:3]:
        return time.strftime("%H:%M", day)
    if day[:3] == yesterday[:3]:
        return time.strftime("yesterday %H:%M", day)
    near = abs(now - at) / _MS < _KEEPS_S
    return time.strftime("%a %H:%M" if near else "%Y-%m-%d", day)


def short(one: Told) -> str:
    """A document by as much of its name as commands need."""
    return one_line(one.get("document")).rpartition("/")[2][:_ID_CHARACTERS]


def _title(screen: Screen, text: str) -> str:
    return screen.ink(text, "bold")


def _by(one: Told, now: int) -> str:
    """Who and when, as the event says it."""
    author = _part(one, "created") or _part(one, "updated")
    who = " on ".join(filter(None, (one_line(author.get("agent")), one_line(author.get("name")))))
    return f"{who}, {when(_ms(author.get('at')), now)}"


def _part(told: Told, name: str) -> Told:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _parts(value: object) -> list[Told]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else []


def _word(told: Told, name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _ms(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
