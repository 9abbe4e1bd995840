"""Stories of conflicts: what each device does to one note, and what each then shows, as transcripts that people review.

MESH_REWRITE_STORIES=1 writes them anew; then read the difference.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stories.sheets import Table

FOLDER = Path(__file__).parent
REWRITE = os.environ.get("MESH_REWRITE_STORIES") == "1"


def conflict_two_titles() -> str:
    """Two devices give the note another title: both live, one is shown, and who takes one settles it everywhere."""
    table = Table("mac", "phone")
    table.tell("They do not hear each other.")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.show()
    table.tell("They meet.")
    table.meet()
    table.show()
    table.tell("Somebody takes the one that is not shown; the other device hears it later.")
    table.settle("mac", "title", "Groceries")
    table.show()
    table.meet()
    table.show()
    return table.end()


def conflict_three_titles() -> str:
    """Three values at once, of which two are equal: two sides; somebody says a value that nobody had."""
    table = Table("mac", "phone", "laptop")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.put("laptop", "title", "Weekend")
    table.meet()
    table.show()
    table.settle("laptop", "title", say="Groceries for the weekend")
    table.meet()
    table.show()
    return table.end()


def conflict_equal_titles() -> str:
    """Two who say the same agree: nothing is open, and nothing need be settled."""
    table = Table("mac", "phone")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Groceries")
    table.meet()
    table.show()
    return table.end()


def conflict_one_word_replaced_twice() -> str:
    """Both replace the same word: both versions are in the text, until somebody takes one."""
    table = Table("mac", "phone")
    table.write("mac", "milk", "oat milk")
    table.write("phone", "milk", "cream")
    table.write("phone", "Bread", "Rye bread")
    table.show()
    table.tell("They meet. What only one of them touched is no conflict.")
    table.meet()
    table.show()
    table.settle("phone", "body", "cream")
    table.meet()
    table.show()
    return table.end()


def conflict_merged_as_it_reads() -> str:
    """Two add something at one place, and somebody keeps both by saying that the text is fine as it is."""
    table = Table("mac", "phone")
    table.write("mac", " and eggs", ", cheese and eggs")
    table.write("phone", " and eggs", ", apples and eggs")
    table.meet()
    table.show()
    table.settle("mac", "body", say="cheese, apples and eggs")
    table.meet()
    table.show()
    table.tell("Another time the text reads well by itself.")
    table.write("mac", "", " Soap.")
    table.write("phone", "", " Salt.")
    table.meet()
    table.show()
    table.settle("phone", "body")
    table.meet()
    table.show()
    return table.end()


def conflict_deleting_the_same_words() -> str:
    """Both delete the same words, one a few more: they agree."""
    table = Table("mac", "phone")
    table.write("mac", ", milk", "")
    table.write("phone", ", milk and eggs", "")
    table.meet()
    table.show()
    return table.end()


def conflict_writing_where_somebody_deletes() -> str:
    """Words inside what somebody deletes are shown to people; words beside it are nobody's conflict."""
    table = Table("mac", "phone")
    table.write("mac", ", milk and", "")
    table.write("phone", "milk", "milk (two)")
    table.meet()
    table.show()
    table.settle("mac", "body", "Bread, milk (two) and")
    table.meet()
    table.show()
    table.tell("Now one writes just before what the other deletes.")
    table.write("mac", "eggs", "")
    table.write("phone", "and ", "and six ")
    table.meet()
    table.show()
    return table.end()


def conflict_deleted_there_edited_here() -> str:
    """The note is deleted on one device and edited on another: neither is lost, and somebody decides."""
    table = Table("mac", "phone")
    table.put("mac", "deleted", value=True)
    table.write("phone", "", " Salt.")
    table.meet()
    table.show()
    table.settle("phone", "deleted", "edited")
    table.meet()
    table.show()
    return table.end()


def conflict_renamed_to_two_paths() -> str:
    """One rename to two places is a conflict of the path; the note is at one of them until somebody decides."""
    table = Table("mac", "phone")
    table.put("mac", "path", "home/groceries.md")
    table.put("phone", "path", "archive/list.md")
    table.meet()
    table.show()
    table.settle("mac", "path", "home/groceries.md")
    table.meet()
    table.show()
    return table.end()


