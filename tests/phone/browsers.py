"""Real browsers for the phone's tests: Chromium as a phone, and WebKitGTK, by WebDriver, each with its own profile.

A browser may sit in a network namespace: then it is driven through a door that no network of the test knows, so that
flight mode takes the page's network away and not ours. It ends only processes that it started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options as ChromiumOptions
from selenium.webdriver.common.options import ArgOptions
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver

from tests.conftest import Spawn

CLONE_NEWNET = 0x40000000
STARTED_S = 60.0  # a browser on a busy machine
SCRIPT_S = 120
PAGE_S = 90
TRUST = "C,,"  # certutil's word for an authority that may vouch for servers
PHONE: Mapping[str, Any] = {
    "deviceMetrics": {"width": 412, "height": 915, "pixelRatio": 2.625, "touch": True, "mobile": True},
    "clientHints": {"platform": "Android", "mobile": True},
}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
MINI_BROWSERS = tuple(LIBRARIES / f"webkit2gtk-{version}" / "MiniBrowser" for version in ("4.1", "4.0"))
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)

TOOLS = ("chromium", "chromedriver", "certutil", "WebKitWebDriver", "Xvfb")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]


# ---------------------------------------------------------------- a door into a namespace


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Door:
    """A port here, and behind it the loopback of a namespace: what is driven there needs none of its networks."""

    def __init__(self, namespace: str, port: int) -> None:
        self._namespace, self._inside = namespace, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """A thread of its own: only the thread that makes a socket decides in which namespace it lives."""
        with Path(f"/run/netns/{self._namespace}").open("rb") as entered:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(entered.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        inside = ("127.0.0.1", self._inside)
        with contextlib.suppress(OSError), near, socket.create_connection(inside, timeout=STARTED_S) as far:
            far.settimeout(None)
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            _pump(far, near)

    def close(self) -> None:
        """Let nobody through any more."""
        self._listening.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


# ---------------------------------------------------------------- browsers


@dataclass
class Browser:
    """One browser with one profile. `hosts`: name -> address, as its resolver is to answer.

    `clock` is how far its clock is from the machine's, as `faketime` takes it.
    """

    folder: Path
    spawn: Spawn
    within: Sequence[str] = ()
    hosts: dict[str, str] = field(default_factory=dict)
    clock: str = ""
    authorities: dict[str, Path] = field(default_factory=dict)
    flags: Sequence[str] = ()
    driver: WebDriver = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)
    _door: Door | None = field(init=False, default=None)

    @property
    def profile(self) -> Path:
        """Where it keeps what a restart must find."""
        return self.folder / "profile"

    def trust(self, name: str, certificate: Path) -> None:
        """Have the person trust this authority, in the profile's own store. DER or PEM."""
        store = self.folder / "home" / ".pki" / "nssdb"
        if not store.exists():
            store.mkdir(parents=True)
            _certutil("-N", "-d", f"sql:{store}", "--empty-password")
        words = ("-A", "-d", f"sql:{store}", "-n", name, "-t", TRUST, "-i", str(certificate))
        _certutil(*words, *(("-a",) if certificate.read_bytes().startswith(b"-----") else ()))
        self.authorities[name] = certificate

    def start(self) -> Browser:
        """Start it, with what its profile holds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port = self._driven(["chromedriver", "--port={port}", f"--log-path={self.folder / 'driver.log'}"])
        options = ChromiumOptions()
        rules = ", ".join(f"MAP {name} {address}" for name, address in self.hosts.items())
        resolver = (f"--host-resolver-rules={rules}",) if rules else ()
        for flag in (*FLAGS, *self.flags, f"--user-data-dir={self.profile}", *resolver):
            options.add_argument(flag)
        options.add_experimental_option("mobileEmulation", dict(PHONE))
        self._connect(port, options)
        return self

    def _driven(self, words: Sequence[str]) -> int:
        """Start its driver; the port at which it is reached from here."""
        inside = _free_port()
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        with (self.folder / "driver.out").open("ab") as output:
            self._process = self.spawn(
                [*self.within, *(word.format(port=inside) for word in words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "HOME": str(home), **shifted(self.clock), **self._environment()},
            )
        if self.within:
            self._door = Door(self.within[-1], inside)
            return self._door.port
        return inside

    def _environment(self) -> dict[str, str]:
        return {}

    def _connect(self, port: int, options: ArgOptions) -> None:
        until = time.monotonic() + STARTED_S
        while True:
            try:
                self.driver = webdriver.Remote(self._line(f"http://127.0.0.1:{port}"), options=options)
                break
            except Exception:
                assert self._process is not None, "it was started"
                assert self._process.poll() is None, (self.folder / "driver.out").read_text(errors="replace")
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        self.driver.set_script_timeout(SCRIPT_S)
        self.driver.set_page_load_timeout(PAGE_S)

    def _line(self, url: str) -> str | RemoteConnection:
        """How its driver is spoken to; of an address Selenium finds out itself."""
        return url

    @property
    def pid(self) -> int:
        """Of the browser itself."""
        return int(self.driver.capabilities["goog:processID"])

    def kill(self) -> None:
        """Kill -9 of the whole browser, as a phone does that needs its memory."""
        os.kill(self.pid, signal.SIGKILL)
        self._end_driver()

    def close(self) -> None:
        """Close it in peace."""
        if self._process is not None:
            with contextlib.suppress(Exception):
                self.driver.quit()
        self._end_driver()

    def _end_driver(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STARTED_S)
        self._process = None

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the page says
        """What an asynchronous function of this body returns in the page."""
        wrapped = (
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async (given) => {{ {script} }})(given).then((value) => done([value]), (error) => done(String(error)));"
        )
        answer = self.driver.execute_async_script(wrapped, *arguments)
        assert isinstance(answer, list), f"the page says: {answer}"
        return answer[0]

    def wait(self, what: str, condition: Callable[[], Any], deadline_s: float = STARTED_S) -> Any:  # noqa: ANN401
        """Wait until something is so in the page; its value."""
        until = time.monotonic() + deadline_s
        last: object = None
        while time.monotonic() < until:
            try:
                if last := condition():
                    return last
            except Exception as error:  # noqa: BLE001 - the page may be between two documents
                last = error
            time.sleep(0.1)
        self.picture(self.folder / "failed.png")
        message = f"not within {deadline_s:g} s: {what} (last: {last!r}; a picture is in {self.folder})\n{self.text()}"
        raise AssertionError(message)

    def text(self) -> str:
        """All that can be read on the page."""
        with contextlib.suppress(Exception):
            return str(self.driver.execute_script("return document.body.innerText"))
        return ""

    def picture(self, path: Path) -> Path:
        """A screenshot."""
        with contextlib.suppress(Exception):
            path.write_bytes(self.driver.get_screenshot_as_png())
        return path

    def command(self, name: str, **given: object) -> Any:  # noqa: ANN401 - as Chromium says
        """A command of Chromium's own protocol."""
        return self.driver.execute("executeCdpCommand", {"cmd": name, "params": given})["value"]


