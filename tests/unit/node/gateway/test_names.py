"""The door's name: the same on every device of a mesh, and it tells nobody which mesh it is."""

from __future__ import annotations

import re

from mesh.names import ZERO, Digest
from mesh.node.gateway.names import door_name, host, origin


def test_the_name_follows_from_the_mesh_alone() -> None:
    """Two meshes have two names, one has one; letters that no resolver misreads."""
    one, other = (Digest(bytes([number]) * 32) for number in (1, 2))
    assert door_name(one) == door_name(Digest(bytes(one))) != door_name(other)
    assert all(re.fullmatch(r"mesh-[a-z2-7]{6}\.local", door_name(each)) for each in (one, other, ZERO))
    assert door_name(ZERO) == "mesh-iednnk.local"  # phones keep their data under it: it may never change


def test_the_origin_is_what_browsers_send() -> None:
    """The port is left out where it is that of https."""
    assert origin("mesh-aaaaaa.local", 8443) == "https://mesh-aaaaaa.local:8443"
    assert host("mesh-aaaaaa.local", 8443) == "mesh-aaaaaa.local:8443"
    assert origin("a.example", 443) == "https://a.example"