def conflict_settled_here_and_there_alike() -> str:
    """Two settle without knowing of each other, and choose the same: that is agreement, for a title and for a text."""
    table = Table("mac", "phone")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.write("mac", "milk", "oat milk")
    table.write("phone", "milk", "cream")
    table.meet()
    table.show()
    table.settle("mac", "title", "Weekend")
    table.settle("phone", "title", "Weekend")
    table.settle("mac", "body", "cream")
    table.settle("phone", "body", "cream")
    table.meet()
    table.show()
    return table.end()


def conflict_settled_here_and_there_differently() -> str:
    """Two settle without knowing of each other, and choose differently: one new conflict each, and nothing is lost."""
    table = Table("mac", "phone")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.write("mac", "milk", "oat milk")
    table.write("phone", "milk", "cream")
    table.meet()
    table.settle("mac", "title", "Weekend")
    table.settle("phone", "title", "Groceries")
    table.settle("mac", "body", say="goat milk")
    table.settle("phone", "body", say="sour cream")
    table.show()
    table.tell("They meet.")
    table.meet()
    table.show()
    return table.end()


def conflict_settlement_taken_back() -> str:
    """A settlement is taken back, and all values are there again; and that is taken back too."""
    table = Table("mac", "phone")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.meet()
    title = table.settle("mac", "title", "Groceries")
    table.meet()
    table.show()
    undo = table.undo("phone", title, "how the title was settled")
    table.meet()
    table.show()
    table.undo("mac", undo, "that")
    table.meet()
    table.show()
    return table.end()


def conflict_settled_text_taken_back() -> str:
    """The words that a settlement took out come back when it is taken back, and the same conflict is open again."""
    table = Table("mac", "phone")
    table.write("mac", "milk", "oat milk")
    table.write("phone", "milk", "cream")
    table.meet()
    table.show()
    body = table.settle("mac", "body", "cream")
    table.meet()
    table.show()
    table.undo("phone", body, "how the text was settled")
    table.meet()
    table.show()
    return table.end()


def conflict_late_work_after_a_settlement() -> str:
    """The laptop was away while the others settled: what it wrote is a new conflict, and what was settled stays so."""
    table = Table("mac", "phone", "laptop")
    table.put("laptop", "title", "For mother")
    table.write("laptop", "milk", "soy milk")
    table.put("mac", "title", "Groceries")
    table.put("phone", "title", "Weekend")
    table.write("mac", "milk", "oat milk")
    table.write("phone", "milk", "cream")
    table.meet("mac", "phone")
    table.settle("mac", "title", "Groceries")
    table.settle("mac", "body", "cream")
    table.meet("mac", "phone")
    table.show()
    table.tell("The laptop comes back.")
    table.meet()
    table.show()
    return table.end()


def conflict_that_settles_itself() -> str:
    """Equal words for the same words, and words at the end with which others go on: nothing is lost by a rule."""
    table = Table("mac", "phone")
    table.write("mac", "milk", "cream")
    table.write("phone", "milk", "cream")
    table.meet()
    table.show()
    table.rule("mac")
    table.meet()
    table.show()
    table.tell("Both write at the end.")
    table.write("mac", "", " Salt")
    table.write("phone", "", " Salt and pepper.")
    table.meet()
    table.show()
    table.rule("phone")
    table.meet()
    table.show()
    table.tell("Different words do not settle themselves.")
    table.write("mac", "eggs", "ham")
    table.write("phone", "eggs", "fish")
    table.meet()
    table.rule("mac")
    table.show()
    return table.end()


STORIES = tuple(made for name, made in sorted(globals().items()) if name.startswith("conflict_"))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_story_is_as_it_was_told(story: Callable[[], str]) -> None:
    """What happens is exactly what the transcript tells."""
    path = FOLDER / f"{story.__name__}.txt"
    told = f"{(story.__doc__ or '').strip()}\n\n{story()}"
    if REWRITE:
        path.write_text(told, "utf-8")
    assert path.read_text("utf-8") == told


def test_each_transcript_is_of_a_story() -> None:
    """No file is left of a story that is told no more."""
    assert {path.stem for path in FOLDER.glob("conflict_*.txt")} == {story.__name__ for story in STORIES}
