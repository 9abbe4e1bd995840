"""The offer to one phone: who is taken for what, and what the digits are bound to."""

from __future__ import annotations

import pytest

from mesh.errors import Busy, Forged, Malformed, Refused
from mesh.events.founding import request_text
from mesh.limits import DOOR_OFFER_S_MAX, DOOR_TRIES_MAX
from mesh.sync import offer
from mesh.sync.offer import Offer, Over
from tests.unit.small_mesh import browser_request, fixed, request

TOKEN = fixed(16, "door token")
ADMITTER = request_text(request("mac"))
PHONE, OTHER = (request_text(browser_request(name)) for name in ("phone", "other phone"))


def opened() -> Offer:
    """An offer that begins at second 100."""
    return Offer(TOKEN, 100.0, ADMITTER)


def test_a_phone_that_knows_the_token_is_taken() -> None:
    """And answered with a proof that is bound to what it asked and to who answers; asking again is the same."""
    one = opened()
    assert one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 101.0).name == "phone"
    assert one.proof() == offer.admitters_proof(TOKEN, PHONE, ADMITTER)
    assert one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 99_999.0).name == "phone"
    assert one.digits() == offer.digits_of(TOKEN, browser_request("phone").sign_key, request("mac").sign_key)
    assert len({one.proof(), offer.admitters_proof(TOKEN, OTHER, ADMITTER), offer.phones_proof(TOKEN, PHONE)}) == 3
    assert one.proof() != offer.admitters_proof(TOKEN, PHONE, request_text(request("laptop")))


@pytest.mark.parametrize("proof", [b"", bytes(32), offer.phones_proof(fixed(16, "other"), PHONE)])
def test_who_does_not_know_it_costs_a_try(proof: bytes) -> None:
    """The fifth wrong proof ends the offer, for the right one too."""
    one = opened()
    for left in range(DOOR_TRIES_MAX - 1, -1, -1):
        with pytest.raises(Forged):
            one.heard(PHONE, proof, 101.0)
        assert one.tries_left == left
    with pytest.raises(Over):
        one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 101.0)
    assert not one.request


def test_a_request_that_was_swapped_has_no_proof() -> None:
    """The proof is of one request."""
    with pytest.raises(Forged):
        opened().heard(OTHER, offer.phones_proof(TOKEN, PHONE), 101.0)


def test_one_offer_is_for_one_phone() -> None:
    """A second one that knows the token is told so, and wrong proofs do not harm the first."""
    one = opened()
    one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 101.0)
    with pytest.raises(Busy):
        one.heard(OTHER, offer.phones_proof(TOKEN, OTHER), 101.0)
    for _ in range(2 * DOOR_TRIES_MAX):
        with pytest.raises(Forged):
            one.heard(OTHER, bytes(32), 101.0)
    one.must_last(101.0)
    assert one.request == PHONE


def test_ten_minutes() -> None:
    """Then it is over, unless a phone has come; the person may take longer."""
    one = opened()
    one.must_last(100.0 + DOOR_OFFER_S_MAX - 1)
    with pytest.raises(Over):
        one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 100.0 + DOOR_OFFER_S_MAX)


def test_what_is_no_phone() -> None:
    """A computer's request, or none at all, is refused and takes no place."""
    one = opened()
    with pytest.raises(Refused, match="for phones"):
        one.heard(ADMITTER, offer.phones_proof(TOKEN, ADMITTER), 101.0)
    with pytest.raises(Malformed):
        one.heard("mesh-request-1.AAAA", offer.phones_proof(TOKEN, "mesh-request-1.AAAA"), 101.0)
    assert not one.request
    one.heard(PHONE, offer.phones_proof(TOKEN, PHONE), 101.0)


def test_digits_depend_on_everything() -> None:
    """Another token or another key on either side shows others, but for one pair in a million."""
    keys = [fixed(32, "key", number) for number in range(3)]
    found = {offer.digits_of(TOKEN, one, other) for one in keys for other in keys if one != other}
    assert len(found) == 6
    assert all(len(digits) == 6 and digits.isdecimal() for digits in found)
    assert offer.digits_of(fixed(16, "other"), *keys[:2]) not in found


def test_how_a_token_is_written() -> None:
    """For the QR, and to be typed."""
    assert offer.token_text(bytes(range(16))) == "AAECAwQFBgcICQoLDA0ODw"
    assert offer.typed_text(bytes(range(16))) == "aaaq-eaye-auda-ocaj-bifq-ydio-b4"
    assert len(offer.name_of(TOKEN)) == 16
    assert TOKEN.hex() not in repr(opened())
