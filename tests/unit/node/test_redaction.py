"""Redaction: what looks like a secret goes, what people and programs write otherwise stays, in bounded time."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
import sys
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from mesh.node import redaction
from mesh.node.redaction import counted, redacted, redacted_value

_DRAW = random.Random(7)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def drawn(count: int, letters: str = _LETTERS) -> str:
    """Letters drawn by lot: made here, so that no true form of a secret stands in this file."""
    return "".join(_DRAW.choice(letters) for _ in range(count))


_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PEM = "-----BEGIN OPENSSH " + "PRIVATE KEY-----"
_SECRETS = {
    "aws id": ("{}", "AKIA" + drawn(16, _UPPER)),
    "github": ("git push with {} now", "gh" + "p_" + drawn(36)),
    "github fine": ("{}", "github_" + "pat_" + drawn(40)),
    "gitlab": ("{}", "gl" + "pat-" + drawn(20)),
    "slack": ("{}", "xox" + "b-" + drawn(24)),
    "model": ("export KEY='{}'", "sk-" + "ant-" + drawn(40)),
    "stripe": ("{}", "sk_" + "live_" + drawn(24)),
    "google": ("maps {}", "AI" + "za" + drawn(35)),
    "npm": ("//host/:_x={}", "npm" + "_" + drawn(36)),
    "jwt": ("got {}.", f"eyJ{drawn(20)}.eyJ{drawn(40)}.{drawn(43)}"),
    "assigned": ("DB_PASSWORD={}", "hunter2"),
    "quoted": ('password = "{}"', "correct horse battery"),
    "json": ('{{"client_secret": "{}", "a": 1}}', "abcdef"),
    "json in json": (r"{{\"password\": \"{}\"}}", "abcdef"),
    "yaml": ("api_key: {}", "zebra"),
    "numbers": ("password: {}", "123456"),
    "option": ("mysql --password {} -h db", "swordfish"),
    "option with sign": ("tool --api-key={} run", "swordfish"),
    "curl": ("curl -u admin:{} https://x", "swordfish"),
    "url": ("postgres://app:{}@db.local:5432/x", "sword@fish"),
    "url token": ("https://{}@example.org/repo.git", drawn(30)),
    "bearer": ("-H 'Authorization: {}'", "Bearer abc.def-123456"),
    "bearer alone": ("use bearer {} please", "abcdef1234567890"),
    "cookie": ("Set-Cookie: {}", "session=abcdefgh; Path=/"),
    "netrc": ("machine x login me password {}", "swordfish"),
    "shadow": ("root:{}:19000", "$6$" + drawn(8) + "$" + drawn(60)),
    "pem": ("key:\n{}\nafter", f"{_PEM}\n{drawn(64)}\n{drawn(64)}\n-----END OPENSSH PRIVATE KEY-----"),
    "pem that was cut": ("key:\n{}", f"{_PEM}\n{drawn(64)}"),
    "aws secret alone": ("it was {} I think", "wJ4lrXUtnF3MIK7MDENGbPxRf" + drawn(15)),
}  # fmt: skip


@pytest.mark.parametrize("case", _SECRETS)
def test_a_secret_goes_and_the_rest_stays(case: str) -> None:
    """Each form, inside what it usually stands in."""
    form, secret = _SECRETS[case]
    text = form.format(secret)
    clean, count = counted(text)
    assert secret not in clean
    assert count >= 1
    assert "[redacted:" in clean
    before, _, after = form.replace("{{", "{").replace("}}", "}").partition("{}")
    assert clean.startswith(before.split("'")[0][:8])
    assert clean.endswith(after[-4:])
    assert redacted(clean) == clean, "what is clean stays as it is"


_HARMLESS = [
    "commit 9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a fixes it",
    hashlib.sha256(b"a").hexdigest(),
    str(uuid.UUID(int=2**127 + 12345)),
    "home/receipt/mfzwizltmrqxgzdgmfzwizltmq",
    '"integrity": "sha512-' + base64.b64encode(hashlib.sha512(b"a").digest()).decode() + '"',
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjsd8ff0sdf9sdf9sdf0sdf9dfsdf9ds me@mac",
    "the token: it is read from the keychain",
    "def login(user: str, password: str) -> Token:",
    "token = get_token(request)",
    "password=$DB_PASSWORD and secret=${SECRET}",
    "max_tokens=4096, tokens: 1500",
    "secret: true",
    "mesh lost mac --passphrase-stdin < words",
    "kubectl --token-file run/secrets/token",
    "tests/unit/node/storage/test_StoreMemoryConflicts_Views2.py::test_ItWorks",
    "https://example.org/a/long/path/with-many-parts?query=1&other=2",
    "user@example.org wrote to ssh://git@host/repo",
    "please look at the build since tests fail when nobody has the right version of node there today",
    "CONTINUITY_PROJECTION_FOLDER_DEFAULT_NAME_FOR_DEVICES",
    "bearer certificates are passed on",
]


@pytest.mark.parametrize("text", _HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    """Digests, ids, paths, prose, types, variables and counts."""
    assert redacted(text) == text


def test_our_own_documents_hold_no_secret() -> None:
    """Long true prose and code pass, but for what shows a form on purpose."""
    with open("docs/ARCHITECTURE.md", encoding="utf-8") as file:  # noqa: PTH123 - read as any text
        text = file.read()
    assert redacted(text) == text


@pytest.mark.parametrize("strength", [128, 256])
@pytest.mark.parametrize("shape", ["line", "numbered", "lines"])
def test_recovery_words_go(strength: int, shape: str) -> None:
    """The words of a mesh or a wallet, as they are printed."""
    words = Mnemonic("english").to_mnemonic(bytes(range(strength // 8))).split()
    numbered = [f"{number:2}. {word}" for number, word in enumerate(words, 1)]
    text = {"line": " ".join(words), "numbered": "   ".join(numbered), "lines": "\n".join(numbered)}[shape]
    clean = redacted(f"Words: {text}\nKeep them.")
    assert words[5] not in clean
    assert words[-1] not in clean
    assert "Keep them." in clean


def test_no_recovery_word_is_taken_for_prose() -> None:
    """The words that end a run are in no list."""
    left_out = set(redaction._WORDS_LEFT_OUT.split("|"))  # noqa: SLF001 - the list itself is what is checked
    assert not left_out & set(Mnemonic("english").wordlist)


def test_values_by_key_and_by_form() -> None:
    """A hook's body: what stands under the name of a secret goes, whatever it looks like; numbers stay numbers."""
    body = {
        "tool_input": {"command": "curl -u a:swordfish x", "env": {"API_TOKEN": "plain words", "PATH": "/usr/bin"}},
        "tokens": 1500,
        "ok": True,
        "list": ["fine", {"password": "x"}],
        "nothing": None,
    }
    assert redacted_value(body) == {
        "tool_input": {
            "command": "curl -u a:[redacted:password] x",
            "env": {"API_TOKEN": "[redacted:secret]", "PATH": "/usr/bin"},
        },
        "tokens": 1500,
        "ok": True,
        "list": ["fine", {"password": "[redacted:secret]"}],
        "nothing": None,
    }
    deep: object = "gh" + "p_" + drawn(36)
    for _ in range(100):
        deep = [deep]
    assert "_" not in json.dumps(redacted_value(deep))


