"""Real agents on bad networks: cut off, unplugged, isolated, far away, killed, asleep, and ten at once.

What they go through stands in `trials`, which also `scripts/network` runs for the figures. Here only that nothing is
lost, nothing is doubled, everybody comes back, and nobody storms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.system import trials
from tests.system.harness import Fleet
from tests.system.networks import Network, network
from tests.system.sizes import sized

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces needs root"),
]

DELAY_S, LOSS = 0.075, 0.05
CUT_S = sized(25.0, 60.0)
FEW = sized(3, 5)
KILLED = sized(2, 3)
MANY = sized(5, 10)
STAR_S = 40.0
LATE_SHARE_MAX = 0.85  # of dials in vain: half as many later with backoff, as many as before without
DIALS_PER_PAIR_MAX = 12  # in a backoff that doubles: many times more in a storm
_ECHO = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
    here.bind((sys.argv[1], 9999))
    print("up", flush=True)
    while True:
        said, sender = here.recvfrom(100)
        here.sendto(said, sender)
"""
_ASK = """
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
    here.settimeout(1)
    here.connect((sys.argv[1], 9999))
    for number in range(int(sys.argv[2])):
        began = time.monotonic()
        here.send(str(number).encode())
        try:
            while here.recv(100) != str(number).encode():
                pass
            print(time.monotonic() - began)
        except OSError:
            print("lost")
"""


@pytest.fixture
def net() -> Iterator[Network]:
    """A switch."""
    with network() as made:
        yield made


def asked(within: list[str], address: str, times: int) -> list[str]:
    """Ask the echo at an address; how long each answer took, or `lost`."""
    words = [*within, sys.executable, "-c", _ASK, address, str(times)]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout.split()


def test_the_network_is_as_bad_as_it_says(net: Network) -> None:
    """Goal: a slow line delays and loses, a silenced place hears nothing for a time, isolated ones never."""
    (here, address), (near, near_address), (far, _) = net.place(), net.place(), net.place(delay_s=DELAY_S, loss=0.2)
    echo = subprocess.Popen([*here, sys.executable, "-c", _ECHO, address], stdout=subprocess.PIPE)
    try:
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"up\n"
        assert "lost" not in asked(near, address, 5)
        answers = asked(far, address, 30)
        assert 1 <= answers.count("lost") <= 25, answers  # 36 in 100 of the round trips, by a seed of its own
        assert statistics.median(float(answer) for answer in answers if answer != "lost") >= 2 * DELAY_S
        net.silence(address)
        assert asked(near, address, 1) == ["lost"]
        net.unsilence(address)
        assert "lost" not in asked(near, address, 1)
        net.isolate([address, near_address])
        assert asked(near, address, 1) == ["lost"]
        assert asked(far, address, 10).count("lost") < 10
    finally:
        echo.kill()
        echo.communicate()


def test_devices_find_each_other_and_agree(net: Network, fleet: Fleet) -> None:
    """Goal: agents that start at once are all linked, by multicast alone."""
    trials.finding(net, fleet, FEW)


def test_cut_off_without_a_word_and_asleep(net: Network, fleet: Fleet) -> None:
    """Goal: one device is cut off, another stands still as with a closed lid; all that was written is everywhere."""
    trials.cut_and_asleep(net, fleet, CUT_S)


def test_a_cable_is_pulled_and_put_in_again(net: Network, fleet: Fleet) -> None:
    """Goal: the same where the system tells that the line is gone."""
    trials.unplugged(net, fleet)


def test_a_slow_line_that_loses_frames(net: Network, fleet: Fleet) -> None:
    """Goal: over 75 ms and 5 % loss a hundred notes and more are caught up, and live ones follow."""
    trials.slow_line(net, fleet, sized(100, 300), DELAY_S, LOSS)


def test_two_who_are_isolated_hear_of_each_other_through_a_third(net: Network, fleet: Fleet) -> None:
    """Goal: as guests in a wireless network who can only reach the third."""
    trials.isolated(net, fleet)


def test_every_process_is_killed_in_turn_while_all_write(net: Network, fleet: Fleet) -> None:
    """Goal: each nats-server, then each agent; nothing acknowledged is lost, nothing is there twice."""
    trials.kills(net, fleet, KILLED)


def test_many_devices_in_a_mesh_and_in_a_star(net: Network, fleet: Fleet) -> None:
    """Goal: all converge, after all servers were killed at once too, and nobody dials more than a backoff lets."""
    figures = trials.many(net, fleet, MANY, star_s=STAR_S)
    dials = {name: value for name, value in figures.items() if "dials" in name}
    most = MANY * (MANY - 1) * DIALS_PER_PAIR_MAX
    assert all(0 <= value <= most for value in dials.values()), dials
    assert dials[f"{MANY} devices, full mesh, dials"] >= MANY * (MANY - 1) / 2, "each link was dialled once at least"
    early, late = list(dials.values())[-3:-1]
    assert late <= early * LATE_SHARE_MAX, f"who cannot be reached is dialled ever more rarely: {dials}"
