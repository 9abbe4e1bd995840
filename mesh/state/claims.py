"""Claims: what somebody says is so, weighed against what the machine saw with its own eyes.

A claim is verified only by a trace that this device's agent captured itself, or by a look at the repository or the
file that it took just now. It is inferred where a trace speaks for it and proves less than the words say; anything
else is asserted, whoever says it. A claim that the traces speak against is asserted and says so. This module reads no
file and no clock: traces and facts come in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mesh.errors import Misuse
from mesh.limits import CLAIM_CHARACTERS_MAX, COMMAND_CHARACTERS_MAX

VERIFIED, INFERRED, ASSERTED = "verified", "inferred", "asserted"
RUN, FILE, COMMIT = "run", "file", "commit"
KINDS = (RUN, FILE, COMMIT)

_POINTERS = ("id", "command", "commit", "path", "digest")
_SHA = re.compile(r"[0-9a-f]{7,40}")
_QUOTED = re.compile(r"`([^`]+)`")
_REDIRECTED = re.compile(r"\d?>&\d?|&>>?")
_OF_SEVERAL = re.compile(r"\|\||[|;&\n](?!&)(?<!&&)")

Pointer = Mapping[str, str]
"""What a claim points at: one or more of `id` (of a trace), `command`, `commit`, `path`, `digest`."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the agent of this device captured of a session: a command that ended, a file that changed, a commit."""

    id: str
    kind: str
    at_ms: int
    command: str = ""
    exit: int | None = None
    output: str = ""
    """The digest of what a command printed; the output itself is never kept."""
    path: str = ""
    digest: str = ""
    """Of the file as the agent found it then."""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was looked up just now, for claims that point at it: whole commits by what was said, digests by path."""

    commits: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    """Of files that are there."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it was weighed, with what it rests on."""

    text: str
    status: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def against(self) -> str:
        """What the machine saw that speaks against it; empty where nothing does."""
        return str(self.evidence.get("against", ""))

    def said(self) -> dict[str, object]:
        """As a receipt keeps it."""
        return {"text": self.text, "status": self.status, "evidence": dict(self.evidence)}


def pointer(said: object, traces: Sequence[Trace]) -> Pointer:
    """What a claim points at: a map that names it, or one text that is a command, a commit, a path or a trace's id.

    Raises Misuse.
    """
    if said is None or said == "":
        return {}
    if isinstance(said, Mapping):
        found = {key: value for key, value in said.items() if key in _POINTERS and isinstance(value, str) and value}
        if not found:
            raise Misuse("evidence names a command, a commit, a path or a digest", hint='{"command": "pytest -q"}')
        return found
    if not isinstance(said, str) or len(said) > COMMAND_CHARACTERS_MAX:
        raise Misuse("evidence is one command, commit, path or id", hint="pytest -q, or docs/CLI.md")
    if any(trace.id == said for trace in traces):
        return {"id": said}
    if any(trace.kind == RUN and squeezed(trace.command) == squeezed(said) for trace in traces):
        return {"command": said}
    if _SHA.fullmatch(said):
        return {"commit": said}
    return {"command": said} if " " in said.strip() else {"path": said}


def weighed(text: str, points: Pointer, traces: Sequence[Trace], facts: Facts) -> Claim:
    """A claim with the status that the traces of its session and the facts allow. Raises Misuse."""
    if not text.strip() or len(text) > CLAIM_CHARACTERS_MAX:
        raise Misuse(f"a claim is a sentence of at most {CLAIM_CHARACTERS_MAX} characters")
    named = next((trace for trace in traces if trace.id == points.get("id")), None)
    if "id" in points and named is None:
        return Claim(text, ASSERTED, {**points, "seen": False})
    if named is not None:
        points = {**points, **_points_of(named)}
    if command := points.get("command"):
        return Claim(text, *_by_run(command, traces))
    if commit := points.get("commit"):
        return Claim(text, *_by_commit(commit, facts))
    if path := points.get("path"):
        return Claim(text, *_by_file(path, points.get("digest", ""), traces, facts))
    return Claim(text, *_by_words(text, traces))


