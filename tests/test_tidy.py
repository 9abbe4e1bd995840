"""The rules of our style, held against every file of the checkout; and proof that each rule bites.

It never looks at files that git ignores.
"""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests import tidy_rules as rules
from tests.tidy_rules import Source

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("unit", "properties", "stories", "fuzz", "contracts", "world", "system", "phone")
OUTSIDE_SECTIONS = {
    "tests/test_tidy.py": "has a section of its own in scripts/test",
    "tests/test_web_tidy.py": "stands in the same section",
    "tests/test_page_tidy.py": "stands in the same section",
}
# Core modules without a test file of their own, each with its reason.
UNTESTED = {"mesh/limits.py": "constants only: what they bound is tested where it is bounded"}
NOT_TEXT = {".png", ".ico", ".woff2", ".cbor", ".bin", ".gz", ".wasm"}

Rule = Callable[[Source], list[str]]
TextRule = Callable[[str, str], list[str]]
PYTHON_RULES: list[Rule] = [
    rules.no_async_in_core,
    rules.short_functions,
    rules.short_files,
    rules.few_parameters,
    rules.no_world_outside_shell,
    rules.opens_with_docstring,
    rules.no_bare_numbers,
    rules.glossary,
    rules.no_assert_on_input,
    rules.skips_have_reasons,
]
TEXT_RULES: list[TextRule] = [rules.nothing_left_for_later, rules.no_places]

UNIT = "tests/unit/test_a.py"
LONG_BODY = "".join(f"    a{n} = {n % 9}\n" for n in range(40))
# For each rule: a path, a text it must refuse, and one beside the border that it must let pass.
BITES: list[tuple[Rule, str, str, str]] = [
    (rules.no_async_in_core, "mesh/sync/a.py", "async def f(): ...", "def f(): ..."),
    (rules.short_functions, "mesh/names.py", f"def f():\n{LONG_BODY}", f"def f():\n    '''1\n   '''\n{LONG_BODY[11:]}"),
    (rules.short_functions, "mesh/node/a.py", f"def f():\n{LONG_BODY * 2}", f"def f():\n{LONG_BODY}"),
    (rules.short_files, "mesh/state/a.py", "a = 1\n" * 301, "a = 1\n" * 300),
    (rules.short_files, "mesh/node/a.py", "a = 1\n" * 401, "a = 1\n" * 400),
    (rules.few_parameters, "mesh/names.py", "def f(a, b, c, d, e, f, g): 1", "def f(self, a, b, c, d, e, f, *, g): 1"),
    (rules.no_world_outside_shell, "mesh/events/a.py", "import time", "import timeit"),
    (rules.no_world_outside_shell, "mesh/events/a.py", "from uuid import uuid4", "from mesh.names import Digest"),
    (rules.no_world_outside_shell, "mesh/names.py", "import os\nos.environ['A']", "import os\nos.sep"),
    (rules.no_world_outside_shell, "mesh/names.py", "datetime.datetime.now()", "datetime.datetime.min"),
    (rules.no_world_outside_shell, "mesh/names.py", "from os import environ", "from os import sep"),
    (rules.opens_with_docstring, "mesh/node/a.py", "import os", "'''What it is.'''"),
    (rules.no_bare_numbers, "mesh/clocks/a.py", "def f(): return 17", "SKEW_MS = 2 * 60 * 1000\ndef f(): return 16"),
    (rules.no_bare_numbers, "mesh/clocks/a.py", "def f(a=a[:32]): ...", "class K(IntEnum):\n    NOTE = 32"),
    (rules.no_bare_numbers, "mesh/clocks/a.py", "a, B = 31, 32", "A, B = 31, 32"),
    (rules.no_bare_numbers, "mesh/clocks/a.py", "SIZES = (1, 32)", "SIZE: Final = 1 << 20"),
    (rules.no_bare_numbers, "mesh/clocks/a.py", "def f():\n    SIZE = 32", "def f():\n    size = True"),
    (rules.glossary, "mesh/node/a.py", "def f(peer_ids): ...", "def f(peer, idea): ..."),
    (rules.glossary, "mesh/node/a.py", "class NodeId: ...", "class DeviceId: ..."),
    (rules.glossary, "tests/unit/test_a.py", "a.op_id", "a.drop_idle"),
    (rules.no_assert_on_input, "mesh/events/codec.py", "assert a", "raise A"),
    (rules.no_assert_on_input, "mesh/state/amcodec.py", "assert a", "raise A"),
    (rules.skips_have_reasons, UNIT, "@pytest.mark.skip\ndef f(): ...", "@pytest.mark.skip(reason='x')\ndef f(): ..."),
    (rules.skips_have_reasons, UNIT, "pytest.mark.xfail(strict=True)", "pytest.mark.xfail(reason='x')"),
    (rules.skips_have_reasons, UNIT, "pytest.skip()", "pytest.skip('no netns here')"),
    (rules.skips_have_reasons, UNIT, "pytest.mark.skipif(a)", "pytest.mark.skipif(a, reason=b)"),
]  # fmt: skip
TEXT_BITES: list[tuple[TextRule, str, str, str]] = [
    (rules.nothing_left_for_later, "a.py", "# TO" + "DO: later", "# to do"),
    (rules.nothing_left_for_later, "a.sh", "# FIX" + "ME", "# fixed"),
    (rules.no_places, "a.md", "https://registry.np" + "mjs.org/x", "the registry"),
    (rules.no_places, "a.txt", "--index" + "-url x", "--no-emit-index" + "-url"),
    (rules.no_places, "a.md", "cd /ho" + "me/ada/src", "cd ~/src, then $root/ho" + "me/ada/"),
    (rules.no_places, "a.py", "/wo" + "rk/main", "frame/wo" + "rk/main"),
    (rules.no_places, "requirements.lock", "https" + "://example.test", "--hash=sha256:00"),
]


