"""What every answer of the door has in common."""

from __future__ import annotations

from mesh.node.gateway import replies


def test_the_fence_lets_nothing_in_from_elsewhere() -> None:
    """No source but the page itself, no inline script, no eval but that of WebAssembly, no frame around it."""
    policy = replies.FENCE["Content-Security-Policy"]
    for forbidden in ("unsafe-inline", "'unsafe-eval'", "http:", "https:", "*", "wss:"):
        assert forbidden not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy
