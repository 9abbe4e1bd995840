"""The rules of our style as functions from a source file to a list of complaints; they never change a file.

tests/test_tidy.py runs them over the checkout and shows that each one catches what it is for.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

CORE = re.compile(r"mesh/(?:(?:names|errors|limits)\.py|(?:clocks|events|sync|state)/.*)")
SHELL = re.compile(r"mesh/(?:node|cli)/.*")
# Modules that handle what others sent. Raise there: an assert vanishes under -O and blames nobody.
DECODERS = re.compile(r"mesh/(?:.*/)?[a-z_]*(?:cbor|codec|columns|changes|event|messages|reading|seal|wire)[a-z_]*\.py")

FUNCTION_LINES_CORE = 40
FUNCTION_LINES = 60
FILE_LINES_CORE = 300
FILE_LINES = 400
PARAMETERS = 6
BARE_NUMBER = 16

# Longer than a file should be, each with its reason.
LONG_FILES: dict[str, str] = {"mesh/limits.py": "a table of one line for each bound, looked up and never read through"}
# Module-level tables whose numbers are data: "path:NAME", each with its reason.
TABLES: dict[str, str] = {}

BANNED_MODULES = {"random", "secrets", "time", "uuid"}
BANNED_ATTRIBUTES = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("os", "environ"),
    ("os", "getenv"),
    ("os", "urandom"),
}
# The glossary's word, for each synonym that must not appear (compared without case and underscores).
SYNONYMS = {"nodeid": "DeviceId / device", "peerid": "DeviceId / device", "opid": "Digest / event"}
SCREAMING = re.compile(r"_?[A-Z][A-Z0-9_]*")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies in the checkout, and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as a syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> Sequence[ast.AST]:
        """All of the tree: walking it anew for each rule would take most of the time."""
        return list(ast.walk(self.tree))

    @property
    def core(self) -> bool:
        """Whether it belongs to the pure part."""
        return CORE.fullmatch(self.path) is not None

    def functions(self) -> Iterator[Function]:
        """Every function and method in it."""
        for node in self.nodes:
            if isinstance(node, Function):
                yield node

    def at(self, node: ast.AST, complaint: str) -> str:
        """The complaint with its place, in the form that editors follow."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {complaint}"


def no_async_in_core(source: Source) -> list[str]:
    """The core never waits."""
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    if not source.core:
        return []
    return [source.at(node, "the core does not wait") for node in source.nodes if isinstance(node, waiting)]


def _doc_lines(node: Documented) -> int:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def short_functions(source: Source) -> list[str]:
    """A function is read without scrolling; its docstring and decorators are not counted."""
    limit = FUNCTION_LINES_CORE if source.core else FUNCTION_LINES
    complaints = []
    for function in source.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1 - _doc_lines(function)
        if lines > limit:
            complaints.append(source.at(function, f"{function.name} has {lines} lines, {limit} allowed"))
    return complaints


def short_files(source: Source) -> list[str]:
    """A file holds one thought."""
    limit = FILE_LINES_CORE if source.core else FILE_LINES
    lines = len(source.text.splitlines())
    if lines <= limit or source.path in LONG_FILES:
        return []
    return [f"{source.path}:1: {lines} lines, {limit} allowed"]


def few_parameters(source: Source) -> list[str]:
    """At most six parameters by position in the core; keyword-only ones name themselves."""
    complaints = []
    for function in source.functions() if source.core else ():
        names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
        count = len([name for name in names if name not in {"self", "cls"}])
        if count > PARAMETERS:
            complaints.append(source.at(function, f"{function.name} has {count} parameters, {PARAMETERS} allowed"))
    return complaints


def no_world_outside_shell(source: Source) -> list[str]:
    """Time, chance and the environment come in as arguments, except in the shell and the command line."""
    if not source.path.startswith("mesh/") or SHELL.fullmatch(source.path):
        return []
    complaints = []
    for node in source.nodes:
        named: list[str] = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names if alias.name.split(".")[0] in BANNED_MODULES]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            pairs = [(module.split(".")[-1], alias.name) for alias in node.names]
            named = [module] if module.split(".")[0] in BANNED_MODULES else []
            named += [".".join(pair) for pair in pairs if pair in BANNED_ATTRIBUTES]
        elif isinstance(node, ast.Attribute):
            left = node.value
            owner = left.id if isinstance(left, ast.Name) else left.attr if isinstance(left, ast.Attribute) else ""
            named = [f"{owner}.{node.attr}"] if (owner, node.attr) in BANNED_ATTRIBUTES else []
        complaints += [source.at(node, f"{name} belongs to mesh/node; take it as an argument") for name in named]
    return complaints


def opens_with_docstring(source: Source) -> list[str]:
    """A module opens by saying what it is."""
    words = ast.get_docstring(source.tree)
    if words is None or not words.strip().splitlines()[0].strip():
        return [f"{source.path}:1: no docstring; say what this module is, and what it never does"]
    return []


_CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _gives_names(node: ast.AST, path: str) -> bool:
    """Whether it is `SIZE = 1 << 20` or `NOTE, TASK = 32, 33`: each number under a name in capitals."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    targets, values = [target], [node.value]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        targets, values = target.elts, node.value.elts
    names = [name.id for name in targets if isinstance(name, ast.Name) and SCREAMING.fullmatch(name.id)]
    plain = not any(isinstance(part, _CONTAINERS) for value in values for part in ast.walk(value))
    return len(names) == len(values) and (plain or all(f"{path}:{name}" in TABLES for name in names))


def _numbers(node: ast.AST, path: str, *, module_level: bool) -> Iterator[ast.Constant]:
    """Numbers in a tree, without those that a constant in capitals names."""
    for child in ast.iter_child_nodes(node):
        if module_level and _gives_names(child, path):
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, int | float):
            if not isinstance(child.value, bool) and abs(child.value) > BARE_NUMBER:
                yield child
            continue
        # The members of a class in capitals are names too: that is what an enumeration is.
        yield from _numbers(child, path, module_level=module_level and isinstance(child, ast.ClassDef))


def no_bare_numbers(source: Source) -> list[str]:
    """In the core a number above sixteen has a name, most often in limits.py."""
    if not source.core or source.path == "mesh/limits.py":
        return []
    found = _numbers(source.tree, source.path, module_level=True)
    return [source.at(node, f"{node.value!r} has no name; put it into limits.py") for node in found]


def _identifiers(source: Source) -> Iterator[tuple[ast.AST, str]]:
    for node in source.nodes:
        for field in ("id", "attr", "arg", "name", "asname"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                yield node, word


@cache
def _synonyms(word: str) -> Sequence[str]:
    pieces = [piece.lower() for piece in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", word)]
    pairs = {first + second.removesuffix("s") for first, second in pairwise(pieces)}
    return sorted(pairs & SYNONYMS.keys())


def glossary(source: Source) -> list[str]:
    """One noun for one thing."""
    complaints = []
    for node, word in _identifiers(source):
        complaints += [source.at(node, f"{word}: our word is {SYNONYMS[pair]}") for pair in _synonyms(word)]
    return complaints


def no_assert_on_input(source: Source) -> list[str]:
    """What others can cause is raised, never asserted."""
    if not DECODERS.fullmatch(source.path):
        return []
    found = [node for node in source.nodes if isinstance(node, ast.Assert)]
    return [source.at(node, "assert in a module that reads foreign bytes; raise Refused") for node in found]


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def skips_have_reasons(source: Source) -> list[str]:
    """Who skips a test, or expects it to fail, says why."""
    marks = {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    calls = {"pytest.skip", "pytest.xfail", "pytest.importorskip"}
    if "skip" not in source.text and "xfail" not in source.text:
        return []
    complaints, called = [], set()
    for node in source.nodes:
        if isinstance(node, ast.Call) and _dotted(node.func) in marks | calls:
            name = _dotted(node.func)
            called.add(id(node.func))
            given = [word.value for word in node.keywords if word.arg in {"reason", "msg"}]
            given += node.args[:1] if name in {"pytest.skip", "pytest.xfail", "pytest.mark.skip"} else []
            if not any(not isinstance(value, ast.Constant) or value.value for value in given):
                complaints.append(source.at(node, f"{name} without a reason"))
    bare = [node for node in source.nodes if isinstance(node, ast.Attribute) and id(node) not in called]
    return complaints + [
        source.at(node, f"{_dotted(node)} without a reason") for node in bare if _dotted(node) in marks
    ]


# ---------------------------------------------------------------- rules for any text

# One letter of each in brackets, so that this file does not complain about itself.
LATER = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b")
_HOSTS = [r"py[p]i\.org", r"python[h]osted\.org", r"registry\.np[m]js", r"registry\.yarn[p]kg"]
_OPTIONS = ["--(?:extra-)?index[-]url[ =]", "--find[-]links[ =]", "--trusted[-]host[ =]", "file[:]///"]
_PATHS = ["/r[o]ot/", "/w[o]rk/", "/h[o]me/[a-z_][a-z0-9_-]*/", "/U[s]ers/[A-Za-z][A-Za-z0-9._-]*/"]
PLACES = re.compile("|".join(_HOSTS + _OPTIONS + [rf"(?<![\w.~$}}-]){path}" for path in _PATHS]))
LOCKS = re.compile(r"(?:.*/)?(?:requirements.*\.lock|package-lock\.json|uv\.lock)")


def nothing_left_for_later(path: str, text: str) -> list[str]:
    """An intention belongs into an issue."""
    return _lines_with(LATER, path, text, "left for later; open an issue instead")


def no_places(path: str, text: str) -> list[str]:
    """No registry and no path of somebody's machine; a lock file names no address at all."""
    complaints = _lines_with(PLACES, path, text, "names a registry or a path of one machine")
    if LOCKS.fullmatch(path):
        complaints += _lines_with(re.compile(r"\w://"), path, text, "a lock file names no address")
    return complaints


def _lines_with(pattern: re.Pattern[str], path: str, text: str, complaint: str) -> list[str]:
    lines = enumerate(text.splitlines(), 1)
    return [f"{path}:{number}: {found[0]!r} {complaint}" for number, line in lines if (found := pattern.search(line))]
