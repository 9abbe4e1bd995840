"""What others ask waits in bounded queues, is answered only to who asked, and guests are served at a rate."""

from __future__ import annotations

import asyncio
import time

from mesh.errors import NotGranted
from mesh.limits import GUEST_REQUESTS_PER_S_MAX, INCOMING_QUEUED_PER_PEER_MAX
from mesh.node.ports import GuestLink
from mesh.node.transport.reception import Bucket, Inbox
from mesh.node.transport.wires import Arrived, Status

COST_S = 0.05


class Quiet:
    """A handler that answers with nothing."""

    async def heard(self, sender: str | None, verb: str, body: bytes) -> bytes:
        """Refuse one verb."""
        del sender, body
        if verb == "refuse":
            message = "no"
            raise NotGranted(message)
        return b""

    async def linked(self, device: str) -> None:
        """Not called here."""

    async def parted(self, device: str) -> None:
        """Not called here."""

    async def guest(self, link: GuestLink, device: str | None) -> None:
        """Not called here."""


class Answers:
    """Keeps what was answered."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []

    async def answer(self, reply: str, raw: bytes) -> None:
        """Keep."""
        self.kept.append((reply, raw))


def asked(answers: Answers, reply: str = "_INBOX_x.1") -> Arrived:
    """A request."""
    return Arrived("mesh.a.x.say", reply, b"", answers)


def test_a_bucket_gives_its_rate_and_a_burst_of_a_second() -> None:
    """20 at once, then one each twentieth of a second."""
    bucket = Bucket(20)
    assert [bucket.take(5.0) for _ in range(21)].count(True) == 20
    assert not bucket.take(5.04)
    assert bucket.take(5.1)
    assert [bucket.take(100.0) for _ in range(40)].count(True) == 20


async def test_over_the_bound_is_answered_as_busy() -> None:
    """Nothing is dropped in silence, nothing is queued without end."""
    answers = Answers()
    inbox = Inbox("x", Quiet(), ("_INBOX_x.",))
    for _ in range(INCOMING_QUEUED_PER_PEER_MAX + 3):
        await inbox.take(asked(answers), "say")
    assert [raw[0] for _, raw in answers.kept] == [Status.UNABLE] * 3


async def test_guests_over_the_rate_are_answered_as_busy() -> None:
    """However fast the queue is emptied."""
    answers = Answers()
    inbox = Inbox(None, Quiet(), ("_R_.",))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(inbox.serve())
        for _ in range(2 * GUEST_REQUESTS_PER_S_MAX):
            await inbox.take(asked(answers, "_R_.1"), "say")
            await asyncio.sleep(0)  # lets the worker run
        served = [raw[0] for _, raw in answers.kept].count(Status.OK)
        serving.cancel()
    assert 1 <= served <= GUEST_REQUESTS_PER_S_MAX + 2  # and what a slow machine's clock allows meanwhile


async def test_guests_take_half_of_the_time_at_most() -> None:
    """However much one request of theirs costs: the next one waits as long as the last one took."""

    class Slow(Quiet):
        async def heard(self, sender: str | None, verb: str, body: bytes) -> bytes:
            await asyncio.sleep(COST_S)
            return await super().heard(sender, verb, body)

    async def took_s(sender: str | None) -> float:
        answers = Answers()
        inbox = Inbox(sender, Slow(), ("_R_.",))
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(inbox.serve())
            for _ in range(4):
                await inbox.take(asked(answers, "_R_.1"), "say")
            while len(answers.kept) < 4:  # noqa: ASYNC110 the answers tell no event
                await asyncio.sleep(COST_S / 10)
            serving.cancel()
        return time.monotonic() - began_s

    assert await took_s(None) >= 7 * COST_S  # four requests, and three rests


async def test_an_answer_to_elsewhere_is_not_given() -> None:
    """The reply subject is the asker's choice, and our answers carry our rights."""
    answers = Answers()
    inbox = Inbox("x", Quiet(), ("_INBOX_x.",))
    for reply in ("", "_INBOX_y.1", "mesh.a.y.say", "_INBOX_x", "_INBOX_xy.1"):
        await inbox.answer(asked(answers, reply), b"")
    assert answers.kept == []
    await inbox.answer(asked(answers), b"")
    assert answers.kept == [("_INBOX_x.1", bytes([Status.OK]))]
