"""What people see of phones: the steps of letting one in, the list, the page; standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh.cli.screen import Screen, moment, one_line

Told = Mapping[str, object]


@dataclass
class Step:
    """One thing to do at the phone, with what it scans for that."""

    lines: Sequence[str]
    qr: str = ""
    shown: bool = False


def steps(told: Told) -> list[Step]:
    """What is to be done at the phone, one after the other."""
    trust = [one_line(one) for one in _list(told.get("trust"))]
    origin, url = one_line(told.get("origin")), one_line(told.get("url"))
    first = [
        "Step 1  Trust the certificate of your devices, once for each phone. It is good for this one page alone.",
        "        Open this on the phone, in the same network, and do what it says:",
        *(f"        {one}" for one in trust),
        f"        It shows this SHA-256: {one_line(told.get('certificate'))}",
        "        Trusted already? Open the page of step 2 on the phone.",
    ]
    second = ["Step 2  Open the page on the phone:", f"        {origin}/"]
    if problem := one_line(told.get("home_problem")):
        second.append(
            f"        The phone may not find it, as its name is not told here: {problem}. `mesh phone home on`"
        )
    third = [
        "Step 3  Add it to the home screen (iPhone: Share, Add to Home Screen; Android: Install), and open it there.",
        "        Only what is installed keeps what you write, so do this before the next step.",
    ]
    fourth = [
        "Step 4  In the app, scan this code, or type it:",
        f"        {one_line(told.get('typed'))}",
        "        Good for ten minutes and one phone; Ctrl-C ends it.",
    ]
    return [Step(first, trust[0] if trust else ""), Step(second, f"{origin}/"), Step(third), Step(fourth, url)]


def next_of(step: str) -> int:
    """Until which step all is shown, once a phone has passed this one."""
    return 1 if step == "trust" else 3


def passed(step: str) -> str:
    """That a phone has come so far."""
    what = {"trust": "fetched the certificate", "page": "opened the page"}.get(step, f"has come to {one_line(step)}")
    return f"A phone {what}."


def opened(told: Told) -> str:
    """The one line of the offer: its code, as it is typed."""
    return one_line(told.get("typed"))


def asking(told: Told) -> list[str]:
    """Who asks to be let in."""
    digits = one_line(told.get("digits"))
    return [
        f"phone   {one_line(told.get('name'))}",
        f"digits  {digits[:3]} {digits[3:]}",
        "The phone shows the same six digits; if it does not, somebody else is asking.",
    ]


def admitted(screen: Screen, told: Told) -> str:
    """Who was let in."""
    return f"{screen.ink('admitted', 'green')}  {one_line(told.get('name'))} as member"


def listed(screen: Screen, told: Told) -> list[str]:
    """The screen of `mesh phone list`."""
    rows = [
        (one_line(one.get("name")), one_line(one.get("id")), _seen(one), _owns(one))
        for one in _maps(told.get("phones"))
    ]
    lines = screen.table(("PHONE", "ID", "LAST SEEN", ""), rows, flexible=3) if rows else ["no phones"]
    for one in _maps(told.get("phones")):
        for each in _maps(one.get("tokens")):
            used = moment(each.get("used_ms")) or "never"
            lines.append(f"token {one_line(each.get('id'))}  {one_line(each.get('name'))}, used {used}")
        if one.get("wake_problem"):
            lines += screen.wrapped(f"{one_line(one.get('name'))}: {one_line(one.get('wake_problem'))}", "! ", "  ")
    found = told.get("page")
    lines += ["", *page(screen, found)] if isinstance(found, dict) else []
    for problem in _maps(told.get("problems")):
        lines += ["", *screen.wrapped(one_line(problem.get("what")), screen.ink("! ", "red"), "  ")]
        lines += screen.wrapped(one_line(problem.get("hint")), screen.ink("  hint: ", "dim"), "        ")
    return lines


def _seen(one: Told) -> str:
    return "now" if one.get("connected") else moment(one.get("last_seen_ms")) or "never"


def _owns(one: Told) -> str:
    count = len(_maps(one.get("tokens")))
    return ", ".join(["woken by push"] * bool(one.get("woken")) + [f"tokens: {count}"] * bool(count))


def page(screen: Screen, told: Told) -> list[str]:
    """How the page stands on this device."""
    if told.get("certificate") is None:
        return ["No phone was wanted in this mesh yet: mesh phone add"]
    names = ", ".join(one_line(one) for one in _list(told.get("holders")))
    trust = [one_line(one) for one in _list(told.get("trust"))]
    out = screen.fields([
        ("page", one_line(told.get("origin")) or one_line(told.get("name"))),
        ("served here", screen.ink("yes", "green") if told.get("served") else "no"),
        ("certificate", one_line(told.get("certificate"))),
        ("since", moment(told.get("since_ms"))),
        ("to be had at", trust[0] if trust else ""),
        ("its key is on", names),
        ("also as", one_line(told.get("host"))),
        ("push", "on" if told.get("push") else "off"),
    ])  # fmt: skip
    if told.get("problem"):
        out += screen.wrapped(one_line(told.get("problem")), screen.ink("! ", "red"), "  ")
    return out


def token(screen: Screen, told: Told) -> list[str]:
    """A token, or the end of one."""
    revoked = told.get("revoked")
    if isinstance(revoked, dict):
        return [f"{screen.ink('revoked', 'green')}  {one_line(revoked.get('name'))}"]
    return screen.fields([
        ("token", one_line(told.get("token"))),
        ("id", one_line(told.get("id"))),
        ("send files to", one_line(told.get("url"))),
    ])  # fmt: skip


def home(screen: Screen, told: Told) -> list[str]:
    """The networks that are home."""
    rows = [
        (one_line(one.get("id")), one_line(one.get("name")), "here" if one.get("here") else "")
        for one in _maps(told.get("networks"))
    ]
    return screen.table(("NETWORK", "", ""), rows) if rows else ["no network is home: mesh phone home on"]


def _maps(value: object) -> list[Told]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
