"""Forms with one thing wrong in each: CBOR, headers, inner headers, bodies, messages; for the tests and the vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cbor2

from mesh.errors import Malformed, Refused, TooLarge
from mesh.events.event import Lane
from mesh.events.kinds import SUITE
from mesh.limits import (
    AGENT_NAME_BYTES_MAX,
    BODY_BYTES_MAX,
    CBOR_DEPTH_MAX,
    CHAIN_HEADS_MAX,
    EXTENSIONS_MAX,
    HAVE_CHAINS_MAX,
    HEADER_BYTES_MAX,
    SEQ_MAX,
    SETTLED_PRINTS_MAX,
    TRAIL_HEADS_MAX,
    WANT_BODIES_MAX,
    WANT_SPANS_MAX,
)
from mesh.sync.messages import Have, Message, Push, Want

D = bytes(32)
HEAD: list[object] = [1, D]
LANES = dict.fromkeys(("born", "changed", "settled", "undone"), Lane.DATA)

# One thing wrong in each: what a strict reader must not take, with a value that a lenient one would find in it.
WRONG_CBOR = {
    "nothing": "",
    "trailing_byte": "0100",
    "two_values": "0101",
    "number_not_minimal_1": "1801",
    "number_not_minimal_2": "190001",
    "number_not_minimal_4": "1a00000001",
    "number_not_minimal_8": "1b0000000000000001",
    "negative_not_minimal": "3800",
    "length_not_minimal": "580161",
    "text_length_not_minimal": "780161",
    "list_length_not_minimal": "980101",
    "map_length_not_minimal": "b801616101",
    "indefinite_bytes": "5f4161ff",
    "indefinite_text": "7f6161ff",
    "indefinite_list": "9f01ff",
    "indefinite_map": "bf616101ff",
    "break_alone": "ff",
    "duplicate_key": "a2616101616102",
    "keys_not_sorted": "a2616201616101",
    "keys_not_sorted_by_length": "a262616101616101",
    "number_keys_not_sorted": "a202000100",
    "keys_of_two_kinds": "a20100616100",
    "negative_key": "a12000",
    "list_as_key": "a18000",
    "map_as_key": "a1a000",
    "bytes_as_key": "a1416100",
    "null_as_key": "a1f600",
    "float_half": "f93c00",
    "float_single": "fa47c35000",
    "float_double": "fb3ff199999999999a",
    "not_a_number": "f97e00",
    "infinity": "f97c00",
    "undefined": "f7",
    "simple_value": "f0",
    "simple_value_in_two_bytes": "f8ff",
    "false_in_two_bytes": "f814",
    "big_number": "c249010000000000000000",
    "big_negative": "c349010000000000000000",
    "big_number_that_is_small": "c24101",
    "tag_date": "c074323032362d30312d30315430303a30303a30305a",
    "tag_epoch": "c11a514b67b0",
    "tag_decimal": "c48221196ab3",
    "tag_decimal_huge": "c4821b0000000fffffffff01",
    "tag_bigfloat": "c5822003",
    "tag_rational_by_zero": "d81e820100",
    "tag_pattern": "d823612a",
    "tag_uuid": "d82550000102030405060708090a0b0c0d0e0f",
    "tag_set": "d90102820102",
    "tag_shared_cycle": "d81c81d81d00",
    "tag_self_described": "d9d9f701",
    "tag_unknown": "d9ffff01",
    "tag_inside_list": "81c249010000000000000000",
    "tag_inside_map": "a16161d9ffff01",
    "text_not_utf8": "61ff",
    "text_surrogate": "63eda080",
    "text_cut_short": "6261",
    "bytes_cut_short": "4261",
    "list_cut_short": "8201",
    "list_of_2_to_the_63": "9b7fffffffffffffff",
    "map_of_2_to_the_32": "bb0000000100000000",
    "bytes_of_2_to_the_62": "5b3fffffffffffffff61",
    "text_of_2_to_the_64": "7bffffffffffffffff61",
    "reserved_length": "1c",
    "too_deep": "81" * (CBOR_DEPTH_MAX + 1) + "01",
    "too_deep_and_empty": "81" * (CBOR_DEPTH_MAX + 1) + "80",
    "far_too_deep": "81" * 5000 + "01",
    "maps_too_deep": "a16161" * (CBOR_DEPTH_MAX + 1) + "01",
}


GOOD_HEADER: list[object] = [1, 5, b"", bytes(32), 200, b"inner", {}]
GOOD_INNER: list[object] = [0, "born", "", ["home", "note", bytes(16)], bytes(16)]

Change = Callable[[list[object]], object]


def put(place: int, value: object) -> Change:
    """A list with one field replaced."""
    return lambda fields: [*fields[:place], value, *fields[place + 1 :]]


BAD_HEADERS: dict[str, Change] = {
    "not_a_list": lambda fields: dict(enumerate(fields)),
    "six_fields": lambda fields: fields[:6],
    "eight_fields_in_version_1": lambda fields: [*fields, 0],
    "version_0": put(0, 0),
    "version_text": put(0, "1"),
    "version_true": put(0, bool(1)),
    "version_beyond_a_phone": put(0, SEQ_MAX + 1),
    "lamport_0": put(1, 0),
    "lamport_negative": put(1, -1),
    "lamport_beyond_a_phone": put(1, SEQ_MAX + 1),
    "epoch_15_bytes": put(2, bytes(15)),
    "epoch_32_bytes": put(2, bytes(32)),
    "epoch_null": put(2, None),
    "body_digest_31_bytes": put(3, bytes(31)),
    "body_digest_33_bytes": put(3, bytes(33)),
    "body_bytes_negative": put(4, -1),
    "body_too_long": put(4, BODY_BYTES_MAX + 1),
    "inner_text": put(5, "inner"),
    "extensions_list": put(6, []),
    "extensions_null": put(6, None),
    "extension_key_text": put(6, {"a": b""}),
    "extension_key_negative": put(6, {-1: b""}),
    "extension_key_beyond_a_phone": put(6, {SEQ_MAX + 1: b""}),
    "extension_value_number": put(6, {1: 1}),
    "too_many_extensions": put(6, dict.fromkeys(range(EXTENSIONS_MAX + 1), b"")),
    "later_version_with_five_fields": lambda fields: [2, *fields[1:5]],
    "later_version_with_a_float": lambda fields: [2, *fields[1:], 1.5],
    "later_version_with_a_tag": lambda fields: [2, *fields[1:], cbor2.CBORTag(60000, 1)],
}
BAD_INNERS: dict[str, Change] = {
    "four_fields": lambda fields: fields[:4],
    "six_fields": lambda fields: [*fields, 0],
    "time_negative": put(0, -1),
    "time_beyond_a_phone": put(0, SEQ_MAX + 1),
    "kind_empty": put(1, ""),
    "kind_too_long": put(1, "k" * 33),
    "agent_too_long": put(2, "ä" * (AGENT_NAME_BYTES_MAX // 2 + 1)),
    "document_two_parts": put(3, ["home", "note"]),
    "document_no_word": put(3, ["Home", "note", bytes(16)]),
    "document_short_name": put(3, ["home", "note", bytes(15)]),
    "grant_15_bytes": put(4, bytes(15)),
}


KEY, KEY_31 = bytes(32), bytes(31)
GOOD_BODIES: dict[str, list[object]] = {
    "genesis": [SUITE, KEY, KEY, bytes(16)],
    "opening": [KEY, 1, "new", bytes(16)],
    "admit": [KEY, KEY, KEY, KEY, "mac", bytes(64), 2],
    "grant": [KEY, "", "*", ["note", "task"], ["create", "edit"], None],
    "rekey": [KEY, [[KEY, b"wrap"]], [[bytes(16), b"wrap"]]],
    "located": [KEY, ["192.0.2.7:4222", "[2001:db8::7]:4222"]],
    "close": [KEY, [[KEY, 3, KEY]], "lost"],
    "ungrant": [KEY, []],
    "adopt": [[KEY, b"k" * 32]],
    "forget": ["home", "note", bytes(16)],
    "born": [{"title": "x", "rank": 1}, "text", bytes(16)],
    "changed": [b"change"],
    "settled": [b"change", bytes(16), [bytes(16), b"p" * 16], "equal"],
    "undone": [b"change", KEY],
}
MANY = [bytes(30) + number.to_bytes(2) for number in range(1025)]
WRONG_MARKS: Sequence[object] = (
    [[KEY, 3]],
    [[KEY_31, 3, KEY]],
    [[KEY, 0, KEY]],
    [[KEY, SEQ_MAX + 1, KEY]],
    [[KEY, 3, KEY_31]],
    [[KEY, True, KEY]],
    [[KEY, 3, KEY], [KEY, 3, KEY]],
    [[KEY, 4, KEY], [KEY, 3, KEY]],
    [[KEY, number, KEY] for number in range(1, 1026)],
)
WRONG_BODIES: dict[str, dict[int, Sequence[object]]] = {
    "genesis": {0: (0, 2, "1"), 1: (KEY_31, "key"), 2: (bytes(33),), 3: (bytes(15), bytes(17))},
    "opening": {0: (KEY_31,), 1: (2, -1, True), 2: ("", "old", "New"), 3: (bytes(15),)},
    "admit": {
        **{place: (KEY_31, bytes(33)) for place in range(4)},
        4: ("", "n" * 65, "ä" * 33),
        5: (bytes(63), b""),
        6: (0, -1, 256, False),
    },
    "grant": {
        0: (KEY_31,),
        1: ("a" * 65,),
        2: ("", "Home", "a/b"),
        3: ([], ["Note"], ["b", "a"], ["a", "a"], [1], ["a"] * 65, [str(n) for n in range(100, 165)]),
        4: ([], ["Edit"], ["edit", "create"], [b"edit"]),
        5: (-1, "soon", False, SEQ_MAX + 1),
    },
    "rekey": {
        0: (KEY_31,),
        1: ([[KEY_31, b""]], [[KEY]], [KEY], [[KEY, "wrap"]], [[KEY, b""]] * 257),
        2: ([[KEY, b""]], [[bytes(15), b""]], [[bytes(16), b""]] * 257),
    },
    "located": {
        0: (KEY_31, "mac"),
        1: ("192.0.2.7:4222", [b"192.0.2.7:4222"], [""], ["h" * 261], ["ä" * 131], ["h:1"] * 9, [7]),
    },
    "close": {0: (KEY_31, "mac"), 1: WRONG_MARKS, 2: ("r" * 65, b"lost")},
    "ungrant": {0: (KEY_31, "mac"), 1: WRONG_MARKS},
    "adopt": {0: ([], [KEY_31], [KEY, KEY], [b"k" * 32, KEY], ["event"], MANY)},
    "forget": {0: ("Home", "*"), 1: ("", "Note"), 2: (bytes(15), "name")},
    "born": {
        0: ({1: "x"}, {"a": b"bytes"}, {"a": ["list"]}, {"a": SEQ_MAX + 1}, {"a": -SEQ_MAX - 1}, []),
        1: (b"text", None),
        2: (bytes(15), bytes(17)),
    },
    "changed": {0: ("change", None, 1)},
    "settled": {
        0: ("change", None),
        1: (bytes(15), bytes(17), KEY, "conflict"),
        2: (
            bytes(16),
            [bytes(15)],
            [KEY],
            ["print of letters"],
            [b"p" * 16, bytes(16)],
            [bytes(16), bytes(16)],
            [number.to_bytes(16) for number in range(SETTLED_PRINTS_MAX + 1)],
        ),
        3: (b"equal", None, "r" * 65, "ä" * 33),
    },
    "undone": {0: ("change", None), 1: (KEY_31, bytes(16), "event")},
}
WRONG_FIELDS = [
    (kind, place, bad) for kind, fields in WRONG_BODIES.items() for place, values in fields.items() for bad in values
]


def digest(number: int) -> bytes:
    """A digest that sorts by its number."""
    return number.to_bytes(32, "big")


WRONG_MESSAGES: dict[str, tuple[type[Message], object, type[Refused]]] = {
    "have_five_fields": (Have, [[], [], D, D], Malformed),
    "have_short_state": (Have, [[], [], D[1:], D, False], Malformed),
    "have_short_verdict": (Have, [[], [], D, D[1:], False], Malformed),
    "have_chain_not_a_list": (Have, [[7], [], D, D, False], Malformed),
    "have_chain_without_tips": (Have, [[[D, []]], [], D, D, False], Malformed),
    "have_chain_twice": (Have, [[], [[D, [HEAD]], [D, [HEAD]]], D, D, False], Malformed),
    "have_chains_not_sorted": (Have, [[], [[digest(2), [HEAD]], [digest(1), [HEAD]]], D, D, False], Malformed),
    "have_tip_twice": (Have, [[], [[D, [HEAD, HEAD]]], D, D, False], Malformed),
    "have_tips_not_sorted": (Have, [[], [[D, [[2, D], [1, D]]]], D, D, False], Malformed),
    "have_seq_negative": (Have, [[], [[D, [[-1, D]]]], D, D, False], Malformed),
    "have_seq_overflow": (Have, [[], [[D, [[SEQ_MAX + 1, D]]]], D, D, False], Malformed),
    "have_too_many_tips": (
        Have,
        [[], [[D, [[n, D] for n in range(CHAIN_HEADS_MAX + 1)]]], D, D, False],
        TooLarge,
    ),
    "have_too_many_chains": (
        Have,
        [[], [[digest(n), [HEAD]] for n in range(HAVE_CHAINS_MAX + 1)], D, D, False],
        TooLarge,
    ),
    "want_spans_not_spans": (Want, [[7], []], Malformed),
    "want_short_chain": (Want, [[[D[1:], HEAD, []]], []], Malformed),
    "want_target_not_a_head": (Want, [[[D, [], []]], []], Malformed),
    "want_too_many_places": (Want, [[[D, HEAD, [HEAD] * (TRAIL_HEADS_MAX + 1)]], []], TooLarge),
    "want_too_many_spans": (Want, [[[D, HEAD, []]] * (WANT_SPANS_MAX + 1), []], TooLarge),
    "want_too_many_bodies": (Want, [[], [D] * (WANT_BODIES_MAX + 1)], TooLarge),
    "want_short_body_name": (Want, [[], [D[1:]]], Malformed),
    "push_short_signature": (Push, [[[D, HEAD, [[b"", b""]], bytes(63)]], [], False], Malformed),
    "push_event_of_three": (Push, [[[D, HEAD, [[b"", b"", b""]], bytes(64)]], [], False], Malformed),
    "push_event_not_a_list": (Push, [[[D, HEAD, [b""], bytes(64)]], [], False], Malformed),
    "push_header_text": (Push, [[[D, HEAD, [["", b""]], bytes(64)]], [], False], Malformed),
    "push_header_too_long": (
        Push,
        [[[D, HEAD, [[bytes(HEADER_BYTES_MAX + 1), None]], bytes(64)]], [], False],
        Malformed,
    ),
    "push_body_text": (Push, [[[D, HEAD, [[b"", ""]], bytes(64)]], [], False], Malformed),
    "push_body_too_long": (
        Push,
        [[[D, HEAD, [[b"", bytes(BODY_BYTES_MAX + 1)]], bytes(64)]], [], False],
        Malformed,
    ),
    "push_too_many_runs": (Push, [[[D, HEAD, [], bytes(64)]] * (WANT_SPANS_MAX + 1), [], False], TooLarge),
    "push_too_many_bodies": (Push, [[], [[D, b""]] * (WANT_BODIES_MAX + 1), False], TooLarge),
    "push_short_body_name": (Push, [[], [[D[1:], b""]], False], Malformed),
    "push_answer_number": (Push, [[], [], 1], Malformed),
}
