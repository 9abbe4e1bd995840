"""The page's TypeScript keeps the rules of STYLE.md that a machine can see: heads, sizes, what it may import."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[1] / "web"
LINES_MAX, FUNCTION_LINES_MAX, COLUMNS_MAX = 400, 60, 178
PORT = {"../engine/port.js", "../engine/rows.js", "../../engine/port.js", "../../engine/rows.js"}
THIRD = {"preact", "preact/hooks", "@preact/signals"}
ONLY = {
    "main.tsx": {"../engine/shell/thread.ts?worker&url"},
    "reader.ts": {"zxing-wasm/reader", "zxing-wasm/reader/zxing_reader.wasm?url"},
}
"""Who imports what nobody else does."""
PURE = {"code.ts", "words.ts"}

IMPORT = re.compile(r"""^(import|export)( type)?\b[^;]*?from "([^"]+)";""", re.MULTILINE)
EXPORT = re.compile(r"export (async )?(function|class|interface|const|type)")
MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|eval|new Function)\b"
)
WORLD = re.compile(r"\b(Date\.now|Math\.random|crypto|indexedDB|fetch|setTimeout|navigator|document|location)\b")
NETWORK = re.compile(r"\b(fetch\(|WebSocket|XMLHttpRequest|sendBeacon|localStorage|https?://)")

FILES = sorted(
    path.relative_to(WEB / "ui").as_posix() for kind in ("*.ts", "*.tsx") for path in (WEB / "ui").rglob(kind)
)
CODE = [name for name in FILES if not name.endswith(".d.ts")]


def source(name: str) -> str:
    """The text of a file of the page."""
    return (WEB / "ui" / name).read_text("utf-8")


def code(name: str) -> str:
    """A file without its comments."""
    return re.sub(r"/\*.*?\*/|^\s*//.*?$|\s//\s.*?$", "", source(name), flags=re.DOTALL | re.MULTILINE)


def test_there_is_a_page() -> None:
    """What follows is about something."""
    assert len(CODE) > 25


@pytest.mark.parametrize("name", CODE)
def test_a_file_says_what_it_is_and_is_seen_whole(name: str) -> None:
    """It begins with what it is and what it never does, and every export says what it is."""
    lines = source(name).splitlines()
    head = " ".join(lines[: next(n for n, line in enumerate(lines) if not line.startswith("//"))])
    assert re.search(r"\b(never|no|nothing|not|nobody|only)\b", head, re.IGNORECASE), head
    assert [line for before, line in pairwise(lines) if EXPORT.match(line) and not before.endswith("*/")] == []
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines)) <= COLUMNS_MAX


@pytest.mark.parametrize("name", CODE)
def test_a_function_is_seen_whole(name: str) -> None:
    """From its first line to the brace that ends it."""
    begun: tuple[str, int] | None = None
    for number, line in enumerate(source(name).splitlines()):
        if re.match(r"(export )?(async )?function", line):
            begun = line, number
        if line == "}" and begun:
            assert number - begun[1] < FUNCTION_LINES_MAX, begun[0]
            begun = None


@pytest.mark.parametrize("name", CODE)
def test_the_page_sees_plain_rows_only(name: str) -> None:
    """Of the engine it knows types alone, by the port; it talks to no network, and makes no markup out of text."""
    for _, types, target in IMPORT.findall(source(name)):
        if target in PORT:
            assert types, f"{name} takes more than types from {target}"
        elif target.startswith(("./", "../")):
            inside = ((WEB / "ui" / name).parent / target).resolve().is_relative_to(WEB / "ui")
            assert inside or target in ONLY.get(name, set()), target
        else:
            assert target in THIRD | ONLY.get(name, set()), target
    assert MARKUP.findall(code(name)) == []
    assert NETWORK.findall(code(name)) == []
    assert not re.search(r'\bstyle="', code(name)), "a policy without inline styles would drop it"


@pytest.mark.parametrize("name", sorted(PURE))
def test_words_and_codes_are_pure(name: str) -> None:
    """They look nothing up."""
    assert WORLD.findall(code(name)) == []


def test_colours_and_sizes_stand_in_one_file() -> None:
    """Only the tokens say a colour, once for each scheme."""
    styles = {path.name: path.read_text("utf-8") for path in (WEB / "ui").glob("*.css")}
    assert set(styles) == {"page.css", "tokens.css"}
    bare = re.sub(r"/\*.*?\*/", "", styles["page.css"], flags=re.DOTALL)
    assert re.findall(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsl", bare) == ["#000"], "the picture of the camera is on black"
    light, dark = styles["tokens.css"].split("@media (prefers-color-scheme: dark)")
    colours = re.findall(r"--[a-z-]+(?=: #)", dark)
    assert len(colours) > 12
    assert set(colours) <= set(re.findall(r"--[a-z-]+", light))
    used = set(re.findall(r"var\((--[a-z-]+)", bare))
    assert used <= set(re.findall(r"--[a-z-]+(?=:)", styles["tokens.css"]))
