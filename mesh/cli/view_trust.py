"""Grants, agents, void work, closes and approvals as text for people. Every foreign text is made safe here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import unified_diff

from mesh.cli.installing import Change
from mesh.cli.screen import Screen, counted, lines_of, moment, one_line, safe

ID_CHARACTERS = 12  # of a digest: enough to be the only one
NAME_CHARACTERS = 10  # of a document's name
EVENTS_SHOWN = 3
ANY = "*"
DAY_CHARACTERS = 10  # of a moment
Told = Mapping[str, object]


def parts(value: object) -> list[Told]:
    """The objects of a list that was told."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def part(told: Told, name: str) -> Told:
    """An object in what was told; empty where there is none."""
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def short(value: object) -> str:
    """A digest, as it can be typed."""
    return one_line(value)[:ID_CHARACTERS]


def document(value: object) -> str:
    """A document, as it can be typed."""
    space, _, name = one_line(value).rpartition("/")
    return f"{space}/{name[:NAME_CHARACTERS]}" if space else one_line(value)


def subject(told: Told) -> str:
    """A device, or an agent on one."""
    name = one_line(told.get("name")) or one_line(told.get("device"))
    return f"{one_line(told.get('agent'))}@{name}" if told.get("agent") else name


def words(value: object) -> str:
    """A list of words."""
    return ", ".join(one_line(word) for word in value) if isinstance(value, list) else ""


def permitted(told: Told) -> str:
    """What a grant permits, in words."""
    verbs, types, space = words(told.get("verbs")), words(told.get("types")), one_line(told.get("space"))
    where = "every space" if space == ANY else space
    return f"{'every verb' if verbs == ANY else verbs} of {'every type' if types == ANY else types} in {where}"


def grants(screen: Screen, result: Told) -> list[str]:
    """Grants, one a line."""
    rows = [
        (
            subject(told),
            one_line(told.get("space")),
            words(told.get("types")),
            words(told.get("verbs")),
            moment(told.get("until_ms"))[:DAY_CHARACTERS] or "-",
            one_line(told.get("state")),
            short(told.get("id")),
        )
        for told in parts(result.get("grants"))
    ]
    if not rows:
        return ["no grants"]
    return screen.table(("WHO", "SPACE", "TYPES", "VERBS", "UNTIL", "STATE", "ID"), rows)


def granted(screen: Screen, told: Told) -> list[str]:
    """That a grant is there."""
    until = f", until {moment(told['until_ms'])}" if told.get("until_ms") else ""
    what = f"{permitted(told)}{until}"
    return [f"{screen.ink('granted', 'green')}  {subject(told)}: {what}  {screen.ink(short(told.get('id')), 'dim')}"]


def ended(screen: Screen, result: Told) -> list[str]:
    """That grants ended."""
    return [
        f"{screen.ink('ended', 'green')}  {subject(told)}: {permitted(told)}" for told in parts(result.get("ended"))
    ]


def files(changes: Iterable[Change]) -> list[dict[str, object]]:
    """Files of the person that were or would be edited."""
    return [{"path": str(one.path), "did": one.did, "diff": _diff(one)} for one in changes]


def _diff(change: Change) -> str:
    before, after = ((raw or b"").decode(errors="replace").splitlines() for raw in (change.before, change.after))
    return "\n".join(unified_diff(before, after, str(change.path), str(change.path), lineterm=""))


def edited(screen: Screen, told: Iterable[Told]) -> list[str]:
    """What became of them."""
    return [f"{screen.ink(one_line(one['did']), 'green')}  {one_line(one['path'])}" for one in told]


def installed(screen: Screen, result: Told) -> list[str]:
    """That a tool was set up, or what that would change, line by line."""
    told, grant = parts(result.get("files")), part(result, "grant")
    if not result["dry_run"]:
        return [*(granted(screen, grant) if grant else []), *edited(screen, told)]
    lines = [line for one in told for line in str(one["diff"]).splitlines()]
    return [*([f"grant  {permitted(grant)}"] if grant else []), *(safe(line) for line in lines)]


def agents(screen: Screen, result: Told) -> list[str]:
    """Agents, with one line a grant."""
    rows = []
    for told in parts(result.get("agents")):
        for number, grant in enumerate(parts(told.get("grants"))):
            what = f"{words(grant.get('verbs'))} of {words(grant.get('types'))}"
            until = moment(grant.get("until_ms")) or "-"
            rows.append((subject(told) if number == 0 else "", one_line(grant.get("space")), what, until))
    if not rows:
        return ["no agents; `mesh agents add NAME --space SPACE` makes one"]
    return screen.table(("AGENT", "SPACE", "MAY", "UNTIL"), rows)


def said(told: Told) -> str:
    """A statement: its kind, who said it, and when."""
    if not told:
        return ""
    when = moment(told.get("time_ms"))
    words = f"{one_line(told.get('kind'))} by {one_line(told.get('name'))}"
    return f"{words}{f', {when}' if when else ''} ({short(told.get('event'))})"


