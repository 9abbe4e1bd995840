"""Projects: a remote is read the same however it is written, and two devices never make two of one repository."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.events.kinds import Value
from mesh.limits import TITLE_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import projects
from mesh.state.projects import Known, Repository
from mesh.state.records import Record
from mesh.state.shapes import check_register

ROOT, OTHER = "a" * 40, "b" * 40


def project(number: int, **registers: Value) -> Record:
    """A project with these registers; `__` in a name stands for a slash, `_` for a hyphen."""
    keys = {key.replace("__", "/").replace("_", "-"): value for key, value in registers.items()}
    return Record(DocumentId("home", "project", bytes([number]) * 16), keys, "")


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:me/mesh.git",
        "github.com:me/mesh",
        "ssh://git@GitHub.com/me/mesh.git/",
        "ssh://git@github.com:22/me/mesh",
        "https://github.com/me/mesh",
        "https://me:secret@github.com/me/mesh.git?depth=1",
        "git+ssh://git@github.com//me/mesh.git#main",
        " git://github.com/me/mesh ",
    ],
)
def test_a_remote_is_the_same_however_it_is_written(url: str) -> None:
    """Without scheme, user, secret, port and ending."""
    assert projects.remote_of(url) == "github.com/me/mesh"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "mesh",
            "../mesh.git",
            "/srv/git/mesh.git",
            "file:" + "///srv/mesh",
            "file://host/mesh",
            "C:\\mesh",
            "C:/mesh",
        ),
        *("https://github.com", "https://github.com/", "host:", "git@host:.git", "host:a\x1b[2J", "host:a\nb"),
        "host:" + "x" * TITLE_BYTES_MAX,
    ],
)
def test_what_names_no_place_that_others_know_is_no_remote(url: str) -> None:
    """A path is nothing to recognise a project by, and no foreign line may draw on a terminal."""
    assert projects.remote_of(url) == ""


@given(st.text(max_size=60))
def test_reading_a_remote_never_fails_and_reads_itself(url: str) -> None:
    """What comes out is read as it is once more, with any scheme before it."""
    found = projects.remote_of(url)
    if found:
        assert projects.remote_of(f"https://{found}") == found
        assert "@" not in found.partition("/")[0]


def test_the_oldest_of_several_first_commits_counts() -> None:
    """Git lists the latest first; what is no commit is none."""
    assert projects.root_of([OTHER, ROOT]) == ROOT
    assert projects.root_of([]) == projects.root_of(["fatal: bad"]) == ""


def test_a_birth_says_nothing_that_differs_between_devices() -> None:
    """So two devices that have the same repository make one document."""
    mac = Repository("/volumes/mesh", ROOT, ("github.com/me/mesh",), "main", "docs")
    box = Repository("/srv/mesh", ROOT, ("host/fork",), "topic")
    assert projects.registers_of_birth(mac) == projects.registers_of_birth(box) == {"root": ROOT}
    assert projects.registers_of_birth(Repository("/x", "", ("h/a", "h/b"))) == {"first-remote": "h/a"}
    assert not Repository("/x").known


def test_what_a_device_learns_are_registers_that_a_project_has() -> None:
    """Its place there and the remotes that are new; a remote may be longer than a register's name."""
    far = "host/" + "x" * 500
    learned = projects.learned(project(1, root=ROOT, remote__k="h/a"), Repository("/srv/p", ROOT, ("h/a", far)), "dev")
    assert learned["path/dev"] == "/srv/p"
    assert sorted(str(value) for value in learned.values()) == ["/srv/p", far]
    for key, value in learned.items():
        check_register("project", key, value)


def test_a_name_is_given_or_follows_from_what_is_known() -> None:
    """No device writes it unasked, so none is in conflict about it."""
    assert projects.name_of(project(1, root=ROOT, title="Mine", remote__k="h/me/mesh")) == "Mine"
    assert projects.name_of(project(1, root=ROOT, remote__k="h/me/mesh", path__d="/srv/other")) == "mesh"
    assert projects.name_of(project(1, root=ROOT, path__d="C:\\work\\tool")) == "tool"
    assert projects.name_of(project(1, root=ROOT)) == "a" * 8


def test_those_with_a_remote_in_common_are_one_unless_their_histories_differ() -> None:
    """Made offline on two devices, once by the root and once by a remote: read as the one with the root, everywhere."""
    rooted = project(9, root=ROOT, remote__k="h/mesh")
    bare = project(1, first_remote="h/mesh", remote__k="h/mirror")
    mirror = project(2, first_remote="h/mirror")
    begun_anew = project(3, root=OTHER, remote__k="h/mesh")
    for order in itertools.permutations([rooted, bare, mirror, begun_anew]):
        known = Known(order)
        assert {one.document for one in known.all()} == {rooted.document, begun_anew.document}
        assert known.get(str(mirror.document)) == known.get(str(bare.document))
        assert known.ids(str(bare.document)) == known.ids(str(mirror.document))
        assert known.get(str(rooted.document)) == rooted
        assert known.get(str(begun_anew.document)) == begun_anew


def test_a_repository_is_found_by_its_root_before_a_remote() -> None:
    """A shallow clone, whose root is not known, by its remote; another history at the same remote is another one."""
    rooted = project(9, root=ROOT, remote__k="h/mesh")
    known = Known([rooted, project(1, first_remote="h/other")])
    assert known.fitting(Repository("/x", ROOT)) == rooted
    assert known.fitting(Repository("/x", "", ("h/mesh",))) == rooted
    assert known.fitting(Repository("/x", OTHER, ("h/mesh",))) is None
    found = known.fitting(Repository("/x", OTHER, ("h/other",)))
    assert found
    assert found.word("first-remote") == "h/other"


def test_people_mean_a_project_by_name_or_id() -> None:
    """The beginning of an id, with or without what stands before it; one that fits several is told."""
    one, two = project(1, root=ROOT, title="site"), project(2, root=OTHER, title="site")
    known = Known([one, two])
    assert known.meant("site") == (one, two)
    assert known.meant(str(two.document)) == known.meant(str(two.document).rpartition("/")[2][:6]) == (two,)
    assert known.meant("nothing") == known.meant("") == known.meant("ai") == ()
    assert known.name(str(one.document)) == "site"
    assert known.name("home/project/none") == ""
