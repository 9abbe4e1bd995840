"""Recovery by the 24 words: from a member or a relay that is left, cut off at any moment, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence

import pytest

from mesh.errors import Malformed, Misuse, Refused, Unreachable
from mesh.node.socket_client import Told
from tests.conftest import Spawn
from tests.system import canaries
from tests.system.commands import Answer, command
from tests.system.harness import DEADLINE_S, Device, Fleet
from tests.system.networks import network
from tests.system.pairs import Command
from tests.system.sizes import LONG
from tests.system.test_relay import let_in
from tests.system.trials import placed

pytestmark = pytest.mark.system

KILL_STEP_S = 0.35
KILLS_MAX = 60
LATER = 1.6  # times: the moments of a kill lie over the whole range, wherever it ends on this machine


def founded(fleet: Fleet, rank: str = "member") -> tuple[Device, Device, str]:
    """A mesh by the real commands: its founder, another device, and the words on paper."""
    mac, phone = fleet.empty("mac"), fleet.empty("phone")
    words = str(mac.done("join", "--new", "--yes", "--name", "mac")["recovery_phrase"])
    asked = str(phone.done("join", "--request", "--name", "phone")["request"])
    admission = str(mac.done("admit", "-", "--yes", "--rank", rank, stdin=asked)["admission"])
    phone.done("join", "--admission", "-", "--yes", stdin=admission)
    return mac, phone, words


def lost(device: Device) -> None:
    """The machine is gone, and all that was on it."""
    if device.pid is not None:
        device.kill()
    shutil.rmtree(device.home)


def recovering(device: Device, words: str, *more: str) -> Answer:
    """The command on a new machine, with the words on standard input."""
    return device.mesh("--json", "--interface", device.host, "recover", "--yes", "--no-up", *more, stdin=f"{words}\n")


def roles(device: Device) -> set[tuple[str, str, int]]:
    """Who is in, by what it knows."""
    devices = device.done("devices")["devices"]
    assert isinstance(devices, list)
    return {(one["name"], one["role"], one["rank"]) for one in devices}


def test_a_member_is_left(fleet: Fleet) -> None:
    """Goal: with the words and a phone a new machine is founder, reads all history, and both go on writing."""
    mac, phone, words = founded(fleet)
    for device in (mac, phone):
        device.start().served()
    fleet.link(phone, mac)
    document = mac.note("from the mac", "written before the fire")
    phone.note("from the phone")
    fleet.converged(mac, phone)
    mac.kill()
    lost(mac)

    new = fleet.empty("new")
    told = recovering(new, words, "--from", phone.address, "--name", "new").json
    assert (told["closed"], told["kept"], told["documents"], told["left_out"]) == (["mac"], ["phone"], 2, 0)
    assert new.done("rebuild")["same"] is True, "nothing of the closed devices became void"
    assert new.titles_now() == {"from the mac", "from the phone"}
    assert new.done("note", "show", document)["body"] == "written before the fire"
    new.start().served()
    fleet.wait("they are linked", lambda: new.linked() and phone.linked())
    new.note("from the new machine")
    phone.note("from the phone, later")
    fleet.converged(new, phone)
    assert new.titles() == phone.titles() == {
        "from the mac", "from the phone", "from the new machine", "from the phone, later",
    }  # fmt: skip
    assert new.done("note", "show", document)["body"] == phone.done("note", "show", document)["body"]
    nothing_of_the_words(fleet, words, told)


def nothing_of_the_words(fleet: Fleet, words: str, told: Told) -> None:
    """No two words of the phrase side by side in any file of any device, nor in what was said."""
    listed = words.split()
    pairs = [" ".join(listed[n : n + 2]) for n in range(len(listed) - 1)]
    assert canaries.in_bytes(words.encode(), pairs), "the search finds what is there"
    assert canaries.in_files(fleet.folder, pairs) == {}
    assert canaries.in_bytes(str(told).encode(), pairs) == set()


def test_only_a_relay_is_left(fleet: Fleet) -> None:
    """Goal: every device is gone; the words and a relay that could never read are enough."""
    mac, phone, words = founded(fleet)
    relay = fleet.empty("outside")
    let_in(mac, relay)
    for device in (relay, mac, phone):
        device.start().served()
        if device is not relay:
            device.call("peer.add", address=relay.address)
    document = mac.note("from the mac", "written before the fire")
    phone.note("from the phone")
    fleet.wait(
        "the relay holds everything", lambda: relay.status()["in_sync"] and relay.status()["events"] == mac.events
    )
    fleet.converged(mac, phone)
    lost(mac)
    lost(phone)

    new = fleet.empty("new")
    told = recovering(new, words, "--from", relay.address, "--name", "new", "--close", "phone").json
    assert (told["closed"], told["kept"], told["documents"]) == (["mac", "phone"], ["outside"], 2)
    assert new.done("rebuild")["same"] is True, "nothing of the closed devices became void"
    assert new.titles_now() == {"from the mac", "from the phone"}
    assert new.done("note", "show", document)["body"] == "written before the fire"
    new.done("note", "add", "and on it goes")
    assert new.done("verify", "--deep")["ok"] is True


def test_killed_at_any_moment(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: kill -9 again and again, each time later: called again it ends right, with one founder and one close."""
    mac, phone, words = founded(fleet)
    mac.done("note", "add", "only the mac has read this")
    for device in (mac, phone):
        device.start().served()
    fleet.link(phone, mac)
    fleet.converged(mac, phone)
    lost(mac)
    new = fleet.empty("new")
    for kills in range(1, KILLS_MAX):
        started = Command(spawn, new, "--json", "recover", "--yes", "--no-up", "--name", "new", "--from", phone.address)
        started.says(f"{words}\n")
        assert started.process.stdin is not None
        started.process.stdin.close()
        started.process.stdin = None
        try:
            started.process.wait(KILL_STEP_S * (kills if LONG else LATER ** (kills - 1)))
        except subprocess.TimeoutExpired:
            started.kill()
            continue
        ended = started.ended()
        # It may have been killed after its last step and before its last word.
        assert ended.code == 0 or "no recovery of it is under way" in ended.out, ended
        break
    else:
        pytest.fail("it never came to its end")
    assert kills > 2, "it was killed on its way"
    live = {("new", "admin", 1), ("phone", "member", 10)}
    assert {one for one in roles(new) if one[0] != "mac"} == live
    assert new.titles_now() == {"only the mac has read this"}
    events = new.done("log", "--limit", "1000")["events"]
    assert isinstance(events, list)
    kinds = [one["kind"] for one in events if one["name"] == "recovery key"]
    assert (kinds.count("admit"), kinds.count("close")) == (2, 1), "the first founder, and one new one"
    new.start().served()
    fleet.wait("the phone knows", lambda: {one for one in roles(phone) if one[0] != "mac"} == live)
    fleet.converged(new, phone)


