"""Dropped files between real agents: they arrive whole, for whom they are meant, however often the line is cut."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from mesh.limits import DROP_PAGES_MIN, MIB, PAGE_BYTES_MAX
from mesh.node.paths import drops_path
from mesh.node.socket_client import Told
from tests.system.harness import DEADLINE_S, Device, Fleet
from tests.system.sizes import sized

pytestmark = pytest.mark.system

CUTS = sized(4, 10)
LARGE = CUTS * 12 * MIB  # so that what the cuts can lose at most is less than 5 % of it
assert CUTS * DROP_PAGES_MIN * PAGE_BYTES_MAX < 0.05 * LARGE


def noise(path: Path, size: int, seed: int = 0) -> Path:
    """A file of bytes that look random and are the same each time."""
    lots = random.Random(seed)
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(lots.randbytes(min(MIB, size - start)))
    return path


def digest(path: Path) -> str:
    """What a file is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_by_hand(device: Device, *words: str | Path) -> Told:
    """Drop one file by a command; what it says of it."""
    told = device.done("drop", *words)["drops"]
    assert isinstance(told, list), told
    (one,) = told
    assert isinstance(one, dict), one
    return one


def has(device: Device, drop: str) -> bool:
    """Whether a device has the whole of a drop."""
    return device.call("drop.status", id=drop)["state"] == "here"


def chunk_bytes(device: Device) -> int:
    """How many bytes of chunks a device keeps."""
    return sum(path.stat().st_size for path in drops_path(device.home).rglob("*") if path.is_file())


def test_a_file_goes_to_the_device_that_it_is_for(fleet: Fleet) -> None:
    """Goal: one command drops a file; the other device has it by itself, a third when it asks; each gets the bytes."""
    left, right, third = fleet.linked(3)
    source = noise(fleet.folder / "plan, 2nd.bin", 3 * MIB + 17)
    dropped = drop_by_hand(left, source, "--to", right.name)
    drop, wanted = str(dropped["document"]), digest(source)
    source.unlink()  # it was read when it was dropped
    fleet.wait("the other device has it", lambda: has(right, drop))
    assert third.call("drop.status", id=drop)["state"] == "elsewhere"
    for device in (right, third):
        out = fleet.folder / f"out of {device.name}"
        out.mkdir()
        got = device.done("drop", "get", "plan, 2nd.bin", "--into", out)
        assert got["path"] == str(out / "plan, 2nd.bin")
        assert digest(Path(str(got["path"]))) == wanted
    fleet.wait("who has it is known", lambda: len(left.call("drop.status", id=drop)["got"]) == 3)  # type: ignore[arg-type]
    served = left.call("drop.status", id=drop)["served_bytes"] + right.call("drop.status", id=drop)["served_bytes"]  # type: ignore[operator]
    size = dropped["size"]
    assert isinstance(size, int)
    assert 2 * size <= served < 2.1 * size


def test_what_a_device_has_of_it_is_not_sent_again(fleet: Fleet) -> None:
    """Goal: a new version of a file costs what is new in it; taking both away frees the disk on both devices' side."""
    left, right = fleet.linked(2)
    source = noise(fleet.folder / "book.bin", 4 * MIB)
    first = str(left.call("drop.add", path=str(source))["document"])
    fleet.wait("the first is there", lambda: has(right, first))
    data = source.read_bytes()
    source.write_bytes(data[: 2 * MIB] + b"a new sentence" + data[2 * MIB :])
    second = left.call("drop.add", path=str(source))
    assert 0 < second["new_bytes"] < MIB  # type: ignore[operator]
    fleet.wait("the second is there", lambda: has(right, str(second["document"])))
    assert right.call("drop.status", id=str(second["document"]))["received_bytes"] < MIB  # type: ignore[operator]
    assert chunk_bytes(left) < 5.5 * MIB
    left.call("drop.rm", id=first)
    assert chunk_bytes(left) < 4.5 * MIB
    left.call("drop.rm", id=str(second["document"]))
    assert chunk_bytes(left) == 0
    fleet.converged()
    assert right.call("drop.list")["drops"] == []


def test_a_large_file_over_a_line_that_is_cut_again_and_again(fleet: Fleet) -> None:
    """Goal: it arrives whole, at most 5 % is sent twice; servers and the receiver's agent are killed on the way."""
    left, right = fleet.linked(2)
    source = noise(fleet.folder / "film.bin", LARGE)
    drop = str(left.call("drop.add", path=str(source), to=right.name)["document"])
    for number in range(1, CUTS + 1):
        here = fleet.wait(f"{number}/14 are there", lambda number=number: _reached(right, drop, number))  # type: ignore[misc]
        assert here < LARGE, f"all came before cut {number}"
        if number % 2:
            right.kill()
            right.start()
        else:
            for device in (left, right):
                os.kill(device.served().server_pid, signal.SIGKILL)
    fleet.wait("it is whole", lambda: has(right, drop), 4 * DEADLINE_S)
    got = Path(str(right.call("drop.get", id=drop, into=str(fleet.folder))["path"]))
    assert got.name == "film (2).bin"
    assert digest(got) == digest(source)
    served = left.call("drop.status", id=drop)["served_bytes"]
    assert isinstance(served, int)
    assert LARGE <= served <= 1.05 * LARGE, f"{served / LARGE - 1:.2%} were sent twice"


