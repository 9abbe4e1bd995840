"""Which networks are home: known by their router, or by their subnet where there is none; and never by a guess."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mesh.errors import Misuse, Unreachable
from mesh.node import agent as agents
from mesh.node import home as founding
from mesh.node import timing
from mesh.node.gateway import homes

ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
NEIGHBOURS = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         {flags}         {mac}     *        eth0
"""
MAC = "00:11:22:33:44:55"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tables of Linux")


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two cards, of which one leads outward, and what its system knows of its router."""
    monkeypatch.setattr(homes, "_ROUTES", tmp_path / "route")
    monkeypatch.setattr(homes, "_NEIGHBOURS", tmp_path / "arp")
    monkeypatch.setattr(timing, "HOME_LOOK_S", 0.0)
    cards = (("eth0", "192.168.1.7", "192.168.1.0/24"), ("eth1", "10.0.0.7", "10.0.0.0/8"))
    monkeypatch.setattr(homes, "networks", lambda _: cards)
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "arp").write_text(NEIGHBOURS.format(flags="0x2", mac=MAC))
    return tmp_path


def test_a_network_is_known_by_its_router(tables: Path) -> None:
    """The same subnet behind another router is another network; without a router the subnet is what there is."""
    outward, inward = homes.here()
    assert (outward.name, outward.router, outward.hosts) == ("192.168.1.0/24", MAC, ("192.168.1.7",))
    assert (inward.name, inward.router) == ("10.0.0.0/8", "")
    (tables / "arp").write_text(NEIGHBOURS.format(flags="0x2", mac="66:55:44:33:22:11"))
    assert homes.here()[0].id != outward.id
    assert homes.here()[1].id == inward.id


def test_a_router_that_does_not_answer_is_no_home(tables: Path) -> None:
    """Nobody guesses: it is not known which network this is."""
    for text in (NEIGHBOURS.format(flags="0x0", mac="00:00:00:00:00:00"), "IP address\n", ""):
        (tables / "arp").write_text(text)
        assert not homes.here()[0].known
    (tables / "arp").unlink()
    (tables / "route").unlink()
    assert [one.router for one in homes.here()] == ["", ""]


async def test_networks_are_marked_and_forgotten(tables: Path, tmp_home: Path) -> None:
    """Marked: this device's addresses there are told. Elsewhere, or forgotten: none are."""
    await founding.found(tmp_home / "mac", "mac")
    async with agents.opened(tmp_home / "mac") as agent:
        assert await homes.at_home(agent) == ()
        await homes.mark(agent)
        assert set(await homes.at_home(agent)) == {"192.168.1.7", "10.0.0.7"}
        first = homes.here()[0]
        (tables / "arp").write_text(NEIGHBOURS.format(flags="0x2", mac="66:55:44:33:22:11"))
        assert await homes.at_home(agent) == ("10.0.0.7",)
        with pytest.raises(Misuse):
            await homes.forget(agent, "zz")
        await homes.forget(agent, first.id)
        assert first.id not in await homes.kept(agent)
        (tables / "arp").write_text(NEIGHBOURS.format(flags="0x0", mac="00:00:00:00:00:00"))
        with pytest.raises(Unreachable):
            await homes.mark(agent)
        await homes.forget(agent)
        assert await homes.at_home(agent) == ()
