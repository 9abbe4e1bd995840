"""What a phone on the network finds under the page's name: run as a program in a network of its own.

    python -m tests.system.looking_up OWN-ADDRESS NAME PORT ROOT.pem [ADDRESS...]

Prints one JSON object: the addresses that mDNS gives, unless some are given as a browser may have kept them, and which
device answers at the page under the first good one.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time

from zeroconf import DNSAddress, DNSIncoming, DNSOutgoing, DNSQuestion

_GROUP = ("224.0.0.251", 5353)
_A, _IN, _QUERY = 1, 1, 0
_ANSWER_S = 5.0


def addresses(own: str, name: str, wait_s: float = _ANSWER_S) -> list[str]:
    """Ask the network once, as a simple resolver does (RFC 6762, section 6.7); the addresses of the first answer."""
    packet = DNSOutgoing(_QUERY)
    packet.add_question(DNSQuestion(f"{name}.", _A, _IN))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(wait_s)
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        asking.sendto(packet.packets()[0], _GROUP)
        until_s = time.monotonic() + wait_s
        while time.monotonic() < until_s:
            try:
                told = DNSIncoming(asking.recv(9000))
            except TimeoutError:
                return []
            found = [one for one in told.answers() if isinstance(one, DNSAddress) and one.name == f"{name}."]
            if found:
                return [socket.inet_ntoa(one.address) for one in found]
    return []


def answering(name: str, port: int, root: str, hosts: list[str]) -> str:
    """Which device answers at the page, trusting the mesh's authority alone."""
    context = ssl.create_default_context(cafile=root)
    for host in hosts:
        try:
            with socket.create_connection((host, port), _ANSWER_S) as bare:
                said = _asked(context.wrap_socket(bare, server_hostname=name), f"{name}:{port}")
        except OSError as error:
            print(f"{host}: {error!r}", file=sys.stderr)  # noqa: T201 - a program's output
            continue
        head, _, body = said.partition(b"\r\n\r\n")
        if b" 200 " in head.split(b"\r\n")[0]:
            return str(json.loads(body)["device"])
    return ""


def _asked(line: ssl.SSLSocket, host: str) -> bytes:
    with line:
        line.sendall(f"GET /who HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while part := line.recv(4096):
            said += part
        return said


if __name__ == "__main__":
    found = sys.argv[5:] or addresses(sys.argv[1], sys.argv[2])
    device = answering(sys.argv[2], int(sys.argv[3]), sys.argv[4], found)
    print(json.dumps({"addresses": found, "device": device}))  # noqa: T201 - a program's output
