"""The app is built for real: the same bytes each time, small, all that its service worker keeps, in the wheel."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mesh.node.gateway import assets
from mesh.node.gateway.replies import FENCE
from tests.phone import page

pytestmark = [pytest.mark.system, *page.NEEDS]

ROOT = page.WEB.parent
START_BYTES_MAX = 120_000
"""JavaScript that every start loads, as browsers fetch it, without WebAssembly (decision 0017)."""
SCRIPTS_BYTES_MAX = 159_500
"""All of it, the reader of codes included: just above what it is, so that nothing grows unseen."""
STATIC = Path("mesh") / "node" / "gateway" / "static"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app."""
    return page.build(tmp_path_factory.mktemp("app") / "static")


def sums(folder: Path) -> dict[str, str]:
    """What is in each file."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Built again, into another folder."""
    assert sums(page.build(tmp_path / "again")) == sums(built)


def test_its_scripts_are_small(built: Path) -> None:
    """Compressed: what every start loads, and all. That a start needs no more is shown in a browser (test_core.py)."""
    script = str(page.WEB / "making" / "sizes.mjs")
    told = subprocess.run(["node", script, str(built), "--json"], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    assert set(found["sizes"]) >= {"index.html", "sw.js", "manifest.webmanifest"}
    scripts = {name: size for name, size in found["sizes"].items() if name.endswith(".js")}
    assert {re.sub(r"-.*", "", name) for name in found["start"]} == {
        "assets/index",
        "assets/thread",
        "assets/engine",
        "sw.js",
    }
    assert {re.sub(r"-.*", "", name) for name in scripts} - {
        "assets/index",
        "assets/thread",
        "assets/engine",
        "sw.js",
    } == {
        "assets/later",
        "assets/others",
        "assets/reader",
    }
    assert found["start_bytes"] == sum(scripts[name] for name in found["start"])
    assert 40_000 < found["start_bytes"] <= START_BYTES_MAX, found
    assert found["scripts"] == sum(scripts.values())
    assert found["scripts"] <= SCRIPTS_BYTES_MAX, found


def test_everything_lies_there_compressed(built: Path) -> None:
    """And decompressed it is what was compressed, byte for byte, by another's decoder."""
    names = [name for name in sums(built) if re.search(r"\.(js|css|html|wasm|svg|webmanifest)$", name)]
    assert len(names) > 7
    script = (
        "const {readFileSync} = require('fs'), {brotliDecompressSync} = require('zlib');"
        "for (const f of process.argv.slice(1))"
        " if (!brotliDecompressSync(readFileSync(f + '.br')).equals(readFileSync(f))) throw new Error(f);"
    )
    subprocess.run(["node", "-e", script, *(str(built / name) for name in names)], check=True)


def test_the_service_worker_keeps_all_that_the_page_needs_offline(built: Path) -> None:
    """By address and by the SHA-256 of its bytes; only what reads a code from a camera is left to the network."""
    text = (built / "sw.js").read_text("utf-8")
    found = dict(re.findall(r'\{url:[`"]([^`"]+)[`"],sha256:[`"]([^`"]+)[`"]\}', text))
    have = sums(built)
    assert found == {("/" if name == "index.html" else f"/{name}"): have[name] for name in have if _kept(name)}
    assert any(name.startswith("/assets/engine-") for name in found)
    assert "__VERSION__" not in text
    assert "__PRECACHE__" not in text


def _kept(name: str) -> bool:
    return not name.endswith(".br") and name != "sw.js" and re.search(r"zxing|reader-", name) is None


def test_nothing_in_it_is_inline_or_from_elsewhere(built: Path) -> None:
    """What the page loads is a file of its own origin, as the policy of the gateway wants it."""
    html = (built / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", html) == []
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(links) >= 5
    for link in links:
        assert link.startswith("/"), link
        assert (built / link[1:]).is_file(), link
    assert "'unsafe" not in FENCE["Content-Security-Policy"]
    assert FENCE["Content-Security-Policy"] == page.POLICY


def test_it_can_be_installed_and_shared_to(built: Path) -> None:
    """The manifest names icons that are there, a maskable one among them, and where to share to."""
    manifest = json.loads((built / "manifest.webmanifest").read_text("utf-8"))
    for icon in manifest["icons"]:
        data = (built / icon["src"][1:]).read_bytes()
        if icon["type"] == "image/png":
            assert data.startswith(b"\x89PNG"), icon
            assert f"{int.from_bytes(data[16:20])}x{int.from_bytes(data[20:24])}" == icon["sizes"]
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
    share = manifest["share_target"]
    assert (share["action"], share["method"], share["params"]["files"][0]["name"]) == ("/share", "POST", "files")
    assert manifest["shortcuts"]


def test_the_gateway_serves_it_as_it_was_built(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file at its path, compressed where that was done, and for good where its name is a digest."""
    monkeypatch.setattr(assets, "STATIC", built)
    found = assets.page()
    assert set(found) == {f"/{name}" for name in sums(built) if not name.endswith(".br")} | {"/"}
    assert found["/"].compressed
    assert all(one.lasting for path, one in found.items() if path.startswith("/assets/"))
    assert not found["/sw.js"].lasting


def wheel(tmp_path: Path, built: Path | None) -> tuple[set[str], str]:
    """Build a wheel out of a copy of the sources: the names in it, and what was said."""
    root = tmp_path / "root"
    for name in ("pyproject.toml", "README.md"):
        root.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    shutil.copy(ROOT / ".gitignore", root / ".gitignore")
    shutil.copytree(ROOT / "deploy", root / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "mesh", root / "mesh", ignore=shutil.ignore_patterns("__pycache__", "static"))
    if built:
        shutil.copytree(built, root / STATIC)
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheels")]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "wheels").glob("*.whl")
    return set(zipfile.ZipFile(made).namelist()), done.stderr


def test_the_wheel_brings_it_along(built: Path, tmp_path: Path) -> None:
    """Though no commit has it."""
    names, said = wheel(tmp_path, built)
    assert {(STATIC / name).as_posix() for name in sums(built)} <= names
    assert "NO APP" not in said


def test_a_wheel_without_it_says_so(tmp_path: Path) -> None:
    """Loudly, and is built all the same: a relay needs none."""
    names, said = wheel(tmp_path, None)
    assert "mesh/node/gateway/web.py" in names
    assert "THIS WHEEL HAS NO APP FOR PHONES" in said
    assert "scripts/web" in said


def test_no_commit_holds_it() -> None:
    """It is built, not kept."""
    kept = subprocess.run(
        ["git", "ls-files", str(STATIC), "web/build"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert kept.stdout == ""
