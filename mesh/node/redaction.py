"""Redaction: what looks like a secret is left out of a text before anybody keeps it.

Keys, tokens, passwords, private keys, recovery words and long random texts are replaced by `[redacted:KIND]`. It knows
forms, not meanings: a secret that looks like prose stays, and now and then something harmless goes. `mesh-hook`
imports this module, so it needs the standard library only, and compiles nothing before it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

_MARK = "[redacted:{}]"
_MARKED = "[redacted:"
_MARKS = re.compile(r"\[redacted:[a-z-]+\]")
_DEPTH_MAX = 32  # of lists and maps in one another: deeper than any tool's JSON
_LOOK_CHARACTERS_MAX = 512  # of a long run of letters, to tell whether it is random
_RANDOM_CHARACTERS_MIN = 24
_TURNS_MIN = (
    0.28  # share of neighbours of different kinds, `Aa` not counted: random texts have 0.45, names and paths below 0.2
)

Rule = tuple[str, "re.Pattern[str]", Callable[["re.Match[str]"], bool]]
"""What it is called, how it looks (its group `s`, or all of it, is the secret), and whether it really is one."""


def redacted(text: str) -> str:
    """A text without what looks like a secret."""
    return counted(text)[0]


def counted(text: str) -> tuple[str, int]:
    """A text without what looks like a secret, and how many were left out."""
    total = 0
    for rule in _rules():
        text, count = _without(rule, text)
        total += count
    return text, total


def redacted_value(value: object, depth: int = 0) -> object:
    """JSON without what looks like a secret: each text by its form, and texts under a key that names a secret."""
    if isinstance(value, str):
        return redacted(value)
    if depth >= _DEPTH_MAX and isinstance(value, (Mapping, list, tuple)):
        return _MARK.format("deep")
    if isinstance(value, Mapping):
        return {redacted(str(key)): _under(str(key), inner, depth) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted_value(inner, depth + 1) for inner in value]
    return value


def _under(key: str, value: object, depth: int) -> object:
    named = _key_pattern().search(key)
    if named and isinstance(value, str) and value and not _harmless(named.group(), value):
        return value if _MARKS.fullmatch(value) else _MARK.format("secret")
    return redacted_value(value, depth + 1)


def _without(rule: Rule, text: str) -> tuple[str, int]:
    kind, pattern, is_one = rule
    parts: list[str] = []
    end = count = 0
    for match in pattern.finditer(text):
        group = "s" if "s" in pattern.groupindex else 0
        marked = text.endswith(_MARKED, 0, match.start(group)) or _MARKS.fullmatch(match.group(group))
        if marked or not is_one(match):
            continue
        parts += [text[end : match.start(group)], _MARK.format(kind)]
        end, count = match.end(group), count + 1
    return ("".join([*parts, text[end:]]), count) if count else (text, 0)


# ---------------------------------------------------------------- the forms

_NAMES = (
    r"pass(?:word|wd|phrase|code)|(?<![a-z])pwd(?![a-z])|secret|token|credential"
    r"|(?:api|access|private|auth|account|encryption|signing|master)[ _-]?key|(?<![a-z])apikey"
)
"""Words in the name of a variable, a field or an option that make what it holds a secret."""

_TOKENS = (
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}",  # Amazon
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|gl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_.-]{18,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    r"sk-[A-Za-z0-9_-]{18,}|(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}",  # models, payments
    r"AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{20,}|1//0[0-9A-Za-z_-]{20,}",  # Google
    r"hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-AgE[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{40,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,}|tskey-[A-Za-z0-9-]{16,}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{50,}|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # a JSON web token
)

_VALUE = r"""(?:\\*"(?P<q>[^"\\\r\n]+)|\\*'(?P<p>[^'\\\r\n]+)|`(?P<b>[^`\r\n]+)|(?P<w>[^\s"'`,;<>|&(){}\[\]\\]+))"""

_PROSE = re.compile(
    "a|an|and|are|as|at|be|been|by|can|cannot|comes|could|does|each|every|expire[ds]|for|from|goes|has|have|how|if|in|into"
    "|invalid|is|its?|lives|may|might|missing|must|never|no|none|not|of|on|one|only|or|our|optional|required|set|should"
    "|stays|still|such|than|that|the|their|them|then|there|these|they|this|those|to|two|unset|until|use[ds]?|was|we|were"
    "|what|when|where|which|who|why|will|with|without|would|you|your"
)
"""Words that follow a colon in prose: `the token: it is read from the keychain`."""

_HARMLESS = re.compile(
    r"(?:true|false|null|none|nil|undefined|str|string|bytes|int|bool|object|any|optional|text|number|secretstr)\??"
    r"|\$.*|%.*%|\*+|x{3,}|\.{3}|-+|=+|(?:os|process|self|cls|args|config|settings|env|this)\..*|[\w.]+\(.*",
    re.IGNORECASE,
)
"""What stands beside such a name and is no secret: a type, a variable, a call, a mask."""

_WORDS_LEFT_OUT = "the|and|for|are|was|not|but|has|had|with|from|were|its|our|been|does|did|get|let"
"""Words that are in no list of recovery words, and make a text prose."""


@cache
def _key_pattern() -> re.Pattern[str]:
    return re.compile(_NAMES, re.IGNORECASE)


@cache
def _rules() -> Sequence[Rule]:
    return tuple(_all_rules())


def _all_rules() -> Iterator[Rule]:
    name, both = "(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----", re.IGNORECASE | re.MULTILINE
    yield "private-key", re.compile(rf"-----BEGIN {name}.*?(?:-----END {name}|\Z)", re.DOTALL), _always
    yield "token", re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_TOKENS)})"), _always
    yield "password", re.compile(r"://[^\s/:@\"'\[]{0,128}:(?P<s>[^\s/\"']{1,256})@"), _always
    yield "token", re.compile(r"://(?P<s>[^\s/:@\"'\[]{20,256})@"), _always
    header = r"\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token)\\*[\"']?\s{0,3}:\s{0,3}\\*[\"']?"
    yield "header", re.compile(rf"{header}(?P<s>[^\r\n\"'\\]{{6,}})", both), _always
    yield "token", re.compile(r"\bbearer\s{1,3}(?P<s>(?=[\w.~+/-]*[0-9])[\w.~+/=-]{12,})", both), _always
    yield "hash", re.compile(r"\$(?:1|2[abxy]|5|6|7|y|argon2\w{1,2}|scrypt)\$[^\s:\"']{16,}"), _always
    sign = r"[\w.-]{0,40}\\*[\"']?(?P<sign>\s{0,3}(?::=|=>|[=:])\s{0,3})"
    yield "secret", re.compile(rf"(?P<name>{_NAMES}){sign}(?P<s>{_VALUE})", both), _is_value
    option = rf"(?<!\S)--?[\w-]{{0,30}}?(?P<name>{_NAMES})(?![\w-]*(?:file|stdin|path|env|name|id)\b)[\w-]{{0,20}}"
    yield "secret", re.compile(rf"{option}(?P<sign>\s{{1,3}})(?P<s>(?!-){_VALUE})", both), _is_value
    yield "password", re.compile(r"\blogin\s+\S{1,128}\s+password\s+(?P<s>\S+)", both), _always
    yield "password", re.compile(r"(?:(?<!\S)-u|--user)\s{1,3}[\"']?[^\s:\"']{1,128}:(?P<s>[^\s\"']+)"), _always
    yield "password", re.compile(r"\bsshpass\s+-p\s{0,3}(?P<s>\S+)", both), _always
    word = rf"(?!(?:{_WORDS_LEFT_OUT})\b)[a-z]{{3,8}}"
    number = r"(?:\d{1,2}[.):]?[ \t]{1,3})?"
    phrase = rf"(?<![\w/-]){number}{word}(?:[ \t,]{{0,4}}[\s]{{1,3}}{number}{word}){{11,23}}(?![\w/(=-])"
    yield "recovery-words", re.compile(phrase), _is_phrase
    yield "random", re.compile(r"(?<![\w+/=-])[\w+/=-]{24,}", re.ASCII), _is_random


