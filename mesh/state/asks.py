"""Asks: a question to the person, its answers, and what came of it.

Each device that answers writes a register of its own, so no answer is lost. What counts is what the device that asked
took: one answer, or the default when the time was over. It writes that once, and whatever comes later changes
nothing: an answer arrives once or expires, never both. This module reads no clock: now comes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Value
from mesh.limits import ASK_OPTIONS_MAX, ASK_WORDS_CHARACTERS_MAX
from mesh.state.records import TITLE, Record, listing, must_be_line, said, whole

KIND = "ask"
WAITING, ANSWERED, EXPIRED, TAKEN = "waiting", "answered", "expired", "taken"
STATES = (WAITING, ANSWERED, EXPIRED, TAKEN)
ANSWER = "answer/"
_TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device answered, or what was taken when nobody did (`device` is empty then)."""

    option: str
    text: str = ""
    device: str = ""
    at_ms: int = 0

    @property
    def expired(self) -> bool:
        """Whether it is the default, since nobody answered in time."""
        return not self.device

    def said(self) -> str:
        """As a register keeps it."""
        return said({"option": self.option, "text": self.text, "device": self.device, "at": self.at_ms})


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know."""

    words: str
    options: Sequence[str] = ()
    default: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    about: Mapping[str, Value] = field(default_factory=dict)
    """`project`, `session`, `agent`, `device`, `at`, `expires`."""


def registers(question: Question) -> dict[str, Value]:
    """The registers that a question is born with. Raises Misuse or TooLarge."""
    options = [must_be_line(option, "option") for option in question.options]
    if len(options) > ASK_OPTIONS_MAX or len(set(options)) != len(options):
        raise Misuse(f"a question has at most {ASK_OPTIONS_MAX} options, each once")
    if question.default and options and question.default not in options:
        raise Misuse(f"the default {question.default!r} is none of the options")
    return {
        **question.about,
        TITLE: must_be_line(question.words, "question"),
        "options": listing(options),
        "default": question.default,
        "detail": said(dict(question.detail)) if question.detail else "",
    }


def answers(record: Record) -> tuple[Answer, ...]:
    """All answers, the earliest first as their devices say, then by device: the same order everywhere."""
    found = (_answer(device, value) for device, value in record.saids(ANSWER).items())
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.at_ms, one.device)))


def taken(record: Record) -> Answer | None:
    """What the device that asked took; None while it took nothing."""
    value = record.said(_TAKEN)
    return _read(value) if isinstance(value, dict) else None


def is_answer(key: str) -> bool:
    """Whether a register is an answer, or what came of a question: what only one device may say."""
    return key == _TAKEN or key.startswith(ANSWER)


def whose(record: Record, key: str) -> str:
    """The device that alone may say such a register."""
    return record.word("device") if key == _TAKEN else key.removeprefix(ANSWER)


def state(record: Record, now_ms: int) -> tuple[str, Answer | None]:
    """How a question stands, and the answer that is taken, or will be as far as this device can see."""
    if (done := taken(record)) is not None:
        return TAKEN, done
    if found := answers(record):
        return ANSWERED, found[0]
    if is_over(record, now_ms):
        return EXPIRED, Answer(record.word("default"))
    return WAITING, None


def is_over(record: Record, now_ms: int) -> bool:
    """Whether the time for an answer is over."""
    return 0 < record.number("expires") <= now_ms


def taking(record: Record, device: str, now_ms: int) -> dict[str, Value]:
    """The register by which the device that asked takes what there is; nothing while there is nothing, or it did.

    Raises Refused for any other device.
    """
    if record.word("device") != device:
        raise Refused(f"{record.document} was asked by another device", hint="Only that one takes its answer.")
    how, answer = state(record, now_ms)
    return {_TAKEN: answer.said()} if answer is not None and how != TAKEN else {}


def answering(record: Record, device: str, said_: str, text: str, now_ms: int) -> dict[str, Value]:
    """The register by which the person answers on a device. Raises Misuse, or Refused when it is too late."""
    how, done = state(record, now_ms)
    if done is not None and (how == TAKEN or done.device != device):
        raise Refused(_late(record, done), hint="Nothing was changed. `mesh ask show` has it.")
    options = record.listed("options")
    option = _option(said_, options) if said_ else ""
    if options and not option:
        raise Misuse(f"{said_!r} is none of the options", hint=f"One of: {', '.join(options)}.")
    if not options and not (said_ or text).strip():
        raise Misuse("an answer has words", hint='mesh answer ID "yes, go on"')
    words = text or ("" if options else said_)
    if len(words) > ASK_WORDS_CHARACTERS_MAX:
        raise Misuse(f"an answer has at most {ASK_WORDS_CHARACTERS_MAX:,} characters")
    return {ANSWER + device: Answer(option, words, device, now_ms).said()}


def _late(record: Record, done: Answer) -> str:
    if done.expired:
        was = f" ({done.option})" if done.option else ""
        return f"{record.document} expired, and its default holds{was}"
    return f"{record.document} is answered already: {done.option or done.text}"


def _option(words: str, options: Sequence[str]) -> str:
    """The option that somebody means: the words of it, or its number from 1."""
    if words in options:
        return words
    close = [option for option in options if option.lower() == words.strip().lower()]
    if len(close) == 1:
        return close[0]
    number = int(words) if words.isascii() and words.isdigit() and len(words) <= 2 else 0
    return options[number - 1] if 1 <= number <= len(options) else ""


def _answer(device: str, value: Mapping[str, object]) -> Answer | None:
    """An answer; only the register of a device itself holds what that device says."""
    read = _read(value)
    return Answer(read.option, read.text, device, read.at_ms) if read is not None else None


def _read(value: Mapping[str, object]) -> Answer | None:
    option, text, device = (value.get(key) for key in ("option", "text", "device"))
    words = [one if isinstance(one, str) else "" for one in (option, text, device)]
    return Answer(words[0], words[1], words[2], whole(value.get("at")) or 0)
