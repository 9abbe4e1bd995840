"""The configuration of the own nats-server, as a pure function of keys and roster.

Everybody has exactly what the allow-lists give: no anonymous user, no deny rules, no JetStream, no MQTT, no
clusters. It reads and writes no file; `broker` does.

Subjects are per pair, `mesh.<to>.<from>.<verb>`: on B's server A may publish `mesh.B.A.>` and listen to
`mesh.A.B.>`, so the server itself proves the sender. Guests live in an account of their own, in which nothing but
`mesh.B.guest.>` leads anywhere. Devices in browsers come by WebSocket and by nothing else; nobody else does, so a key
that was stolen from either is of no use at the other's door.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh import limits
from mesh.events.keys import derive
from mesh.node import timing
from mesh.node.ports import Peer, WebPlace
from mesh.node.transport.tls import TlsFiles

GUEST = "guest"
"""The word of a guest in subjects; devices have 16 characters."""
GUEST_INBOX = f"_INBOX_{GUEST}"
IMPORTED_REPLY = "_R_."
"""How nats-server begins the reply subject of a request that crossed from the guests' account."""

_TCP, _WEB = "STANDARD", "WEBSOCKET"
_USER_PREFIX = bytes([20 << 3])  # "U"
_SEED_PREFIX = bytes([(18 << 3) | (20 << 3 >> 5), (20 << 3 & 31) << 3])  # "SU"
_CRC_POLYNOMIAL = 0x1021  # XMODEM, as github.com/nats-io/nkeys


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The nkeys that the own server lets in besides the peers': public keys, 32 bytes."""

    own: bytes
    system: bytes
    """Random at each start; may reload, look at connections and kick."""
    guest: bytes


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where the server listens and keeps its files."""

    host: str
    port: int
    folder: Path
    tls: TlsFiles
    web: WebPlace | None = None


def subject(to: str, sender: str, verb: str) -> str:
    """The subject of a request or of tidings."""
    return f"mesh.{to}.{sender}.{verb}"


def inbox(device: str) -> str:
    """The prefix of a device's reply subjects."""
    return f"_INBOX_{device}"


def guest_seed(mesh_secret: bytes) -> bytes:
    """The seed of the guests' nkey, the same in the whole mesh: whoever once was let in can deliver a statement."""
    return derive(mesh_secret, "mesh/guest/1")


def nkey_public(key: bytes) -> str:
    """An Ed25519 public key as nats-server writes it: U and 55 more characters."""
    return _nkey(_USER_PREFIX + key)


def nkey_seed(seed: bytes) -> str:
    """An Ed25519 seed as nats clients take it: SU and 56 more characters."""
    return _nkey(_SEED_PREFIX + seed)


def address_text(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def server_config(device: str, keys: ServerKeys, place: ServerPlace, peers: Sequence[Peer]) -> str:
    """The whole text. The same arguments give the same bytes; the order of the peers does not matter."""
    users = [_user(keys.own, publish=[">"], subscribe=[">"])]
    let_in = sorted((peer for peer in peers if not peer.only_visited), key=lambda peer: peer.device)
    users += [_peer_user(device, peer) for peer in let_in]
    door = subject(device, GUEST, ">")
    guest = _user(keys.guest, publish=[door], subscribe=[f"{GUEST_INBOX}.>"])
    return f"""# Written by mesh from its roster and replaced whenever that changes. Do not edit.
server_name: "{device}"
listen: "{address_text(place.host, place.port)}"
{_bounds()}
{_files(place)}{_web(place.web)}
accounts {{
  MESH: {{
    users: [
      {_lines(users, 6)}
    ]
    exports: [ {{ service: "{door}", accounts: [GUEST] }} ]
  }}
  GUEST: {{
    users: [
      {guest}
    ]
    imports: [ {{ service: {{ account: MESH, subject: "{door}" }} }} ]
    limits: {{ max_connections: {limits.GUEST_CONNECTIONS_MAX} }}
  }}
  SYS: {{
    users: [
      {{ nkey: {nkey_public(keys.system)}, allowed_connection_types: ["{_TCP}"] }}
    ]
  }}
}}
system_account: SYS
"""


def _bounds() -> str:
    return f"""ping_interval: "{timing.PING_INTERVAL_S}s"
ping_max: {timing.PINGS_MISSED_MAX}
write_deadline: "5s"
max_payload: {limits.SERVER_PAYLOAD_BYTES_MAX}
max_pending: {limits.SERVER_PENDING_BYTES_MAX}
max_control_line: {limits.SERVER_CONTROL_LINE_BYTES_MAX}
max_connections: {limits.SERVER_CONNECTIONS_MAX}
authorization {{ timeout: 2 }}"""


def _files(place: ServerPlace) -> str:
    return f"""pid_file: {_quoted(place.folder / "nats.pid")}
ports_file_dir: {_quoted(place.folder)}
log_file: {_quoted(place.folder / "nats.log")}
logfile_size_limit: {limits.LOG_FILE_BYTES_MAX}
logfile_max_num: {limits.LOG_FILES_MAX}
tls {{
  cert_file: {_quoted(place.tls.certificate)}
  key_file: {_quoted(place.tls.key)}
  ca_file: {_quoted(place.tls.authority)}
  verify: true
  handshake_first: true
  min_version: "1.3"
  timeout: 2
}}"""


def _web(web: WebPlace | None) -> str:
    """Of this block nothing can be reloaded (nats-server refuses), so it follows from what never changes."""
    if web is None:
        return ""
    return f"""
websocket {{
  host: "127.0.0.1"
  port: {web.port}
  no_tls: true
  compression: false
  handshake_timeout: "{timing.DIAL_TIMEOUT_S:g}s"
  allowed_origins: ["{web.origin}"]
}}"""


def _peer_user(device: str, peer: Peer) -> str:
    return _user(
        peer.transport_key,
        publish=[subject(device, peer.device, ">")],
        subscribe=[subject(peer.device, device, ">"), f"{inbox(peer.device)}.>"],
        answers=True,
        way=_WEB if peer.in_browser else _TCP,
    )


def _user(
    key: bytes, *, publish: Sequence[str], subscribe: Sequence[str], answers: bool = False, way: str = _TCP
) -> str:
    # One answer for each request that it was sent; a minute is longer than any request waits.
    more = ', allow_responses: { max: 1, expires: "1m" }' if answers else ""
    allowed = f"publish: {{ allow: {_list(publish)} }}, subscribe: {{ allow: {_list(subscribe)} }}"
    ways = f'allowed_connection_types: ["{way}"]'
    return f"{{ nkey: {nkey_public(key)}, {ways}, permissions: {{ {allowed}{more} }} }}"


def _list(subjects: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in subjects) + "]"


def _lines(parts: Sequence[str], indent: int) -> str:
    return ("\n" + " " * indent).join(parts)


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _nkey(raw: bytes) -> str:
    checked = raw + _crc(raw).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _crc(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ _CRC_POLYNOMIAL if value & 0x8000 else value << 1
        value &= 0xFFFF
    return value