def _always(_match: re.Match[str]) -> bool:
    return True


def _harmless(name: str, value: str) -> bool:
    """Whether what stands beside the name of a secret is none: tokens are counted, passwords are not."""
    count = name.lower() == "token" and value.isdigit()
    return count or _HARMLESS.fullmatch(value.strip()) is not None


def _is_value(match: re.Match[str]) -> bool:
    """Whether what stands beside the name of a secret is one: no type, no variable, no prose, no count of tokens."""
    bare = match.group("w")
    value = bare or match.group("q") or match.group("p") or match.group("b") or ""
    if _harmless(match.group("name"), value) or (bare and match.string[match.end() : match.end() + 1] in {"(", "["}):
        return False
    loose = bare is not None and match.group("sign").endswith((" ", "\t"))
    return not (loose and _PROSE.fullmatch(bare.strip(".,:!?").lower()))


def _is_phrase(match: re.Match[str]) -> bool:
    """Whether so many short words are as many as recovery words are."""
    return len(re.findall("[a-z]+", match.group())) in {12, 15, 18, 21, 24}


def _is_random(match: re.Match[str]) -> bool:
    """Whether a long run of letters and digits looks drawn by lot. Digests, ids, names and public keys do not count."""
    text, before = match.group().strip("="), match.string[max(0, match.start() - 8) : match.start()]
    if before.lower().endswith(("sha256:", "sha512:")) or re.match(r"sha(?:1|256|384|512)-|AAAA[BCE][23]", text):
        return False
    start = text[:_LOOK_CHARACTERS_MAX]
    kinds = ["a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "-" for c in start]
    if len(start) < _RANDOM_CHARACTERS_MIN or not {"a", "A", "0"} <= set(kinds):
        return False
    turns = sum("-" not in two and two[0] != two[1] and two != ("A", "a") for two in pairwise(kinds))
    return turns / len(kinds) >= _TURNS_MIN and len(set(start)) >= _RANDOM_CHARACTERS_MIN // 2