def void(screen: Screen, result: Told) -> list[str]:
    """Void work, by document and device."""
    lines: list[str] = []
    for told in parts(result.get("void")):
        count = told.get("count")
        title = f" “{one_line(told.get('title'))}”" if told.get("title") else ""
        where = document(told.get("document")) or "no document"
        lines.append(f"{screen.ink(where, 'bold')}{title}: {counted(count, 'change')} of {subject(told)} hidden here")
        lines += screen.wrapped(one_line(told.get("reason")), "  why     ", "          ")
        by = said(part(told, "by"))
        lines += [f"  said    {by}"] if by else []
        lines += [f"  last    {moment(told.get('last_ms'))}"] if told.get("last_ms") else []
        lines.append(f"  events  {_events(told.get('events'), count)}")
    for told in parts(result.get("statements")):
        lines.append(f"{screen.ink('a statement', 'bold')} of {subject(told)}: {one_line(told.get('says'))}")
        lines.append(f"  why     {one_line(told.get('reason'))}")
        lines.append(f"  event   {short(told.get('event'))}")
    if not lines:
        lines = ["nothing is void"]
    elif result.get("void"):
        hint = "`mesh void show DOCUMENT` shows it, `adopt` has it count, `discard` leaves it out of this list."
        lines += ["", screen.ink(hint, "dim")]
    if result.get("discarded"):
        lines.append(f"{counted(result['discarded'], 'group')} left out that you discarded; --again lists all")
    return lines


def _events(value: object, count: object) -> str:
    shown = [short(event) for event in value[:EVENTS_SHOWN]] if isinstance(value, list) else []
    more = " …" if isinstance(count, int) and count > len(shown) else ""
    return " ".join(shown) + more


def void_content(screen: Screen, result: Told) -> list[str]:
    """What void events say."""
    lines: list[str] = []
    for told in parts(result.get("events")):
        lines += [""] if lines else []
        lines.append(f"{screen.ink(short(told.get('event')), 'bold')}  {subject(told)}, {moment(told.get('time_ms'))}")
        pairs = [
            ("document", one_line(told.get("document"))),
            ("why", one_line(told.get("reason"))),
            ("says", one_line(told.get("says"))),
            ("removes", words(told.get("removed"))),
            ("takes out", counted(told["deleted"], "character") if told.get("deleted") else ""),
        ]
        registers = told.get("registers")
        if isinstance(registers, dict):
            pairs += [(one_line(key), one_line(value)) for key, value in sorted(registers.items())]
        lines += [f"  {line}" for line in screen.fields(pairs)]
        text = told.get("inserted")
        if isinstance(text, str) and text:
            lines += [f"  {screen.ink('|', 'dim')} {line}" for line in lines_of(text.removesuffix("\n"))]
    if result.get("more"):
        lines += ["", f"and {counted(result['more'], 'event')} more: name them one by one"]
    return lines


def closing(screen: Screen, result: Told) -> list[str]:
    """What a device that was taken out could read, what does not count now, and what to do."""
    device = part(result, "device")
    name, reason = one_line(device.get("name")), one_line(result.get("reason"))
    lines = [f"{screen.ink('closed', 'green')}  {name} ({reason}); a new key is in use"]
    since = moment(result.get("since_ms"))
    hidden = counted(result.get("hidden"), "change")
    pairs = [
        ("counts", f"what had come of it before {since}" if since else "all that had come of it until now"),
        ("hidden", f"{hidden} of it; `mesh void list`" if result.get("hidden") else ""),
        ("kept", counted(sum(bool(one.get("kept")) for one in parts(result.get("falls"))), "statement") + " of it"
         if result.get("falls") else ""),
        ("could read", _could_read(part(result, "could_read"))),
    ]  # fmt: skip
    lines += screen.fields(pairs)
    to_do = result.get("to_do")
    for one in to_do if isinstance(to_do, list) else []:
        lines += screen.wrapped(one_line(one), screen.ink("- ", "yellow"), "  ")
    return lines


def _could_read(told: Told) -> str:
    found = parts(told.get("spaces"))
    spaces = ", ".join(f"{one_line(one.get('space'))} ({counted(one.get('documents'), 'document')})" for one in found)
    epochs = told.get("epochs")
    keys = counted(len(epochs), "key") if isinstance(epochs, list) else ""
    last = moment(told.get("last_touch_ms"))
    until = f"as of {last}, when it was in touch last" if last and told.get("exact") else ""
    until = until or (f"as of {last} at the latest" if last else "up to now, as far as is known")
    return f"{spaces}; {keys}; {until}" if spaces else "nothing: it had no key"


def falling(screen: Screen, told: Told) -> str:
    """One statement that would fall."""
    when = moment(told.get("time_ms"))
    said = f"said by {one_line(told.get('by'))}" + (f", {when}" if when else "")
    return f"{screen.ink(short(told.get('id')), 'bold')}  {one_line(told.get('says'))}  {screen.ink(said, 'dim')}"


def approvals(screen: Screen, result: Told) -> list[str]:
    """What other devices ask."""
    lines: list[str] = []
    for told in parts(result.get("approvals")):
        lines += [""] if lines else []
        lines += question(screen, told)
    return lines or ["nothing waits for an approval"]


def question(screen: Screen, told: Told) -> list[str]:
    """One question, with every statement that it would say."""
    says = told.get("says")
    asks = f"{one_line(told.get('name'))} asks: mesh {one_line(told.get('act')).replace('-', ' ')}"
    head = f"{screen.ink(one_line(told.get('id')), 'bold')}  {asks}"
    until = f"  until  {moment(told.get('until_ms'))}"
    return [head, *(f"  says   {one_line(each)}" for each in (says if isinstance(says, list) else [])), until]
