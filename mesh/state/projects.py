"""Projects: what a piece of work is known by on every device, which is never a path.

A project is born of the first commit of its history, or of a git remote where that is not known; so two devices that
meet the same repository make the same document. Those that turn out to be one later are read as one. This module runs
no git and knows no folder; it reads and suggests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh.events.kinds import Value
from mesh.limits import PROJECT_REMOTES_MAX, TITLE_BYTES_MAX
from mesh.names import DocumentId
from mesh.state.records import TITLE, Record

KIND = "project"
ROOT, FIRST_REMOTE, REMOTE, PATH = "root", "first-remote", "remote/", "path/"

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(\[[0-9a-f:.]+\]|[^/:@]+)(?::\d*)?/+(.+)\Z", re.IGNORECASE)
_SHORT = re.compile(r"(?:[^/@:]+@)?(\[[0-9a-f:.]+\]|[^/:@]{2,}):(?!//)/*(.+)\Z", re.IGNORECASE)
"""`git@host:owner/name`; a host of one letter would be a drive."""
_ID_CHARACTERS_MIN = 4  # of an id: fewer are a slip of the hand
_ROOT_CHARACTERS = 8  # of a commit, where a project has no other name
_KEY_CHARACTERS = 16  # of a remote's digest, in the register that holds it


@dataclass(frozen=True, slots=True)
class Repository:
    """What git tells of a folder. `root` is empty where the history does not reach back to its first commit."""

    top: str
    """Where it lies on this device: of a further worktree the place of the first one."""
    root: str = ""
    remotes: tuple[str, ...] = ()
    """Normalised; the one that is fetched from by default comes first."""
    branch: str = ""
    inside: str = ""
    """The folder within it that was asked about; empty for its top."""

    @property
    def known(self) -> bool:
        """Whether another device could recognise it."""
        return bool(self.root or self.remotes)


def remote_of(url: str) -> str:
    """A git remote as it is the same for everybody: host and path, without scheme, user, secret, port and `.git`.

    Empty for what names no place that another device could know, such as a path.
    """
    text = url.strip()
    found = _URL.match(text) or _SHORT.match(text)
    if found is None or not text.isprintable() or text.lower().startswith("file:"):
        return ""
    host, path = found[1].lower(), found[2].partition("?")[0].partition("#")[0].strip("/")
    path = path.removesuffix(".git").rstrip("/")
    line = f"{host}/{path}"
    return line if path and len(line.encode()) <= TITLE_BYTES_MAX else ""


def root_of(commits: Sequence[str]) -> str:
    """The first commit of a history, of the commits without parents as git lists them: the oldest comes last."""
    return commits[-1] if commits and all(_COMMIT.match(one) for one in commits) else ""


def registers_of_birth(repository: Repository) -> dict[str, Value]:
    """What a project is born with: nothing that differs between two devices which have the same repository."""
    if repository.root:
        return {ROOT: repository.root}
    return {FIRST_REMOTE: repository.remotes[0]}


def learned(record: Record, repository: Repository, device: str) -> dict[str, Value]:
    """What a device adds to a project once it has it: its remotes, and where it lies there."""
    known = set(remotes(record))
    room = max(PROJECT_REMOTES_MAX - len(known), 0)
    new = [remote for remote in repository.remotes if remote not in known][:room]
    return {PATH + device: repository.top, **{REMOTE + _key(remote): remote for remote in new}}


def remotes(record: Record) -> tuple[str, ...]:
    """The remotes by which a project is known, sorted; the first one is among them."""
    found = {value for value in record.under(REMOTE).values() if isinstance(value, str) and value}
    return tuple(sorted(found | {record.word(FIRST_REMOTE)} - {""}))


def path_on(record: Record, device: str) -> str:
    """Where a project lies on a device; empty where it was never met there."""
    return record.word(PATH + device)


def name_of(record: Record) -> str:
    """What a project is called: as a person called it, else by the end of its remote, else by its folder."""
    paths = [value for value in record.under(PATH).values() if isinstance(value, str)]
    for place in (record.word(TITLE), *remotes(record), *sorted(paths)):
        if name := place.replace("\\", "/").rstrip("/").rpartition("/")[2]:
            return name
    return record.word(ROOT)[:_ROOT_CHARACTERS] or "project"


class Known:
    """The projects that a device knows. Those with a root or a remote in common are read as one.

    It is that with a root, of several the one with the smallest name; so every device says the same.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        """Work out which are one."""
        self._listed = sorted(records, key=lambda one: (not one.word(ROOT), one.document))
        rank = {one.document: place for place, one in enumerate(self._listed)}
        roots = {one.document: one.word(ROOT) for one in self._listed}
        self._into = {one.document: one.document for one in self._listed}
        first: dict[str, DocumentId] = {}
        for one in self._listed:
            for mark in _marks(one):
                other = first.setdefault(mark, one.document)
                low, high = sorted((self.top(one.document), self.top(other)), key=lambda document: rank[document])
                if not (roots[low] and roots[high]) or roots[low] == roots[high]:
                    self._into[high] = low
        self._by_id = {str(one.document): one for one in self._listed}

    def top(self, document: DocumentId) -> DocumentId:
        """The project as which one is read."""
        while self._into[document] != document:
            document = self._into[document]
        return document

    def all(self) -> tuple[Record, ...]:
        """The projects that are not read as another one."""
        return tuple(one for one in self._listed if self._into[one.document] == one.document)

    def get(self, project: str) -> Record | None:
        """The project as which the one of that id is read; None where it is not known."""
        found = self._by_id.get(project)
        return self._by_id[str(self.top(found.document))] if found else None

    def ids(self, project: str) -> frozenset[str]:
        """All ids that are read as the same project as this one, with itself."""
        found = self.get(project)
        same = {key for key, one in self._by_id.items() if found and self.top(one.document) == found.document}
        return frozenset(same | {project})

    def name(self, project: str) -> str:
        """What a project is called; empty where it is not known."""
        found = self.get(project)
        return name_of(found) if found else ""

    def meant(self, said: str) -> tuple[Record, ...]:
        """The projects that somebody may mean by a name, an id, or the beginning of one."""
        fit = {str(self.top(one.document)) for one in self._listed if _means(one, said)}
        return tuple(self._by_id[key] for key in sorted(fit))

    def fitting(self, repository: Repository) -> Record | None:
        """The project that a repository is: by its root, else by a remote that it shares with one of no other root."""
        for one in self._listed:
            if repository.root and one.word(ROOT) == repository.root:
                return self.get(str(one.document))
        for one in self._listed:
            if one.word(ROOT) and repository.root:
                continue  # another history at the same place: somebody began it anew
            if set(remotes(one)) & set(repository.remotes):
                return self.get(str(one.document))
        return None


def told(record: Record) -> Mapping[str, object]:
    """A project as answers name it."""
    return {
        "document": str(record.document),
        "name": name_of(record),
        "root": record.word(ROOT),
        "remotes": list(remotes(record)),
        "paths": {device: place for device, place in record.under(PATH).items() if isinstance(place, str)},
    }


def _marks(record: Record) -> list[str]:
    root = record.word(ROOT)
    return [*([f"root {root}"] if root else []), *(f"remote {remote}" for remote in remotes(record))]


def _means(record: Record, said: str) -> bool:
    document = str(record.document)
    begun = len(said) >= _ID_CHARACTERS_MIN and document.rpartition("/")[2].startswith(said.rpartition("/")[2])
    return begun or said in {document, name_of(record)}


def _key(remote: str) -> str:
    return hashlib.sha256(remote.encode()).hexdigest()[:_KEY_CHARACTERS]