def last_change(traces: Sequence[Trace]) -> Trace | None:
    """The newest change of a file."""
    return max((trace for trace in traces if trace.kind == FILE), key=lambda trace: trace.at_ms, default=None)


def squeezed(command: str) -> str:
    """A command without needless blanks, so that two spellings of it are one."""
    return " ".join(command.split())


def of_several(command: str) -> bool:
    """Whether a command's exit code may be that of a part of it: in a pipe, after `;`, beside `||`."""
    return _OF_SEVERAL.search(_REDIRECTED.sub("", command)) is not None


def _is_run(command: str, wanted: str) -> bool:
    """Whether a command that ended with 0 says that the wanted one did: it is that one, or ends a chain of `&&`."""
    return command == wanted or (command.endswith(f"&& {wanted}") and not of_several(command))


def _points_of(trace: Trace) -> dict[str, str]:
    found = {"command": trace.command, "commit": trace.commit, "path": trace.path}
    return {key: value for key, value in found.items() if value}


def _by_run(command: str, traces: Sequence[Trace]) -> tuple[str, dict[str, object]]:
    wanted = squeezed(command)
    runs = [trace for trace in traces if trace.kind == RUN]
    exact = [trace for trace in runs if _is_run(squeezed(trace.command), wanted)]
    loose = [trace for trace in runs if wanted in squeezed(trace.command)]
    run = max(exact or loose, key=lambda trace: trace.at_ms, default=None)
    if run is None:
        return ASSERTED, {"command": command, "seen": False}
    evidence: dict[str, object] = {"command": run.command, "at_ms": run.at_ms, "id": run.id}
    evidence |= {} if run.exit is None else {"exit": run.exit}
    evidence |= {"output": run.output} if run.output else {}
    if run.exit:
        return ASSERTED, {**evidence, "against": f"it ended with {run.exit}"}
    if run.exit is None:
        return INFERRED, {**evidence, "why": "how it ended was not seen"}
    changed = last_change(traces)
    if changed is not None and changed.at_ms > run.at_ms:
        return INFERRED, {**evidence, "why": "a file changed after it", "path": changed.path}
    if not exact or of_several(run.command):
        return INFERRED, {**evidence, "why": "it ran among other commands, and its own end was not seen"}
    return VERIFIED, evidence


def _by_commit(commit: str, facts: Facts) -> tuple[str, dict[str, object]]:
    if whole := facts.commits.get(commit):
        return VERIFIED, {"commit": whole}
    return ASSERTED, {"commit": commit, "seen": False}


def _by_file(path: str, digest: str, traces: Sequence[Trace], facts: Facts) -> tuple[str, dict[str, object]]:
    now = facts.digests.get(path, "")
    evidence: dict[str, object] = {"path": path, **({"digest": now} if now else {})}
    if digest:
        if now == digest:
            return VERIFIED, evidence
        return ASSERTED, {**evidence, "against": "the file is another one now" if now else "there is no such file"}
    if any(trace.kind == FILE and same_path(trace.path, path) for trace in traces):
        return INFERRED, {**evidence, "why": "the file was changed in this session"}
    return (INFERRED, {**evidence, "why": "the file is there"}) if now else (ASSERTED, {**evidence, "seen": False})


def _by_words(text: str, traces: Sequence[Trace]) -> tuple[str, dict[str, object]]:
    for quoted in _QUOTED.findall(text):
        if any(trace.kind == RUN and squeezed(trace.command) == squeezed(quoted) for trace in traces):
            return _by_run(quoted, traces)
    words = {word.strip(".,:;!?()'\"`") for word in text.split()}
    for trace in traces:
        if trace.kind == FILE and any(same_path(trace.path, word) for word in words):
            return INFERRED, {"path": trace.path, "why": "the file was changed in this session"}
    return ASSERTED, {}


def same_path(path: str, said: str) -> bool:
    """Whether a path is meant by one that may be its end: `docs/CLI.md` of `/srv/mesh/docs/CLI.md`."""
    parts, wanted = path.split("/"), said.removeprefix("./").split("/")
    return said != "" and "." in wanted[-1] and parts[-len(wanted) :] == wanted
