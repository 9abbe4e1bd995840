"""What the phone's app costs with many notes: cold starts, edits, scrolling, wakes, memory; in real Chromium.

`scripts/phone_figures [NOTES [ROUNDS]]`; 5,000 and 5 unless given. A real agent and a real browser, in homes of their
own. Chromium's own throttle slows the page's thread and not its worker, so here the whole browser is stopped three
quarters of the time: page, worker and storage alike; how far that holds is measured first. It prints, and judges
nothing. Processor time stands beside the clock, since the machine may have other work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["MESH_BEACON"] = "off"

from browser_processes import cpu_s, family, renderer, resident_mb, slowed  # the scripts beside this one
from inspector_figures import filled

from tests.phone.browsers import MISSING, Browser
from tests.phone.conftest import two_ports
from tests.phone.phones import Phone, in_step
from tests.system.harness import Device, fleet

NOTES, ROUNDS, SLOWER = 5_000, 5, 4
CAUGHT_UP_S = 1_800.0
EDITED = 200
BUSY_MS = 2_000
SCROLLED_PX, SCROLL_PX_S = 24_000, 4_000
FRAME_MS, LOST_MS = 1000 / 60, 25

# Each resolves at the change of the page that makes it so.
SEEN = """
    const until = (so) => new Promise((done) => {
      const look = () => { const found = so(); if (found) { watch.disconnect(); done(found); } };
      const watch = new MutationObserver(look);
      watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    });
    const find = (css) => () => document.querySelector(css);
    const button = (name) => () => [...document.querySelectorAll("button")].find(
      (one) => one.innerText.trim() === name && !one.disabled);
    const write = (area, text) => {
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, text);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
"""
STARTED = """
    (() => {
      const look = () => {
        if (!document.querySelector('[aria-label="Notes"] li')) return;
        watch.disconnect();
        window.listed = performance.now();
      };
      const watch = new MutationObserver(look);
      watch.observe(document, { subtree: true, childList: true });
    })();
"""
OPENED = """
    const began = performance.now();
    (await until(find('[aria-label="Notes"] li:nth-child(3) a'))).click();
    await until(find("h2.reading"));
    return performance.now() - began;
"""
EDIT = """
    (await until(button("Edit"))).click();
    const area = await until(find("textarea"));
    write(area, area.value + " And more.");
    const save = await until(button("Save"));
    const began = performance.now();
    save.click();
    await until(button("Edit"));
    const took = performance.now() - began;
    await until(() => document.body.innerText.includes(area.value.slice(-60)));
    return took;
"""
EDITS = """
    for (const document_ of given[0]) {
      location.hash = "#/note/" + encodeURIComponent(document_);
      (await until(button("Edit"))).click();
      const area = await until(find("textarea"));
      write(area, area.value + " And more.");
      (await until(button("Save"))).click();
      await until(button("Edit"));
      location.hash = "#/more";
      await until(() => document.querySelector("h1")?.innerText === "More");
    }
"""
BUSY = """
    const loop = (ms) => {
      let [count, until] = [0, performance.now() + ms];
      while (performance.now() < until) for (let at = 0; at < 1000; at++) count += Math.sqrt(at) >= 0 ? 1 : 0;
      return count;
    };
    if (given[0] === "page") return loop(given[1]);
    const code = `const loop = ${loop}; onmessage = () => postMessage(loop(${given[1]}));`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    const answer = await new Promise((done) => {
      worker.onmessage = ({ data }) => done(data);
      worker.postMessage(0);
    });
    worker.terminate();
    return answer;