_PIECES = [
    "password", "token", "=", ": ", '"', "'", "://", "@", "a", "B7", "gh" + "p_" + "a1B2" * 10, "[redacted:token]",
    "eyJabcdefgh1.eyJabcdefgh1.x", "\\", "-----BEGIN " + "PRIVATE KEY-----", "-u ", "--token ", "bearer abcdef123456",
    " ", "\n", "$6$abcdefghijklmnopqrstu", "cookie: ",
]  # fmt: skip


@given(st.one_of(st.text(max_size=400), st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)))
def test_any_text_comes_out_and_stays(text: str) -> None:
    """No text breaks it, and what came out once comes out the same again."""
    clean, count = counted(text)
    assert redacted(clean) == clean
    assert count or clean == text


@pytest.mark.parametrize(
    "unit", ["a", "A1b", "abcd ", "password", "://a:", "eyJa.", "-----BEGIN ", 'a=\\"', "--a", "a" * 7 + " "]
)
def test_the_time_does_not_grow_with_the_square_of_the_length(unit: str) -> None:
    """Hooks send what anybody wrote: 200,000 letters of what each form begins with are a second's work, not hours."""
    start = time.monotonic()
    counted(unit * (200_000 // len(unit)))
    assert time.monotonic() - start < 30


def test_importing_it_is_cheap() -> None:
    """`mesh-hook` starts with each step of an agent: nothing but the standard library's small parts is loaded."""
    code = (
        "import sys, mesh.node.redaction\n"
        "print(sorted(m for m in sys.modules if m.startswith('mesh')), 'dataclasses' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mesh', 'mesh.node', 'mesh.node.redaction'] False"
