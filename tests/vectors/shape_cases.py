"""Operations that a note may and may not have, each named for what it is."""

from mesh.events.kinds import Value
from mesh.limits import PATH_BYTES_MAX, TITLE_BYTES_MAX
from mesh.state.operations import Action, Operation, OperationId

ADMISSION = bytes([7]) * 32
ACTOR = ADMISSION[:8] + bytes(8)
BODY = OperationId(2, bytes(16))
LETTER = OperationId(3, bytes(16))
TIP = bytes(32)


def put(key: str, value: Value, *before: OperationId) -> Operation:
    """A register set."""
    return Operation(Action.PUT, None, key, value=value, before=before)


def insert(value: Value, key: str | OperationId | None = LETTER) -> Operation:
    """A letter written."""
    return Operation(Action.PUT, BODY, key, insert=True, value=value)


GOOD = {
    "a_title": put("title", "x" * TITLE_BYTES_MAX),
    "a_path": put("path", "x" * PATH_BYTES_MAX),
    "no_path": put("path", None),
    "a_mark_of_deletion": put("deleted", value=True),
    "a_tag": put("tag/" + "é" * 32, value=True),
    "a_tag_taken_away": Operation(Action.DELETE, None, "tag/a", before=(LETTER,)),
    "a_letter": insert("é"),
    "an_emoji": insert("🌱"),
    "a_first_letter": insert("a", None),
    "a_letter_taken_away": Operation(Action.DELETE, BODY, LETTER, before=(LETTER,)),
}
BAD = {
    "a_register_that_notes_do_not_have": put("owner", "me"),
    "a_tag_without_a_name": put("tag/", value=True),
    "a_tag_that_is_too_long": put("tag/" + "é" * 33, value=True),
    "a_tag_that_is_no": put("tag/a", value=False),
    "a_title_of_null": put("title", None),
    "a_title_of_a_number": put("title", 1),
    "a_yes_that_is_a_one": put("deleted", 1),
    "a_title_with_a_nul": put("title", "a\0b"),
    "a_title_that_is_too_long": put("title", "x" * (TITLE_BYTES_MAX + 1)),
    "a_whole_text_over_the_letters": put("body", "x"),
    "the_text_taken_away": Operation(Action.DELETE, None, "body", before=(BODY,)),
    "a_removal_of_nothing": Operation(Action.DELETE, None, "title"),
    "a_removal_with_a_value": Operation(Action.DELETE, None, "title", value=1, before=(LETTER,)),
    "a_removal_of_an_unknown_register": Operation(Action.DELETE, None, "owner", before=(LETTER,)),
    "a_new_text": Operation(Action.MAKE_TEXT, None, "title"),
    "a_new_text_in_the_text": Operation(Action.MAKE_TEXT, BODY, LETTER, insert=True),
    "an_insert_at_the_root": Operation(Action.PUT, None, "title", insert=True, value="x"),
    "an_element_at_the_root": Operation(Action.PUT, None, LETTER, value="x"),
    "another_object": Operation(Action.PUT, LETTER, LETTER, insert=True, value="x"),
    "two_characters_as_one": insert("ab"),
    "an_accent_with_its_letter_as_one": insert("e\u0301"),
    "no_character": insert(""),
    "a_number_in_the_text": insert(1),
    "null_in_the_text": insert(None),
    "a_nul_in_the_text": insert("\0"),
    "a_register_in_the_text": insert("a", "title"),
    "a_letter_that_replaces": insert("a")._replace(before=(LETTER,)),
    "a_letter_overwritten": Operation(Action.PUT, BODY, LETTER, value="x", before=(LETTER,)),
    "a_deletion_that_inserts": Operation(Action.DELETE, BODY, LETTER, insert=True, before=(LETTER,)),
    "a_deletion_of_another_letter": Operation(Action.DELETE, BODY, LETTER, before=(BODY,)),
    "a_deletion_of_no_letter": Operation(Action.DELETE, BODY, LETTER),
    "a_deletion_before_the_first": Operation(Action.DELETE, BODY, None, before=(LETTER,)),
    "a_deletion_with_a_value": Operation(Action.DELETE, BODY, LETTER, value="x", before=(LETTER,)),
}
