"""Markdown files as no package brings them: odd names, odd bytes, odd front matter; and those that are no notes.

It writes them and says of each whether it is carried, and which words the reason has where it is not.
"""

from __future__ import annotations

from pathlib import Path

TWINS = ("odd/Twin.md", "odd/twin.md")
"""One file, on systems where case does not count: the second device shows one of them, and names the other."""

NOTE_BYTES = 120_000
"""A file so long is a note, whatever its name and front matter are."""

CARRIED = {
    **{path: path.encode() for path in TWINS},
    "odd/empty.md": b"",
    "odd/no end.md": b"no line end",
    "odd/one line end.md": b"\n",
    "odd/crlf.md": b"---\r\ntitle: Zeilen\r\n---\r\nCRLF\r\nand LF\n\r",
    "odd/cr.md": b"only\rcarriage\rreturns",
    "odd/marks.md": "a\u2028b\u2029c\x85d\x0ce\x0bf\u200bg\ufeffh".encode(),
    "odd/bom.md": b"\xef\xbb\xbftext",
    "odd/bom-front.md": b"\xef\xbb\xbf---\r\ntitle: With a mark\r\nx: 1\n---\r\ntext",
    "odd/utf-16-le.md": "\ufeff# Überschrift 🌱\r\n".encode("utf-16-le"),
    "odd/utf-16-be.md": "\ufeff---\ntitle: Groß\n---\n🌱".encode("utf-16-be"),
    "odd/latin.md": "café “quoted”".encode("cp1252"),
    "odd/front-only.md": b"---\ntitle: Nothing else\n---",
    "odd/front-empty.md": b"---\n---\n",
    "odd/front-open.md": b"---\ntitle: never closed\n",
    "odd/front-dots.md": b"---\ntitle: Dots\n...\ntext\n",
    "odd/front-wrong.md": b"---\ntitle: [a\n\tb: {{ x }}\n---\ntext\n",
    "odd/front-twice.md": b"---\ntitle: One\ntitle: Two\n---\n---\ntitle: Three\n---\n",
    "odd/front-rich.md": b"---\n# why\nbase: &b {x: [1, 2]}\nuse: *b   # so\ndate: 2024-1-2\ntags: [a, 'b c', a]\n---",
    "odd/front-title.md": b'---\ntitle:   "Spaced \\" out"  # kept\ntags:\n- x\n-   y\nother: >\n  long\n\n  text\n---',
    "odd/front-long.md": b"---\ntitle: " + b"t" * 5000 + b"\ntags: " + b"g" * 100 + b"\n---\n",
    "odd/front-many.md": b"---\ntags: [" + b", ".join(b"t%d" % number for number in range(100)) + b"]\n---\n",
    "odd/front-types.md": b"---\ntitle: 2024\ntags: 7\naliases: null\ncssclasses:\n---\n",
    "odd/links.md": b"[[wiki|link]] ![[picture.png]] ![](a%20b.png) [[#heading]] ^block\n",
    "odd/long line.md": b"word " * 20_000,
    "odd/nearly too long.md": b"x" * NOTE_BYTES,
    "odd/UPPER.MD": b"upper",
    "odd/other.markdown": b"other",
    "odd/twice.md.md": b"twice",
    "odd/CON.md": b"a name that one system refuses",
    "odd/-rf.md": b"an option",
    "odd/~.md": b"home",
    "odd/%41 & 100% #1 [x] {y} $HOME `z` 'q' \"r\".md": b"signs",
    "odd/ space .md": b"spaces at both ends",
    "odd/Grün é.md": b"composed",
    "odd/e\u0301 decomposed.md": b"decomposed",
    "odd/🌱 \u202e \u200b \u2028 \u00a0.md": b"signs that are hardly seen",
    "odd/" + "n" * 247 + ".md": b"as long as a name may be",
    "odd/" + "d/" * 100 + "deep.md": b"deep",
    "odd/folder.md/in.md": b"a folder that is called like a note",
}
LEFT = {
    "odd/nul.md": (b"a\0b", "no text"),
    "odd/binary.md": (bytes(range(256)), "no text"),
    "odd/half.md": (b"\xff\xfea", "no text"),
    "odd/too long.md": (b"x" * 122_881, "longer than a note"),
    "odd/huge.md": (b"x" * 300_000, "longer than a note"),
    "odd/line\nbreak.md": (b"", "none that may be written"),
    "odd/back\\slash.md": (b"", "none that may be written"),
    "odd/no text \udcff.md": (b"", "none that may be written"),
    "odd/" + "n" * 248 + ".md": (b"", "too long"),
    "odd/ .md": (b"", "not that of a Markdown file"),
    "odd/.hidden.md": (b"hidden", "hidden"),
    "odd/.hidden/a.md": (b"hidden", "hidden"),
    "odd/.hidden/b/c.md": (b"hidden", "hidden"),
}
LINKS = {"odd/link.md": "empty.md", "odd/linked": "folder.md"}
"""Links, and where they lead."""


def laid(folder: Path) -> None:
    """Write all of it into a folder."""
    for path, raw in {**CARRIED, **{path: raw for path, (raw, _) in LEFT.items()}}.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
    for path, to in LINKS.items():
        (folder / path).symlink_to(to)
