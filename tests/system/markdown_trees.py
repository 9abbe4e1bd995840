"""Markdown that others wrote, with the images beside it, out of installed packages: real names, folders and bytes.

The packages that a checkout installs by its locks give a few hundred files; for a long campaign npm fetches more, each
pinned, into a folder of the caller's. It renames nothing, changes no file, and says so when it has only the first kind.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from mesh.node.vaults import paths

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = {
    "python": Path(sysconfig.get_path("purelib")),
    "web": ROOT / "web" / "node_modules",
    "interop": ROOT / "tests" / "interop" / "node_modules",
    "documentation": ROOT / "tests" / "documentation" / "node_modules",
}
PACKAGES = (
    "@ory/client@1.22.66",
    "@ory/hydra-client@26.2.0",
    "@ory/kratos-client@26.2.0",
    "@typescript-eslint/eslint-plugin@5.62.0",
    "aws-cdk-lib@2.276.0",
    "bmad-method@4.44.3",
    "bmad-method@6.12.0",
    "bower@1.8.14",
    "date-fns@2.30.0",
    "eslint-plugin-import@2.32.0",
    "eslint-plugin-jest@28.14.0",
    "eslint-plugin-jsx-a11y@6.10.2",
    "eslint-plugin-lodash@8.1.0",
    "fastify@3.29.5",
    "next@16.4.6",
    "npm@1.4.29",
    "npm@2.15.12",
    "npm@3.10.10",
    "npm@4.6.1",
    "npm@5.10.0",
    "npm@6.14.18",
    "npm@7.24.2",
    "npm@8.19.4",
    "npm@9.9.4",
    "npm@10.9.4",
    "npm@11.6.0",
    "sib-api-v3-sdk@8.5.0",
    "stylelint@13.13.1",
)
"""Rich in Markdown, most of them with the packages that they bundle; fetched without what they depend on."""

IMAGES = frozenset({".png", ".svg", ".gif", ".jpg", ".jpeg", ".webp"})
FETCH_S = 900
ONLY_INSTALLED = "ONLY WHAT IS INSTALLED"


@dataclass
class Trees:
    """What was gathered, by path: Markdown, and what lies beside it."""

    notes: dict[str, bytes] = field(default_factory=dict)
    beside: dict[str, bytes] = field(default_factory=dict)

    @property
    def distinct(self) -> int:
        """How many of the notes have different bytes."""
        return len({hashlib.sha256(raw).digest() for raw in self.notes.values()})

    def take(self, name: str, tree: Path) -> None:
        """All of one tree, under its name; no link is followed."""
        for place in sorted(tree.rglob("*")):
            if place.is_file() and not place.is_symlink():
                path = f"{name}/{place.relative_to(tree)}"
                if paths.is_markdown(place.name):
                    self.notes[path] = place.read_bytes()
                elif place.suffix.lower() in IMAGES:
                    self.beside[path] = place.read_bytes()

    def laid(self, folder: Path) -> None:
        """Write it all into a folder."""
        for path, raw in {**self.notes, **self.beside}.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(raw)


def installed() -> Trees:
    """What the locked packages of this checkout bring."""
    found = Trees()
    for name, tree in INSTALLED.items():
        if tree.is_dir():
            found.take(name, tree)
    return found


def fetched(folder: Path) -> tuple[Trees, str]:
    """The same with what npm fetches into a folder, and why that is not all of it; empty when it is."""
    found = installed()
    npm = shutil.which("npm")
    if npm is None:
        return found, f"{ONLY_INSTALLED}: there is no npm"
    argv = [npm, "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", str(folder), *PACKAGES]
    try:
        done = subprocess.run(argv, capture_output=True, check=False, timeout=FETCH_S, cwd=folder)
    except subprocess.TimeoutExpired:
        return found, f"{ONLY_INSTALLED}: npm took more than {FETCH_S} s"
    if done.returncode:
        return found, f"{ONLY_INSTALLED}: npm said {done.stderr.decode(errors='replace').strip()[-300:]!r}"
    for place in sorted(folder.glob("*.tgz")):
        with tarfile.open(place) as archive:
            archive.extractall(place.with_suffix(""), filter="data")
        found.take(place.stem, place.with_suffix(""))
    return found, ""
