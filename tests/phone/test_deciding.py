"""What a person decides on the phone: work that is taken over, questions, approvals, conflicts. The Mac goes by it."""

from __future__ import annotations

from typing import Any

from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system.harness import Device, Fleet, wait

OVER_S = 90.0
SHORT_MS = 20_000
BASE = "Meet at the mill"


def follow(phone: Phone, words: str) -> None:
    """Press what leads to the thing of these words."""
    script = """
        const found = [...document.querySelectorAll("main a")].find((one) => one.innerText.includes(arguments[0]));
        found?.click();
        return Boolean(found);
    """
    phone.browser.wait(f"a way to {words!r}", lambda: phone.browser.driver.execute_script(script, words))


def decided(mac: Device, document: str) -> dict[str, object]:
    """How a question stands on the device that asked, once it waits no more."""

    def over() -> dict[str, object] | None:
        told = dict(mac.done("ask", "show", document))
        return told if told["state"] != "waiting" else None

    return wait("the question is decided", over, (mac,), OVER_S) or {}


def paired(fleet: Fleet, new_phone: MakePhone) -> tuple[Device, Phone]:
    """A Mac and its phone, in step."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    return mac, phone


def test_a_hand_off_is_taken_over_on_the_phone(fleet: Fleet, new_phone: MakePhone) -> None:
    """What was left on the Mac is read whole, taken in one act, and is the phone's on the Mac too; then it is done."""
    mac, phone = paired(fleet, new_phone)
    told = mac.done(
        "handoff", "new", "Call the harbour about the berth", "--remaining", "Ask for number 12",
        "--context", "They close at six.", "--reason", "needs_human", "--verify", "a letter from them",
    )  # fmt: skip
    document = str(told["document"])
    phone.go("sessions", "Sessions & hand-offs")
    follow(phone, "Call the harbour about the berth")
    phone.sees("They close at six.")
    phone.sees("Ask for number 12")
    phone.press("Take over")
    phone.sees("You have it")

    def taken() -> bool:
        claim = mac.done("handoff", "show", document)["claim"]
        return isinstance(claim, dict) and claim["device_name"] == "handset" and not claim["over"]

    wait("the Mac knows who has it", taken, (mac,))
    again = mac.mesh("--json", "--yes", "pickup", document)
    assert again.code != 0, again
    phone.press("Completed")
    wait("it is done on the Mac", lambda: mac.done("handoff", "show", document)["state"] == "completed", (mac,))
    in_step(mac, "handset")


def test_an_answer_given_while_the_asker_is_away_arrives_once(fleet: Fleet, new_phone: MakePhone) -> None:
    """The Mac asks and goes; the phone answers with nobody in reach, and only once; the Mac has it on return."""
    mac, phone = paired(fleet, new_phone)
    asked = mac.done("ask", "new", "May I push?", "--option", "yes", "--option", "later", "--default", "later")
    phone.go("questions", "Questions & approvals")
    phone.sees("May I push?")
    mac.stop()
    phone.press("yes")
    phone.sees("Answered lately")
    phone.sees("1 item waits")
    phone.open("questions")
    phone.sees("yes, by handset")
    assert not [one for one in phone.browser.text().splitlines() if one == "later"], "nothing to press any more"
    mac.start()
    told = decided(mac, str(asked["document"]))
    assert told["state"] in {"answered", "taken"}
    assert told["answer"]["option"] == "yes"  # type: ignore[index]
    late = mac.mesh("--json", "answer", str(asked["document"]), "later")
    assert late.code != 0, late
    assert decided(mac, str(asked["document"]))["answer"]["option"] == "yes"  # type: ignore[index]
    phone.idle()
    in_step(mac, "handset")


def test_a_question_whose_time_is_over_cannot_be_answered(fleet: Fleet, new_phone: MakePhone) -> None:
    """Nobody answers in time: the phone offers nothing to press, and on the Mac the default holds."""
    mac, phone = paired(fleet, new_phone)
    how = {"options": ["drop it", "keep it"], "default": "keep it", "expires_in_ms": SHORT_MS}
    asked = mac.call("ask.new", question="May I drop the table?", **how)
    phone.go("questions", "Questions & approvals")
    phone.sees("May I drop the table?")
    mac.stop()

    def over() -> bool:
        phone.open("questions")
        phone.sees("May I drop the table?")
        return "nobody answered: keep it" in phone.browser.text()

    phone.browser.wait("its time is over", over, OVER_S)
    assert "drop it" not in phone.browser.text().splitlines()
    mac.start()
    told = decided(mac, str(asked["document"]))
    assert (told["state"], told["default"], told["answer"]) == ("expired", "keep it", None)
    in_step(mac, "handset")