@cache
def files() -> list[str]:
    """What git tracks or would track, and is there."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


@cache
def sources() -> list[Source]:
    """Every Python file."""
    return [Source(name, (ROOT / name).read_text("utf-8")) for name in files() if name.endswith(".py")]


def report(complaints: list[str], rule: str) -> None:
    """Fail with one line for each complaint, and nothing else."""
    if complaints:
        pytest.fail("\n".join([f"{rule} ({len(complaints)})", *complaints]), pytrace=False)


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_sources_are_tidy(rule: Rule) -> None:
    """Every Python file keeps the rule."""
    report([line for source in sources() for line in rule(source)], rule.__doc__ or "")


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_texts_are_tidy(rule: TextRule) -> None:
    """Every text file keeps the rule."""
    complaints: list[str] = []
    for name in files():
        if PurePosixPath(name).suffix not in NOT_TEXT:
            complaints += rule(name, (ROOT / name).read_text("utf-8", errors="replace"))
    report(complaints, rule.__doc__ or "")


def test_each_core_module_has_its_test_file() -> None:
    """mesh/events/chain.py is tested by tests/unit/events/test_chain.py, or by test_chain_<part>.py beside it."""
    names = [PurePosixPath(name) for name in files() if name.startswith("tests/unit/")]
    complaints = []
    for source in sources():
        path = PurePosixPath(source.path)
        if source.core and path.name != "__init__.py" and source.path not in UNTESTED:
            folder = PurePosixPath("tests/unit", *path.parts[1:-1])
            if not any(name.parent == folder and _tests(name, path.stem) for name in names):
                complaints.append(f"{source.path}:1: no {folder}/test_{path.stem}.py")
    report(complaints, "Each core module has its own test file.")


def test_each_unit_test_belongs_to_a_module() -> None:
    """A unit test file names the module that it is about."""
    modules = [PurePosixPath(source.path) for source in sources() if source.path.startswith("mesh/")]
    complaints = []
    for source in sources():
        path = PurePosixPath(source.path)
        if source.path.startswith("tests/unit/") and path.name.startswith("test_"):
            folder = PurePosixPath("mesh", *path.parts[2:-1])
            if not any(module.parent == folder and _tests(path, module.stem) for module in modules):
                complaints.append(f"{source.path}:1: no module of that name in {folder}/")
    report(complaints, "The tree of unit tests mirrors the tree of sources.")


def _tests(test: PurePosixPath, stem: str) -> bool:
    stem = stem.lstrip("_")
    return test.stem == f"test_{stem}" or test.stem.startswith(f"test_{stem}_")


def test_each_test_file_belongs_to_a_section() -> None:
    """A test file that scripts/test does not run would be forgotten."""
    complaints = []
    for name in files():
        path = PurePosixPath(name)
        misplaced = path.name.startswith("test_") and path.suffix == ".py" and name not in OUTSIDE_SECTIONS
        if misplaced and not (path.parts[0] == "tests" and path.parts[1] in SECTIONS):
            complaints.append(f"{name}:1: put it below tests/<one of {', '.join(SECTIONS)}>")
    report(complaints, "Every test is run by scripts/test.")


def test_exceptions_are_needed() -> None:
    """An exception whose file has gone is taken off the list."""
    named = [*rules.LONG_FILES, *(table.split(":")[0] for table in rules.TABLES), *UNTESTED, *OUTSIDE_SECTIONS]
    report([f"{name}: is not there" for name in named if name not in files()], "Exceptions name files that exist.")


@pytest.mark.parametrize(("rule", "path", "bad", "good"), BITES)
def test_rule_bites(rule: Rule, path: str, bad: str, good: str) -> None:
    """The rule refuses what it is for, and lets pass what lies just beside it."""
    assert rule(Source(path, bad))
    assert not rule(Source(path, good))


@pytest.mark.parametrize(("rule", "path", "bad", "good"), TEXT_BITES)
def test_text_rule_bites(rule: TextRule, path: str, bad: str, good: str) -> None:
    """As above, for rules about any text."""
    assert rule(path, bad)
    assert not rule(path, good)


def test_every_rule_has_its_bite() -> None:
    """Nobody adds a rule without showing that it works."""
    shown = {rule.__name__ for rule, *_ in BITES} | {rule.__name__ for rule, *_ in TEXT_BITES}
    assert shown == {rule.__name__ for rule in PYTHON_RULES} | {rule.__name__ for rule in TEXT_RULES}
