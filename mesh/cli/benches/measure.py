"""Figures: collected round by round, told as medians with their spread, beside each other as ratios of one run.

No figure is written down anywhere: what cannot be measured here is left out.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_MEMORY_DISKS = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_DIGITS = 3


class Series:
    """What one contender reached, round by round."""

    def __init__(self, name: str, what: str = "") -> None:
        """`what` says in a sentence what was run."""
        self.name, self.what = name, what
        self.rounds: list[dict[str, float]] = []

    def add(self, **figures: float | None) -> None:
        """The figures of one round; None where this machine does not tell."""
        self.rounds.append({name: value for name, value in figures.items() if value is not None})

    def all(self, figure: str) -> list[float]:
        """One figure of all rounds that have it."""
        return [found[figure] for found in self.rounds if figure in found]

    def told(self) -> dict[str, object]:
        """Medians, and what they lie between."""
        names = dict.fromkeys(name for found in self.rounds for name in found)
        medians: dict[str, object] = {name: _rounded(statistics.median(self.all(name))) for name in names}
        spread = {name: [_rounded(min(self.all(name))), _rounded(max(self.all(name)))] for name in names}
        about = {"name": self.name} | ({"what": self.what} if self.what else {})
        return {**about, **medians, "rounds": len(self.rounds), "spread": spread}

    def over(self, other: Series, figure: str) -> float | None:
        """Median over the rounds of this figure divided by that of another contender in the same round."""
        pairs = zip(self.all(figure), other.all(figure), strict=False)
        found = [mine / theirs for mine, theirs in pairs if theirs]
        return _rounded(statistics.median(found)) if found else None


def _rounded(value: float) -> float:
    return round(value, _DIGITS) if abs(value) < 1000 else float(round(value))


def report(
    name: str, ours: Series, beside: list[Series], ratios: Mapping[str, object], command: str
) -> dict[str, object]:
    """One bench as `mesh bench --json` prints it."""
    told = ours.told()
    told.pop("name")
    return {
        "name": name,
        "ours": told,
        "beside": [series.told() for series in beside],
        "ratios": {what: value for what, value in ratios.items() if value is not None},
        "command": command,
    }


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def peak_mb(pid: int | None) -> float | None:
    """The largest memory that a living process had so far, in MiB; None where /proc does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else None


def processor_s(pid: int | None) -> float | None:
    """Seconds of processor time that a living process took so far, all its threads; None where /proc does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sleeps(pid: int | None) -> int | None:
    """How often the threads of a living process went to sleep by themselves so far, which is as often as they woke."""
    found = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += _number(thread / "status", "voluntary_ctxt_switches:") or 0
    except OSError:
        return None
    return found


def memory_mb(pid: int | None) -> dict[str, float | None]:
    """What a living process holds in memory, in MiB; PSS counts pages that n processes share as a n-th."""
    figures = {"rss_mb": ("status", "VmRSS:"), "pss_mb": ("smaps_rollup", "Pss:")}
    found: dict[str, float | None] = {}
    for name, (file, word) in figures.items():
        try:
            kib = _number(Path(f"/proc/{pid}/{file}"), word)
        except OSError:
            kib = None
        found[name] = kib / 1024 if kib is not None else None
    return found


def _number(path: Path, word: str) -> int | None:
    """The number behind a word in a file of the system. Raises OSError."""
    for line in path.read_text("ascii", errors="replace").splitlines():
        if line.startswith(word):
            return int(line.split()[1])
    return None


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """An empty folder on a real disk, gone afterwards. MESH_BENCH_FOLDER says where."""
    named = os.environ.get("MESH_BENCH_FOLDER")
    places = [named] if named else [tempfile.gettempdir(), "/var/tmp", str(Path.cwd())]  # noqa: S108 - see mkdtemp
    place = next((p for p in places if Path(p).is_dir() and _disk_of(p) not in _MEMORY_DISKS), places[-1])
    found = Path(tempfile.mkdtemp(prefix="mb-", dir=place))
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)


def _disk_of(place: str) -> str:
    """The kind of file system that a folder lies on; empty where the system does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    real = Path(place).resolve()
    fit = [(len(point), kind) for _, point, kind, *_ in mounts if real.is_relative_to(point)]
    return max(fit)[1] if fit else ""