"""
FRAMES = """
    window.frames_ = [];
    const frame = (now) => {
      const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
      frames_.push([now, scrollY, middle?.closest("li") ? 1 : 0]);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
"""
PLAIN = """
    document.open();
    document.write(`<!doctype html><meta name="viewport" content="width=device-width"><style>li { height: 71px }</style>
      <ul>${[...Array(given[0]).keys()].map((n) => `<li>Note ${n}<p>Some words of a note.</p></li>`).join("")}</ul>`);
    document.close();
"""
WAKES = """
    const opened = await new Promise((done) => {
      const request = indexedDB.open("mesh");
      request.onsuccess = () => done(request.result);
    });
    const wakes = await new Promise((done) => {
      const request = opened.transaction("kv").objectStore("kv").get("wakes");
      request.onsuccess = () => done(request.result);
    });
    opened.close();
    return wakes ?? [];
"""


# ---------------------------------------------------------------- a slower phone


def throttles(browser: Browser) -> None:
    """How much slower than alone on a core a busy loop runs in a page and in a worker, under each throttle."""
    browser.driver.get("about:blank")
    alone = 0.0

    def rates() -> str:
        nonlocal alone
        said = []
        for where in ("page", "worker"):
            cpu = cpu_s(browser.pid)
            count = float(browser.run(BUSY, where, BUSY_MS))
            alone = alone or count / (cpu_s(browser.pid) - cpu)  # the first one, by its processor time
            said.append(f"{where} {alone * BUSY_MS / 1e3 / count:.1f}")
        return ", ".join(said)

    print(f"  a busy loop is slower than alone on a core by: {rates()};", end=" ")
    browser.command("Emulation.setCPUThrottlingRate", rate=SLOWER)
    print(f"with Chromium's throttle x{SLOWER} {rates()};", end=" ")
    browser.command("Emulation.setCPUThrottlingRate", rate=1)
    with slowed(browser, SLOWER):
        print(f"stopped {SLOWER - 1} of {SLOWER} moments {rates()}; {_load()}")


def caught_up(phone: Phone, mac: Device, notes: int) -> None:
    """From the moment a phone is let in until it has everything."""
    phone.pair(mac)
    began, cpu = time.monotonic(), cpu_s(phone.browser.pid)
    phone.idle(CAUGHT_UP_S)
    took, used = time.monotonic() - began, cpu_s(phone.browser.pid) - cpu
    in_step(mac, phone.name)
    print(f"  catch-up: {notes / took:,.0f} notes/s ({took:.1f} s, {used:.1f} s of processor time; {_load()})")
    _memory(phone.browser, "after it")


def _memory(browser: Browser, when: str) -> None:
    heap = {one["name"]: one["value"] for one in browser.command("Performance.getMetrics")["metrics"]}
    page, all_ = resident_mb([renderer(browser)]), resident_mb(family(browser.pid))
    used = heap.get("JSHeapUsedSize", 0) / 2**20
    print(f"  memory {when}: page and worker {page:.0f} MB (heap of the page alone {used:.0f}), browser {all_:.0f} MB")


class Starts:
    """Cold starts: a browser that was closed, from the address to the list, then one note and two edits."""

    def __init__(self, phone: Phone, times: float) -> None:
        self.times, self._phone = times, phone
        self.found: dict[str, list[float]] = {}

    def once(self) -> None:
        """One of them."""
        browser = self._phone.browser
        browser.close()
        browser.start()
        browser.command("Page.addScriptToEvaluateOnNewDocument", source=STARTED)
        with slowed(browser, self.times):
            cpu = cpu_s(browser.pid)
            browser.driver.get(f"{self._phone.origin}/#/notes")
            self._keep("cold start to the list", browser.wait("the list", self._listed))
            self._keep("processor time of that", (cpu_s(browser.pid) - cpu) * 1e3)
            self._keep("open one note", browser.run(SEEN + OPENED))
            self._keep("first edit saved", browser.run(SEEN + EDIT))
            self._keep("second edit saved", browser.run(SEEN + EDIT))

    def _listed(self) -> Any:  # noqa: ANN401 - a number, once it is there
        return self._phone.browser.driver.execute_script("return window.listed ?? 0")

    def _keep(self, name: str, ms: float) -> None:
        self.found.setdefault(name, []).append(ms)

    def told(self) -> None:
        """Print them."""
        for name, ms in self.found.items():
            _print(f"{name}{f', x{self.times} slower' if self.times != 1 else ''}", ms)


def _print(name: str, ms: Sequence[float]) -> None:
    print(f"  {name:42} {median(ms):7.0f} ms (best {min(ms):.0f}, worst {max(ms):.0f}, {_load()})")


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def scrolled(browser: Browser, name: str, times: float) -> None:
    """Frames of a page while a finger moves it, and whether there were rows in the middle of the window."""
    browser.driver.execute_script(FRAMES)
    with slowed(browser, times):
        given = {"x": 200, "y": 600, "yDistance": -SCROLLED_PX, "speed": SCROLL_PX_S, "gestureSourceType": "mouse"}
        browser.command("Input.synthesizeScrollGesture", **given)
    frames = browser.driver.execute_script("return frames_")
    moving = [(now, blank) for (now, y, blank), (_, before, _b) in zip(frames[1:], frames, strict=False) if y != before]
    gaps = sorted(now - before for (now, _), (before, _b) in zip(moving[1:], moving, strict=False))
    lost = sum(gap > LOST_MS for gap in gaps) / len(gaps)
    blank = sum(not row for _, row in moving) / len(moving)
    print(f"  scrolling, {name:24} median {median(gaps):.1f} ms, 95 % {gaps[len(gaps) * 95 // 100]:.1f}, ", end="")
    print(f"worst {gaps[-1]:.0f}; later than {LOST_MS} ms: {lost:.0%}; no row in the middle: {blank:.0%}; {_load()}")


def woken(phone: Phone) -> None:
    """What it costs to come to the front where nothing happened."""
    rows = []
    for _ in range(ROUNDS):
        known = len(phone.browser.run(WAKES))
        phone.browser.driver.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
        phone.browser.wait("a wake", lambda known=known: len(phone.browser.run(WAKES)) > known)
        rows.append(phone.browser.run(WAKES)[0])
    sent, received = (median(row[key] for row in rows) for key in ("sent_bytes", "received_bytes"))
    _print("an idle wake", [row["ms"] for row in rows])
    print(f"    and {sent:.0f} bytes sent, {received:.0f} received, {max(row['received'] for row in rows)} events")


def reconnected(phone: Phone, mac: Device) -> None:
    """From the moment the Mac answers again until the phone is connected, and knows that it has everything."""
    times = []
    for _ in range(ROUNDS):
        mac.stop()
        phone.sees("Offline")
        mac.start()
        began = time.monotonic()
        phone.browser.wait("the link", lambda: "Connected" in phone.browser.text())
        times.append((time.monotonic() - began) * 1e3)
    _print("connected, from the agent's start", times)


# ---------------------------------------------------------------- the run


def main() -> None:
    """Fill, let a phone in, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("notes", type=int, nargs="?", default=NOTES)
    options.add_argument("rounds", type=int, nargs="?", default=ROUNDS)
    notes, rounds = vars(options.parse_args()).values()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with it
    assert not MISSING, f"not installed: {', '.join(MISSING)}"
    os.environ["MESH_PHONE_PORT"] = str(two_ports())
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="mesh-", dir="/tmp")))
        spawn = ends.enter_context(_processes())
        mac = ends.enter_context(fleet(folder, spawn)).empty("alder")
        asyncio.run(filled(mac.home, notes, 0))
        mac.start()
        phone = Phone(Browser(folder / "handset", spawn), "handset")
        ends.callback(phone.browser.close)
        print(f"{notes:,} notes; {os.cpu_count()} cores, {_load()}; every cold start a new browser, {rounds} rounds")
        _measured(phone, mac, notes, rounds)