class WebKit(Browser):
    """WebKitGTK's small browser, on a screen that nobody sees. It has no profile that outlives it."""

    _screen: subprocess.Popen[bytes]
    _display: str

    def start(self) -> WebKit:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._screen = self.spawn(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "412x915x24", "-nolisten", "tcp"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._screen.stdout is not None
        self._display = f":{int(self._screen.stdout.readline())}"
        port = self._driven([*self._mounted(), "WebKitWebDriver", "--port={port}"])
        options = _WebKitOptions()
        binary = str(next(path for path in MINI_BROWSERS if path.exists()))
        options.set_capability("webkitgtk:browserOptions", {"binary": binary, "args": ["--automation"]})
        self._connect(port, options)
        return self

    def _environment(self) -> dict[str, str]:
        known = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
        return {**known, "WEBKIT_DISABLE_COMPOSITING_MODE": "1", "DISPLAY": self._display}

    def picture(self, path: Path) -> Path:
        """None: asked for one, this browser may stand still for ever."""
        return path

    def close(self) -> None:
        """Close it in peace, and take its screen away."""
        super().close()
        self._screen.terminate()
        self._screen.communicate(timeout=STARTED_S)

    def trust(self, name: str, certificate: Path) -> None:
        """Have the person trust this authority, in the system's store as this browser sees it."""
        self.authorities[name] = certificate

    def _line(self, url: str) -> str | RemoteConnection:
        return RemoteConnection(client_config=ClientConfig(remote_server_addr=url))

    def _mounted(self) -> list[str]:
        """What its driver is started with, for names and authorities of its own where it looks for the system's."""
        names, bundle = self.folder / "hosts", self.folder / "authorities.pem"
        names.write_text("127.0.0.1 localhost\n" + "".join(f"{to} {name}\n" for name, to in self.hosts.items()))
        raw = [one.read_bytes() for one in self.authorities.values()]
        pem = [one.decode() if one.startswith(b"-----") else ssl.DER_cert_to_PEM_cert(one) for one in raw]
        bundle.write_text(AUTHORITIES.read_text() + "".join(pem))
        mounts = f'mount --bind "$1" /etc/hosts && mount --bind "$2" {AUTHORITIES} && shift 2 && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", mounts, "sh", str(names), str(bundle)]


class _WebKitOptions(ArgOptions):
    @property
    def default_capabilities(self) -> dict[str, Any]:
        return {"browserName": "MiniBrowser"}


def shifted(clock: str) -> dict[str, str]:
    """The environment of a process whose clock is so far from the machine's."""
    if not clock:
        return {}
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": clock}


def _certutil(*words: str) -> None:
    subprocess.run(["certutil", *words], check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def browser(made: Browser) -> Iterator[Browser]:
    """A browser for as long as the block lasts."""
    try:
        yield made.start()
    finally:
        made.close()