def _reached(device: Device, drop: str, number: int) -> int:
    told = device.call("drop.status", id=drop)
    here = told["here_bytes"]
    assert isinstance(here, int)
    return here if here >= number * LARGE / (CUTS + 4) else 0


def test_the_first_that_has_it_may_be_away(fleet: Fleet) -> None:
    """Goal: a device that has the whole serves it when who dropped it is off; who waits for nobody is told so."""
    left, right, third = fleet.linked(3)
    fleet.link(third, right)
    source = noise(fleet.folder / "list.bin", 2 * MIB)
    drop = str(left.call("drop.add", path=str(source), to=right.name)["document"])
    fleet.wait("the second has it", lambda: has(right, drop))
    fleet.wait("the third knows of it", lambda: third.call("drop.list")["drops"])
    fleet.wait("the third knows who has it", lambda: len(third.call("drop.status", id=drop)["got"]) == 2)  # type: ignore[arg-type]
    left.stop()
    out = fleet.folder / "out"
    out.mkdir()
    path = fleet.wait("it comes from the second", lambda: third.call("drop.get", id=drop, into=str(out))["path"])
    assert digest(Path(str(path))) == digest(source)


def test_without_an_agent_a_file_is_dropped_and_waits(fleet: Fleet) -> None:
    """Goal: dropping works offline; what is not here is refused with what helps, and comes when the devices meet."""
    left, right = fleet.joined(2)
    source = noise(fleet.folder / "offline.bin", MIB)
    dropped = drop_by_hand(left, source)
    drop = str(dropped["document"])
    assert left.done("drop", "list")["drops"][0]["state"] == "here"  # type: ignore[index]
    left.start()
    right.start()
    fleet.link(right, left)
    fleet.wait("it comes", lambda: has(right, drop))
    right.stop()
    for path in drops_path(right.home).rglob("*"):
        if path.is_file():
            path.unlink()  # as after a restore: the record is there, the bytes are not
    answer = right.mesh("--json", "drop", "get", drop, "--into", fleet.folder)
    assert answer.code == 5
    assert "not all of" in str(answer.error["message"])
    right.start()
    out = fleet.folder / "out"
    out.mkdir()
    assert digest(Path(str(right.done("drop", "get", drop, "--into", out)["path"]))) == digest(source)


def test_what_comes_appears_in_the_folder_once(fleet: Fleet) -> None:
    """Goal: a chosen folder gets each file that comes, past taken names and a kill -9, and none of them twice."""
    left, right = fleet.linked(2)
    out = fleet.folder / "in"
    assert right.done("drop", "folder", out)["folder"] == str(out)
    source = noise(fleet.folder / "plan.bin", MIB)
    (out / "plan.bin").write_bytes(b"somebody's own")
    drop_by_hand(left, source, "--to", right.name)
    first = out / "plan (2).bin"
    fleet.wait("it appears", first.exists)
    right.kill()
    large = noise(fleet.folder / "large.bin", 24 * MIB, seed=1)
    drop_by_hand(left, large, "--to", right.name)
    first.rename(out / "kept elsewhere")
    right.start()
    fleet.wait("more of it is here", lambda: chunk_bytes(right) > 8 * MIB)
    right.kill()
    right.start()
    fleet.wait("the large one appears", (out / "large.bin").exists)
    fleet.wait("it is noted", lambda: right.call("drop.folder")["put_down"] == 2)
    assert {path.name for path in out.iterdir()} == {"plan.bin", "kept elsewhere", "large.bin"}
    assert digest(out / "large.bin") == digest(large)
    assert digest(out / "kept elsewhere") == digest(source)
    assert (out / "plan.bin").read_bytes() == b"somebody's own"


def test_misuse_of_drops_changes_nothing(fleet: Fleet) -> None:
    """Goal: what cannot be dropped is named with what helps, and nothing is said of it."""
    (left,) = fleet.joined(1)
    pipe = fleet.folder / "pipe"
    os.mkfifo(pipe)
    for words, sentence in (
        (("drop", fleet.folder / "missing"), "cannot be read"),
        (("drop", fleet.folder), "is no file"),
        (("drop", pipe), "is no file"),
        (("drop", "--to", "nobody", pipe), "fits no device"),
        (("drop",), "no file was named"),
        (("drop", "get", "nothing"), "there is no drop"),
        (("drop", "rm", "nothing"), "there is no drop"),
    ):
        began = time.monotonic()
        answer = left.mesh("--json", *words)
        assert answer.code == 2, (words, answer)
        assert sentence in str(answer.error["message"]), answer
        assert time.monotonic() - began < DEADLINE_S
    assert left.done("drop", "list")["drops"] == []
    assert chunk_bytes(left) == 0
