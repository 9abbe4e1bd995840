"""The doctor's checks by their tables: what an agent says, and whether that is right, wrong, or neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Busy, Damaged, DiskFull, MeshError, Misuse, Refused, Unreachable
from mesh.node.health import health, health_agent, health_machine
from mesh.node.health.diagnosis import Check, Examined, Look, exit_code, right, unclear, wrong

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
DIFFERS = {"document": "home/note/a", "event": None, "counts_here": False}
NO_ROUTE = "[Errno 65] No route to host"


def look(status: dict[str, object] | None = None, **other: object) -> Look:
    """A device with an agent that says this."""
    ping = None if status is None else {"version": "0.1.0", "pid": 7}
    values: dict[str, object] = {"state": "joined", "ping": ping, "status": status, "now_ms": NOW_MS, **other}
    return Look(Path("/nowhere/mesh"), **values)  # type: ignore[arg-type]  # a table is easier to read untyped


def peer(name: str = "laptop", **other: object) -> dict[str, object]:
    """A peer that is connected and in step."""
    steady = {"connected": True, "last_heard_s": 1.2, "we_lack": 0, "they_lack": 0, "in_sync": True, "differs": None}
    return {"name": name, "device": "d1", "problem": "", "hint": "", **steady, **other}


def event(ahead_ms: int) -> dict[str, object]:
    """An event of the other device, so far from now."""
    return {"device": "d1", "name": "laptop", "time_ms": NOW_MS + ahead_ms}


CASES: list[tuple[str, Check, Look, bool | None, str]] = [
    ("up", health_agent.port, look({"server": {"state": "up", "address": "h:1"}}), True, "h:1"),
    (
        "taken",
        health_agent.port,
        look(
            {"server": {"state": "waiting", "address": "h:1", "problem": "another program listens", "hint": "End it"}}
        ),
        False,
        "End it",
    ),
    ("on its way", health_agent.port, look({"server": {"state": "starting", "address": "h:1"}}), None, "starting"),
    ("in step", health_agent.peers, look({"peers": [peer()]}), True, "in sync, by its receipt"),
    ("away", health_agent.peers, look({"peers": [peer(connected=False)]}), None, "away"),
    ("alone", health_agent.peers, look({"peers": []}), None, "mesh admit"),
    (
        "behind",
        health_agent.peers,
        look({"peers": [peer(in_sync=False, doing="3 lack")]}),
        None,
        "3 lack",
    ),
    ("older", health_agent.peers, look({"peers": [peer(in_sync=False)]}), None, "not in sync yet"),
    ("parted", health_agent.peers, look({"peers": [peer(in_sync=False, differs=DIFFERS)]}), False, "rebuild"),
    ("where", health_agent.peers, look({"peers": [peer(in_sync=False, differs=DIFFERS)]}), False, "home/note/a"),
    ("hostile name", health_agent.peers, look({"peers": [peer("\x1b[31mred")]}), True, "[31mred"),
    ("linux", health_agent.local_network, look({}, platform="linux"), True, "no permission"),
    (
        "barred on macOS",
        health_agent.local_network,
        look({"peers": [peer(connected=False, problem=NO_ROUTE)]}, platform="darwin"),
        False,
        "errno 65",
    ),
    (
        "another failure on macOS",
        health_agent.local_network,
        look({"peers": [peer(connected=False, problem="[Errno 61] Connection refused")]}, platform="darwin"),
        True,
        "",
    ),
    ("no beacon", health_agent.beacon, look({}), None, "none"),
    ("heard", health_agent.beacon, look({"beacon": {"heard": 2, "problem": "", "hint": ""}}), True, "2 heard"),
    (
        "blocked",
        health_agent.beacon,
        look({"beacon": {"heard": 0, "problem": "barred", "hint": "open"}}),
        False,
        "open",
    ),
    ("clocks agree", health_agent.clock, look({}, events=(event(DAY_MS // 2),)), True, "no event"),
    ("a clock ahead", health_agent.clock, look({}, events=(event(3 * DAY_MS + 1),)), None, "laptop wrote 3 d ahead"),
    ("quiet", health_agent.alarms, look({"alarms": []}), True, "none"),
    ("an alarm", health_agent.alarms, look({"alarms": ["something was refused"]}), None, "something was refused"),
    ("a fork", health_agent.alarms, look({"alarms": ["x"], "forks": ["a chain is forked"]}), None, "a chain is forked"),
    ("all counts", health_agent.events, look({"events": 9}), True, "9 held"),
    (
        "not all",
        health_agent.events,
        look({"events": 9, "waiting": 1, "void": 2, "bodies_missing": 3}),
        None,
        "1 wait for something that is not here yet, 2 count for nothing here, 3 lack their body",
    ),
    ("silent", health_agent.agent, look(silence=Busy("the agent does not answer")), False, "does not answer"),
    ("none, no mesh", health_agent.agent, look(state="none"), None, "no mesh"),
    ("none, sealed", health_agent.agent, look(state="sealed"), False, "MESH_PASSPHRASE"),
    ("none", health_agent.agent, look(), False, "mesh up"),
    ("without one", health_agent.peers, look(), None, "no agent"),
]


@pytest.mark.parametrize(
    ("check", "given", "ok", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_the_agent_says(check: Check, given: Look, ok: bool | None, said: str) -> None:  # noqa: FBT001 - from a table
    """Each answer of an agent leads to its diagnosis, and everything wrong says what to do."""
    found = check(given)
    assert found.ok is ok, found
    assert said in f"{found.detail} {found.fix}"
    assert found.ok is not False or found.fix
    assert found.detail.isprintable()


def test_another_version() -> None:
    """An agent of another version can be restarted by --fix."""
    found = health_agent.version(look({}, ping={"version": "0.0.7", "pid": 7}))
    assert (found.ok, found.mend) == (False, "restart")
    assert "0.0.7" in found.detail


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("nats-server: v2.15.1\n", (2, 15, 1)),
        ("nats-server: v2.9.0-beta.1", (2, 9, 0)),
        ("command not found", None),
        ("", None),
    ],
)
def test_the_version_of_a_server(said: str, version: tuple[int, ...] | None) -> None:
    """It is read from what the program prints, also from an odd one."""
    assert health_machine.server_version(said) == version


def test_libraries_that_differ_from_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing one and one of another version are named; one that a marker rules out is not."""
    installed = {"one": "1.0", "two": "2.1"}
    monkeypatch.setattr(health_machine, "_installed", lambda name: installed.get(name, ""))
    lock = "one==1.0 \\\n    --hash=sha256:00\ntwo==2.0 \\\nthree==3.0 ; sys_platform == 'win32' \\\nfour==4.0 \\\n"
    assert list(health_machine.unlike_lock(lock)) == ["two is 2.1, not 2.0", "four 4.0 is missing"]


