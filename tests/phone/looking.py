"""Every screen of the page, and a way to look at one over the recorded port. It judges nothing."""

from __future__ import annotations

from tests.phone.page import Served
from tests.phone.phones import Phone

SCREENS = {
    "inbox": "inbox",
    "brief": "brief",
    "notes": "notes",
    "note": "note/home%2Fnote%2F1",
    "new note": "note/new",
    "tasks": "tasks",
    "task": "task/home%2Ftask%2F1",
    "more": "more",
    "sessions": "sessions",
    "session": "session/home%2Fsession%2F0",
    "hand-off": "handoff/home%2Fhandoff%2F0",
    "questions": "questions",
    "conflicts": "conflicts",
    "conflict of texts": "conflict/3fa9c1d2",
    "conflict of titles": "conflict/77aa0102",
    "conflict with a deletion": "conflict/910cd004",
    "devices": "devices",
    "settings": "settings",
    "picture": "drop/home%2Fdrop%2F1",
    "file that is away": "drop/home%2Fdrop%2F3",
}
SCENES = {
    "offline": ("inbox", "devices"),
    "empty": ("inbox", "brief", "notes", "tasks", "sessions", "questions", "conflicts"),
    "broken": ("inbox", "notes", "devices"),
    "new": ("inbox",),
    "removed": ("inbox",),
    "elsewhere": ("inbox",),
    "refused": ("inbox",),
    "fetching": ("notes",),
}
ALL = [("member", name) for name in SCREENS] + [(scene, name) for scene, names in SCENES.items() for name in names]

# What goes wrong in a page that nobody looks at: kept from its first moment on.
WATCH = """
    window.wrong = [];
    const policy = ({ violatedDirective: part, blockedURI: what }) => wrong.push(`policy: ${part} ${what}`);
    addEventListener("securitypolicyviolation", policy);
    addEventListener("error", (event) => wrong.push(`error: ${event.message}`));
    addEventListener("unhandledrejection", (event) => wrong.push(`rejected: ${event.reason}`));
    window.shifted = [];
    const named = ({ node, previousRect: a, currentRect: b }) =>
      `${node?.nodeName}.${node?.className} ${a.top}+${a.height} -> ${b.top}+${b.height}`;
    const moved = (list) => list.getEntries().forEach((one) => shifted.push([one.value, one.sources.map(named)]));
    new PerformanceObserver(moved).observe({ type: "layout-shift", buffered: true });
"""


def show(phone: Phone, served: Served, scene: str, name: str) -> None:
    """Open a screen of a scene, and wait until its rows are there."""
    served.scene = scene
    phone.browser.driver.get("about:blank")
    phone.browser.driver.get(f"{phone.origin}/#/{SCREENS[name]}")
    ready = "return document.querySelector('h1') !== null && document.querySelector('.waiting') === null"
    phone.browser.wait(f"{scene}: {name}", lambda: phone.browser.driver.execute_script(ready))
