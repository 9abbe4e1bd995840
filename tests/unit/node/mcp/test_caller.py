"""Who asks over MCP: whatever a client calls itself is a principal, and never the person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.names import is_word
from mesh.node.mcp.caller import principal


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("claude-code", "claude-code"),
        ("Claude Code", "claude-code"),
        ("Visual Studio Code", "visual-studio-code"),
        ("gemini-cli-mcp-client", "gemini-cli-mcp-client"),
        ("", "mcp"),
        ("--", "mcp"),
        ("Ä", "mcp"),
    ],
)
def test_names_of_clients(said: str, name: str) -> None:
    """Readable where they can be."""
    assert principal(said) == name


@given(st.text(max_size=80))
def test_every_name_becomes_a_word(said: str) -> None:
    """And so an agent's name; the empty one would be the person."""
    assert is_word(principal(said))
    assert principal(principal(said)) == principal(said)