def typed(device: Device, answers: Sequence[tuple[str, str]], *words: str) -> tuple[int, str]:
    """Run a command on a terminal for a person who answers each question; its code, and all that was shown."""
    argv = [*command(device.home), "--interface", device.host, *words]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, {**os.environ, "NO_COLOR": "1"})  # noqa: S606 - our own command
    shown, left, until = "", list(answers), time.monotonic() + DEADLINE_S
    try:
        with contextlib.suppress(OSError):  # how a terminal tells that nobody writes any more
            while select.select([terminal], [], [], max(until - time.monotonic(), 0))[0]:
                part = os.read(terminal, 65_536)
                if not part:
                    break
                shown += part.decode(errors="replace")
                if left and left[0][0] in shown:
                    os.write(terminal, f"{left.pop(0)[1]}\n".encode())
        assert not left, (left, shown)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)


def test_a_person_at_a_terminal(fleet: Fleet) -> None:
    """Goal: the words are typed and not shown; each member is asked about; no yes, no change."""
    mac, phone, words = founded(fleet)
    mac.done("note", "add", "before")
    for device in (mac, phone):
        device.start().served()
    fleet.link(phone, mac)
    fleet.converged(mac, phone)
    lost(mac)
    new = fleet.empty("new")
    asks = ("recover", "--no-up", "--name", "new", "--from", phone.address)
    questions = ("(not shown): ", "Is phone, member", "Take it over")
    code, shown = typed(new, list(zip(questions, (words, "n", "n"), strict=True)), *asks)
    assert (code, "this was not confirmed" in shown) == (Refused.exit_code, True), shown
    assert new.mesh("--json", "status").code == Misuse.exit_code, "it is in no mesh"
    code, shown = typed(new, list(zip(questions, (words, "", "y"), strict=True)), *asks)
    assert code == 0, shown
    assert words.split()[3] + " " + words.split()[4] not in shown
    assert "closed   mac, admin" in shown
    assert "recovered" in shown
    assert new.titles_now() == {"before"}


def test_what_it_refuses(fleet: Fleet) -> None:
    """Goal: words that are none or another mesh's, nobody there, names that fit nobody: a sentence, nothing changed."""
    mac, _, words = founded(fleet)
    mac.start().served()
    other = fleet.empty("other")
    others = str(other.done("join", "--new", "--yes", "--name", "other")["recovery_phrase"])
    other.start().served()
    new = fleet.empty("new")
    swapped = " ".join([*words.split()[:22], *reversed(words.split()[22:])])
    at = ("--from", mac.address)
    tries: list[tuple[Answer, type[Exception], str]] = [
        (recovering(new, "", *at), Misuse, "no recovery phrase"),
        (recovering(new, "zebra zoo", *at), Malformed, "has 24 words"),
        (recovering(new, words.replace(words.split()[3], "qqqq", 1), *at), Malformed, "word 4 is none"),
        (recovering(new, swapped, *at), Malformed, "belong together"),
        (recovering(new, others, *at), Unreachable, "cannot prove"),
        (recovering(new, words, "--from", other.address), Unreachable, "cannot prove"),
        (recovering(new, words, "--from", "127.0.0.1:9"), Unreachable, "127.0.0.1:9"),
        (recovering(new, words), Unreachable, "in sight"),
        (recovering(new, words, *at, "--keep", "nobody"), Refused, "nobody"),
        (recovering(new, words, *at, "--keep", "mac", "--close", "mac"), Misuse, "kept and closed"),
        (recovering(mac, words, *at), Misuse, "no recovery of it is under way"),
    ]
    for answer, error, part in tries:
        assert (answer.code, answer.error["class"]) == (error.exit_code, error.__name__), answer  # type: ignore[attr-defined]
        assert part in str(answer.error["message"]), answer
        assert answer.error["hint"]
    assert new.mesh("--json", "status").code == Misuse.exit_code, "it is in no mesh"
    assert roles(mac) == {("mac", "admin", 1), ("phone", "member", 10)}
    asked = new.mesh("--json", "recover", *at, stdin=words)
    assert asked.code != 0, "without a yes, and without a terminal, nothing happens"
    assert new.mesh("--json", "status").code == Misuse.exit_code


@pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces needs root")
def test_a_survivor_is_found_on_the_local_network(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: without an address, whoever announces itself is asked; devices of another mesh are passed over."""
    mac, phone, words = founded(fleet)
    mac.done("note", "add", "before")
    other = fleet.empty("other")
    other.done("join", "--new", "--yes", "--name", "other")
    new = fleet.empty("new")
    with network() as net:
        placed(net, (phone, other, new, mac))
        for device in (phone, other, mac):
            device.start(MESH_BEACON="on").served()
        fleet.converged(mac, phone)
        lost(mac)
        started = Command(spawn, new, "--json", "recover", "--yes", "--no-up", MESH_BEACON="on")
        started.says(f"{words}\n")
        ended = started.ended()
        assert ended.code == 0, ended
        assert (ended.json["closed"], ended.json["documents"]) == (["mac"], 1)
        fleet.end()