def test_a_check_that_fails_is_a_finding() -> None:
    """Whatever a check raises, the others go on, and nothing is reported as right."""

    def raising(error: BaseException) -> Check:
        def check(_: Look) -> object:
            raise error

        return check  # type: ignore[return-value]  # it never returns

    errors = [DiskFull("full"), Busy("busy"), PermissionError(13, "denied", "a file"), ZeroDivisionError("bug")]
    checks = [(type(error).__name__, raising(error)) for error in errors]
    found = health.examined(look(), [*checks, ("last", lambda _: right("fine"))])
    assert [one.diagnosis.ok for one in found] == [False, None, False, None, True]
    assert all(one.diagnosis.detail for one in found)
    assert "a file" in found[2].diagnosis.detail


@pytest.mark.parametrize(
    ("faults", "code"),
    [([], 0), ([Unreachable], 5), ([Unreachable, Misuse], 2), ([Misuse, Refused, DiskFull], 3), ([Misuse, Damaged], 4)],
)
def test_the_exit_code_is_that_of_the_worst(faults: list[type[MeshError]], code: int) -> None:
    """Damaged before refused before misuse before unreachable; what is unclear counts for nothing."""
    diagnoses = [wrong("it", "do", fault=fault) for fault in faults]
    assert exit_code([Examined("", found) for found in [*diagnoses, unclear("so"), right("well")]]) == code


def test_every_check_has_a_name_of_its_own() -> None:
    """Scripts look for checks by their names."""
    names = [name for name, _ in health.CHECKS]
    assert len(names) == len(set(names))