def test_an_act_is_approved_or_denied_by_the_phones_signature(fleet: Fleet, new_phone: MakePhone) -> None:
    """What was denied is not done, nor what was not answered; what was approved is done once."""
    mac, phone = paired(fleet, new_phone)
    phone.go("questions", "Questions & approvals")
    agent, key = ("agents", "add", "claude", "--space", "work"), ("rotate",)
    for act, word, says in (
        (agent, "Deny", "Denied. Nothing is done."),
        (key, "Approve", "Approved, and signed by this phone."),
    ):
        asked = mac.mesh("--json", "--yes", *act, "--ask")
        assert asked.error["class"] == "NeedsApproval", asked
        name = str(asked.error["approval"])
        phone.sees("alder wants to do this")
        early = mac.mesh("--json", "--yes", *act, "--approved", name)
        assert early.code != 0, early
        phone.press(word)
        phone.sees(says)
        phone.sees("Nobody waits for an answer")
        phone.idle()
        in_step(mac, "handset")
        done = mac.mesh("--json", "--yes", *act, "--approved", name)
        assert (done.code == 0) is (word == "Approve"), done
        if word == "Deny":
            assert "was denied" in str(done.error["message"]), done
            assert mac.mesh("--json", "--yes", *act, "--ask").error["approval"] != name
            phone.sees("alder wants to do this")
            phone.press(word)
            phone.sees("Nobody waits for an answer")
    twice = mac.mesh("--json", "--yes", "rotate", "--approved", name)
    assert twice.code != 0, twice
    phone.go("inbox", "Inbox")
    phone.capture("Sealed with the new key")
    phone.idle()
    in_step(mac, "handset")
    assert "Sealed with the new key" in mac.titles()


def test_a_conflict_is_settled_on_the_phone_and_taken_back(fleet: Fleet, new_phone: MakePhone) -> None:
    """Both name a note apart. The phone shows both, chooses, and takes that back; the Mac sees each of it."""
    mac, phone = paired(fleet, new_phone)
    document = mac.note(BASE)
    phone.go("notes", "Notes")
    follow(phone, BASE)
    phone.sees("Edit")
    mac.stop()
    phone.press("Edit")
    there = "return document.activeElement.tagName === 'TEXTAREA'"
    phone.browser.wait("the editor takes the cursor", lambda: phone.browser.driver.execute_script(there))
    phone.write("Title", "Meet at the bridge")
    phone.press("Save")
    phone.sees("1 item waits")
    mac.done("note", "edit", document, "--title", "Meet at the church")
    mac.start()
    phone.idle()
    phone.go("conflicts", "Conflicts")
    follow(phone, "Two values of")
    phone.sees("Meet at the church")
    phone.sees("Meet at the bridge")
    sides = [side.split("\n") for side in phone.browser.run(_SIDES)]
    (place,) = [number for number, lines in enumerate(sides) if "Meet at the church" in lines]
    phone.browser.driver.execute_script("document.querySelectorAll('.side button')[arguments[0]].click()", place)
    phone.sees("Everything agrees")
    wait("it is settled on the Mac", lambda: not mac.done("conflicts")["conflicts"], (mac,))
    assert mac.titles() == {"Meet at the church"}
    follow(phone, "by handset")
    phone.press("Take it back")
    phone.sees("Taken back")
    wait("both stand on the Mac again", lambda: mac.done("conflicts")["conflicts"], (mac,))
    conflicts: Any = mac.done("conflicts")["conflicts"]
    assert {one["value"] for one in conflicts[0]["values"]} == {"Meet at the church", "Meet at the bridge"}
    phone.idle()
    in_step(mac, "handset")


_SIDES = "return [...document.querySelectorAll('.side')].map((one) => one.innerText)"
