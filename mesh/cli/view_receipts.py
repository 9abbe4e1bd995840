"""Receipts of work as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from mesh.cli.screen import Screen, counted, lines_of, moment, one_line
from mesh.cli.view_work import Told, document, part, parts, texts

_STATUS = {"verified": "green", "inferred": "yellow", "asserted": "yellow"}
_SHOWN_MAX = 20  # changes that one receipt shows; --json has all


def filed(screen: Screen, result: Told) -> list[str]:
    """That a receipt is filed, and what each claim of it counts for."""
    lines = [f"{screen.ink('filed', 'green')}  {one_line(result.get('document'))}"]
    lines += [_claim(screen, one) for one in parts(result.get("claims"))]
    return [*lines, *(screen.ink(f"! {line}", "yellow") for line in texts(result.get("warnings")))]


def proposed(result: Told) -> list[str]:
    """What git says changed, for whoever files a receipt."""
    commits = [
        f"{one_line(one.get('commit'))[:10]} {one_line(one.get('subject'))}" for one in parts(result.get("commits"))
    ]
    files = [one_line(one.get("ref")) for one in parts(result.get("changed"))]
    more = [f"… and {len(files) - _SHOWN_MAX} more"] if len(files) > _SHOWN_MAX else []
    return [*(f"  {line}" for line in (*commits, *files[:_SHOWN_MAX], *more))]


def listed(screen: Screen, result: Told) -> list[str]:
    """Receipts, one a line; what nobody reported stands out."""
    rows = []
    for one in parts(result.get("receipts")):
        open_ = one.get("state") == "unreported"
        title = screen.ink(one_line(one.get("summary")), "yellow" if open_ else "")
        rows.append((title, _standing(screen, one), _by(one), moment(one.get("at_ms")), document(one.get("document"))))
    if not rows:
        return ["nothing was filed"]
    return screen.table(("BUILT", "CLAIMS", "BY", "WHEN", "RECEIPT"), rows)


def shown(screen: Screen, result: Told) -> list[str]:
    """One receipt whole."""
    lines = [screen.ink(one_line(result.get("summary")), "bold")]
    if result.get("state") == "unreported":
        lines.append(screen.ink("written by the machine: nobody reported this work", "yellow"))
    names = ("session", "task", "handoff", "replaces")
    pairs = [("receipt", one_line(result.get("document"))), ("by", _by(result)), ("when", moment(result.get("at_ms")))]
    lines += screen.fields([*pairs, *((name, one_line(result.get(name))) for name in names)])
    if why := result.get("why"):
        lines += ["", *lines_of(str(why))]
    lines += _block(screen, "changed", [_changed(screen, one) for one in parts(result.get("changed"))])
    lines += _block(screen, "claimed", [_claim(screen, one) for one in parts(result.get("claims"))])
    lines += _block(screen, "not done", [f"  {line}" for line in texts(result.get("not_done"))])
    lines += _block(screen, "to undo it", [f"  {line}" for line in texts(result.get("undo"))])
    return lines + _block(screen, "disputed", [_dispute(screen, one) for one in parts(result.get("disputes"))])


def _block(screen: Screen, title: str, lines: list[str]) -> list[str]:
    return ["", screen.ink(title, "dim"), *lines] if lines else []


def _changed(screen: Screen, one: Told) -> str:
    kind, mark = one_line(one.get("kind")), ""
    if one.get("by") == "machine":
        mark = screen.ink("  seen by the machine, left out by the author", "yellow")
    elif one.get("seen"):
        mark = screen.ink("  seen", "green")
    return f"  {kind} {one_line(one.get('ref'))}{mark}"


def _claim(screen: Screen, one: Told) -> str:
    """A claim: verified in green; what only somebody says in amber; what the machine saw otherwise in red."""
    status, evidence = one_line(one.get("status")), part(one, "evidence")
    against = one_line(evidence.get("against"))
    style = "red" if against else _STATUS.get(status, "yellow")
    on = one_line(evidence.get("command") or evidence.get("path") or str(evidence.get("commit", ""))[:10])
    ended = f" ended with {evidence['exit']}" if type(evidence.get("exit")) is int else ""
    unseen = " (nobody saw it run)" if evidence.get("seen") is False and evidence.get("command") else ""
    why = against or one_line(evidence.get("why"))
    about = ": ".join(filter(None, (f"{on}{ended}{unseen}", why)))
    return f"  {screen.ink(status, style)}  {one_line(one.get('text'))}" + (
        screen.ink(f"  [{about}]", "dim") if about else ""
    )


def _standing(screen: Screen, one: Told) -> str:
    counts = part(one, "counts")
    found = [(status, counts.get(status)) for status in ("verified", "inferred", "asserted")]
    words = [screen.ink(f"{count} {status}", _STATUS[status]) for status, count in found if count]
    if disputes := parts(one.get("disputes")):
        words.append(screen.ink(counted(len(disputes), "dispute"), "red"))
    return ", ".join(words) or "-"


def _by(one: Told) -> str:
    device = one_line(one.get("device_name"))
    return f"{one_line(one.get('agent'))}@{device}" if one.get("agent") else device


def _dispute(screen: Screen, one: Told) -> str:
    claim = one.get("claim")
    about = f"claim {claim}: " if type(claim) is int else ""
    return "  " + screen.ink(f"{about}{one_line(one.get('words'))}", "red")
