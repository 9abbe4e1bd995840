"""The name of the mesh's door on the local network, and its ports: pure functions of the mesh.

Every full device of a mesh serves the same page under the same name, so that the phone's data outlives each of them.
The name tells nobody which mesh it is. This module looks nothing up and announces nothing; `name` does.
"""

from __future__ import annotations

import base64
import hashlib

from mesh.limits import DOOR_LETTERS
from mesh.names import Digest

PORT_DEFAULT = 8443
"""https, where neither MESH_PHONE_PORT nor a setting says otherwise. The trust page is on the next one, over http."""

_PURPOSE = b"mesh/door/name/1"
HTTPS = 443
"""The port that browsers leave out."""


def door_name(mesh: Digest) -> str:
    """The mesh-wide name: `mesh-k3q7x2.local`."""
    letters = base64.b32encode(hashlib.sha256(_PURPOSE + mesh).digest()).decode().lower()
    return f"mesh-{letters[:DOOR_LETTERS]}.local"


def origin(name: str, port: int) -> str:
    """What browsers call the page's origin, and what they send as `Origin`."""
    return f"https://{host(name, port)}"


def host(name: str, port: int) -> str:
    """What browsers send as `Host`: without the port where it is that of the scheme."""
    return name if port == HTTPS else f"{name}:{port}"
