"""A phone that is away for a week: it writes all the time with nobody in reach, and everything is there afterwards."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

from tests.phone.conftest import Paired
from tests.phone.phones import in_step
from tests.phone.sending import got
from tests.system.sizes import sized

THOUGHTS, PHOTOS = sized(120, 500), sized(5, 20)
PHOTO_BYTES = 180_000
BACK_S = 300.0
SEED = 7


def test_a_week_of_writing_offline_converges(paired: Paired, tmp_path: Path) -> None:
    """Hundreds of thoughts and photos, meanwhile work on the Mac; then both hold and show the same, each byte of it."""
    mac, phone = paired
    mac.stop()
    lots = random.Random(SEED)
    photos = {f"photo-{number}.jpg": lots.randbytes(PHOTO_BYTES) for number in range(PHOTOS)}
    thoughts = [f"Day {1 + number * 7 // THOUGHTS}: thought {number}" for number in range(THOUGHTS)]
    half = THOUGHTS // 2
    phone.captures(thoughts[:half])
    for name, data in photos.items():
        phone.pastes(name, "image/jpeg", data)
    phone.browser.kill()
    phone.again()
    phone.captures(thoughts[half:])
    phone.sees(f"{THOUGHTS + PHOTOS} items and {PHOTOS} files wait")
    mac.start()
    mac.note("Meanwhile on the Mac")
    phone.idle(BACK_S)
    assert set(thoughts) | {"Meanwhile on the Mac"} == mac.titles()
    in_step(mac, "handset")
    for name, data in photos.items():
        assert sha256(got(mac, name, tmp_path / "photos")).digest() == sha256(data).digest()
