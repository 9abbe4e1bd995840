"""The page over plain http, as text."""

from __future__ import annotations

import datetime as dt

from mesh.node.gateway import authority, trust


def test_the_trust_page_says_what_to_compare_and_to_press() -> None:
    """The print, both ways to install, and where to go on; foreign text is escaped by not being there."""
    made = authority.new_authority("mesh-k3q7x2.local", int(dt.datetime.now(dt.UTC).timestamp()))
    text = trust.page(made.certificate, "https://mesh-k3q7x2.local:8443")
    assert authority.fingerprint_text(made.certificate) in text
    for words in (
        "Certificate Trust Settings",
        "CA certificate",
        "https://mesh-k3q7x2.local:8443",
        "mesh.mobileconfig",
    ):
        assert words in text
    assert "<script" not in text
