"""Reading the arguments of a call: of the right type, or one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.errors import Misuse

Arguments = Mapping[str, object]


def text(arguments: Arguments, key: str) -> str | None:
    """A text, or None when it is not given. Raises Misuse."""
    value = arguments.get(key)
    if value is not None and not isinstance(value, str):
        raise Misuse(f"{key} is not a text")
    return None if value is None else _whole(key, value)


def _whole(key: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Misuse(f"the {key} has half a character in it", hint="It was probably cut, or is no text.") from None
    return value


def needed(arguments: Arguments, key: str) -> str:
    """A text that must be given. Raises Misuse."""
    value = text(arguments, key)
    if not value:
        raise Misuse(f"{key} is missing")
    return value


def texts(arguments: Arguments, key: str) -> tuple[str, ...]:
    """A list of texts, empty when it is not given. Raises Misuse."""
    value = arguments.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Misuse(f"{key} is not a list of texts")
    return tuple(_whole(key, item) for item in value)


def maps(arguments: Arguments, key: str, word: str) -> tuple[Mapping[str, object], ...]:
    """A list of flat objects; what is given as a text is an object of that one word. Raises Misuse."""
    value = arguments.get(key) or []
    found: list[Mapping[str, object]] = []
    for given in value if isinstance(value, list) else [value]:
        one = {word: given} if isinstance(given, str) else given
        if not isinstance(one, dict) or not all(isinstance(part, str | int | None) for part in one.values()):
            raise Misuse(f"{key} is not a list of texts, or of objects of texts and whole numbers")
        for part in (*one, *one.values()):
            _whole(key, str(part))
        found += [one] if one and one != {word: ""} else []
    return tuple(found)


def number(arguments: Arguments, key: str, default: int, most: int) -> int:
    """A whole number from 0 to `most`. Raises Misuse."""
    value = arguments.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Misuse(f"{key} is not a whole number from 0 to {most:,}")
    return value


def yes(arguments: Arguments, key: str) -> bool:
    """Whether something was asked for."""
    return bool(arguments.get(key))
