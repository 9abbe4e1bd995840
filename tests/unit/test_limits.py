"""Limits: those that depend on each other fit, and each that peers share is in the protocol."""

from __future__ import annotations

import re
from pathlib import Path

from mesh import limits
from mesh.events.seal import padded_bytes

SOURCE = Path(limits.__file__).read_text("utf-8")
LINE = re.compile(r"([A-Z][A-Z0-9_]*) = (.*?)  # (.*)")


def test_each_limit_has_its_reason_or_unit() -> None:
    """A line of limits.py is a name, a value, and why or of what."""
    lines = [line for line in SOURCE.splitlines() if re.match(r"(?!KIB|MIB)[A-Z]\w+ = ", line)]
    bare = [line for line in lines if not LINE.fullmatch(line)]
    named = re.compile(r"\w*_(BYTES|LINES|FILES|MAX|CONNECTIONS)\w* = .*")
    assert not [line for line in bare if not named.fullmatch(line)]


def test_each_limit_has_one_value() -> None:
    """No name stands twice, where the second would quietly win."""
    names = re.findall(r"^([A-Z]\w+) = ", SOURCE, re.MULTILINE)
    assert len(names) == len(set(names))


def test_each_limit_that_peers_share_is_in_the_protocol() -> None:
    """Name, value and reason of each line marked PROTOCOL stand in the table, and nothing else does."""
    document = (Path(limits.__file__).parent.parent / "docs" / "PROTOCOL.md").read_text("utf-8")
    shared = [LINE.fullmatch(line) for line in SOURCE.splitlines() if "# PROTOCOL: " in line]
    rows = [f"| `{m[1]}` | {getattr(limits, m[1]):,} | {m[3].removeprefix('PROTOCOL: ')} |" for m in shared if m]
    table = document.split("## Limits")[1].split("## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows
    assert len(rows) == len(shared) == SOURCE.count("# PROTOCOL")


def test_a_full_body_fits_its_event() -> None:
    """The longest plain body, padded and sealed, stays under the longest sealed one."""
    sealed = padded_bytes(limits.BODY_PLAIN_BYTES_MAX + 1) + limits.NONCE_BYTES + limits.TAG_BYTES
    assert sealed <= limits.BODY_BYTES_MAX


def test_a_signed_run_fits_a_page_and_a_page_a_message() -> None:
    """What stands under one signature can always travel: on one page, in one message, through one server."""
    assert limits.HEADER_BYTES_MAX + limits.BODY_BYTES_MAX <= limits.SIGNED_RUN_BYTES_MAX
    framing = limits.SIGNED_RUN_EVENTS_MAX * 16
    assert limits.SIGNED_RUN_BYTES_MAX + framing <= limits.PAGE_BYTES_MAX
    assert limits.PAGE_BYTES_MAX + limits.SIGNED_RUN_BYTES_MAX <= limits.PUSH_BYTES_MAX
    assert limits.PUSH_BYTES_MAX < limits.SERVER_PAYLOAD_BYTES_MAX


def test_the_lamport_clock_cannot_be_run_out() -> None:
    """Hundreds of millions of hostile steps fit below the largest number that JavaScript holds."""
    assert limits.SEQ_MAX // limits.LAMPORT_STEP_MAX >= 2**28


def test_ranks_are_in_order() -> None:
    """Recovery, founder, admins, members."""
    ranks = (limits.RANK_RECOVERY, limits.RANK_FOUNDER, limits.RANK_ADMIN_LAST, limits.RANK_MEMBER, limits.RANK_MAX)
    assert list(ranks) == sorted(set(ranks))
