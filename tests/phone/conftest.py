"""Fixtures of the phone's tests: devices as in the system tests, and browsers that end with the test."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.phone import page
from tests.phone.browsers import MISSING, Browser
from tests.phone.looking import WATCH
from tests.phone.page import Served
from tests.phone.phones import Phone
from tests.system import harness, sharing

MakePhone = Callable[..., Phone]
Paired = tuple[harness.Device, Phone]


@pytest.fixture(autouse=True)
def _tools() -> None:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}")


@pytest.fixture
def fleet(tmp_home: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> Iterator[harness.Fleet]:
    """Devices as real processes, whose page has a port of its own."""
    monkeypatch.setenv("MESH_PHONE_PORT", str(two_ports()))
    with harness.fleet(tmp_home, spawn) as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where homes are made that tests copy."""
    harness.TEMPLATES.append(tmp_path_factory.mktemp("meshes"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page over a recorded port, at an address."""
    of_run = sharing.run_folder(tmp_path_factory)
    with (
        sharing.shared(
            of_run / "page.locks", of_run / "page", lambda folder: page.build(folder, *page.RECORDED)
        ) as built,
        page.served(built) as one,
    ):
        yield one


@pytest.fixture
def phone(tmp_path: Path, spawn: Spawn, served: Served) -> Iterator[Phone]:
    """A browser that has just been started, for the page over a recorded port."""
    served.scene = "member"
    served.asked.clear()
    served.answering.set()
    browser = Browser(tmp_path / "browser", spawn).start()
    browser.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    try:
        yield Phone(browser, origin=served.origin)
    finally:
        browser.close()


@pytest.fixture
def new_phone(tmp_path: Path, spawn: Spawn) -> Iterator[MakePhone]:
    """Makes phones that are not in any mesh yet, and closes them after the test."""
    made: list[Phone] = []

    def make(name: str = "handset", kind: type[Browser] = Browser, within: Sequence[str] = ()) -> Phone:
        phone = Phone(kind(tmp_path / name, spawn, within), name)
        made.append(phone)
        return phone

    yield make
    for phone in made:
        phone.browser.close()


@pytest.fixture
def mac(fleet: harness.Fleet) -> harness.Device:
    """The only device of a mesh, on which the agent runs."""
    (made,) = fleet.joined(1)
    return made.start()


@pytest.fixture
def paired(mac: harness.Device, new_phone: MakePhone) -> Paired:
    """A Mac and the phone that it let in, for which nothing waits any more."""
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    return mac, phone


def two_ports() -> int:
    """A port that is free on loopback, and so is the next one."""
    for _ in range(64):
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            second.bind(("127.0.0.1", port + 1))
            return port
    raise AssertionError("no two ports in a row")
