"""Web Push as bytes: the examples of RFC 8291 and RFC 8292, and what a browser and a push service make of ours."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from mesh.errors import Malformed
from mesh.node.gateway import push
from mesh.node.gateway.push import Subscription, unpacked

# RFC 8291, section 5 and appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
BROWSER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl"
    "95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
# RFC 8292, section 2.4
EXAMPLE = (
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9."
    "eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0."
    "i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, "
    "k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
)


def checked(header: str) -> dict[str, object]:
    """What a push service reads out of the header of a sender. Raises InvalidSignature."""
    scheme, _, rest = header.partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    head, claims, signature = parts["t"].split(".")
    raw = unpacked(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(parts["k"]))
    whole = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(whole, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(unpacked(head)) == {"typ": "JWT", "alg": "ES256"}
    found = json.loads(unpacked(claims))
    assert isinstance(found, dict)
    return found


def test_the_example_of_rfc_8291() -> None:
    """Byte by byte."""
    to = Subscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", unpacked(BROWSER), unpacked(AUTH)
    )
    made = push.sealed(PLAIN, to, unpacked(SENDER), unpacked(SALT))
    assert base64.urlsafe_b64encode(made).decode().rstrip("=") == SEALED


def test_who_sends() -> None:
    """The header of RFC 8292 holds by what we check ours with, and ours does, for what it says."""
    claims = {"aud": "https://push.example.net", "exp": 1453523768, "sub": "mailto:push@example.com"}
    assert checked(EXAMPLE) == claims
    key = push.new_key()
    ours = push.authorization(key, "https://push.example.net", 1453523768, "mailto:push@example.com")
    assert checked(ours) == claims
    assert ours.endswith(f"k={push.public_text(key)}")
    later = push.authorization(key, "https://push.example.net", 1453523769, "mailto:push@example.com")
    with pytest.raises(InvalidSignature):
        checked(later.replace(later.split(".")[2], ours.split(".")[2]))


@pytest.mark.parametrize(("key", "auth"), [(b"", bytes(16)), (bytes(65), bytes(16)), (unpacked(BROWSER), bytes(15))])
def test_what_is_no_subscription(key: bytes, auth: bytes) -> None:
    """It is refused when it is taken, not when somebody is to be woken."""
    with pytest.raises(Malformed):
        Subscription("https://push.example.net/", key, auth)
    with pytest.raises(Malformed):
        unpacked("no base64!")