def _measured(phone: Phone, mac: Device, notes: int, rounds: int) -> None:
    caught_up(phone, mac, notes)
    throttles(phone.browser)
    starts = Starts(phone, 1), Starts(phone, SLOWER)
    for _ in range(rounds):
        for one in starts:
            one.once()
    for one in starts:
        one.told()
    phone.browser.close()
    phone.again()
    phone.go("notes", "Notes")
    phone.idle()
    _memory(phone.browser, "after a cold start")
    for times in (1, SLOWER):
        phone.browser.driver.execute_script("scrollTo(0, 0)")
        scrolled(phone.browser, f"the list{', slower' * (times != 1)}", times)
    woken(phone)
    found = mac.call("note.list", limit=EDITED)["notes"]
    phone.browser.run(SEEN + EDITS, [one["document"] for one in found])  # type: ignore[attr-defined]
    _memory(phone.browser, f"after an edit in each of {EDITED} notes")
    reconnected(phone, mac)
    phone.browser.driver.get("about:blank")
    phone.browser.run(PLAIN, notes)
    for times in (1, SLOWER):
        phone.browser.driver.execute_script("scrollTo(0, 0)")
        scrolled(phone.browser, f"a plain page{', slower' * (times != 1)}", times)


@contextlib.contextmanager
def _processes() -> Iterator[Any]:
    """As the fixture `spawn`: starts processes, which end with the block."""
    started: list[subprocess.Popen[bytes]] = []

    def start(argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        started.append(subprocess.Popen([str(part) for part in argv], start_new_session=True, **options))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
