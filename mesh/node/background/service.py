"""The agent as a service: which unit belongs to a home, what stands in it, and where. systemd or launchd.

It works texts and paths out and reads files; what starts, stops or writes is in `service_manager`. A passphrase never
comes into a unit.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import pwd
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import mesh
from mesh.errors import Misuse, Unreachable
from mesh.node.paths import output_path

Kind = Literal["systemd-user", "systemd-system", "launchd"]

SYSTEM_USER = "mesh"
SYSTEM_HOME = Path("/var/lib/mesh")
_SYSTEM_UNITS = Path("/etc/systemd/system")
_SYSTEM_SECRETS = Path("/etc/mesh")
_DAEMONS = Path("/Library/LaunchDaemons")
_LABEL = "org.continuity.mesh"
_LINGERING = Path("/var/lib/systemd/linger")
# What decides how others are met, and where, must be the same under the service as under `mesh up`.
_PASSED_ON = ("MESH_BEACON", "MESH_MACHINE", "MESH_NATS_SERVER", "MESH_NATS_URL", "MESH_PHONE_PORT", "MESH_PORT")
_TEMPLATES: dict[Kind, str] = {
    "systemd-user": "mesh.service",
    "systemd-system": "mesh-system.service",
    "launchd": "mesh.plist",
}
_NAME_CHARACTERS = 24
_HASH_CHARACTERS = 8


@dataclass(frozen=True)
class Service:
    """The service of one home: what it is called, where its file lies, and who runs it."""

    kind: Kind
    home: Path
    unit: str
    path: Path
    secrets: Path
    """Where the person may put MESH_PASSPHRASE."""
    user: str

    @property
    def installed(self) -> bool:
        """Whether its file is there."""
        return self.path.is_file()

    @property
    def needs_root(self) -> bool:
        """Whether only root may write it."""
        return self.kind != "systemd-user"


def service_of(home: Path, *, system: bool = False) -> Service:
    """The service that belongs to a home, installed or not. Raises Unreachable where services are not known."""
    if sys.platform == "darwin":
        label = _LABEL + _suffix(home, ".")
        return Service("launchd", home, label, _DAEMONS / f"{label}.plist", Path(), _owner(home))
    if shutil.which("systemctl") is None:
        message = "there is neither systemd nor launchd on this machine"
        hint = "Start the agent yourself: `mesh up`, for example from cron with `@reboot mesh up`."
        raise Unreachable(message, hint=hint)
    if system:
        unit = "mesh.service"
        return Service("systemd-system", home, unit, _SYSTEM_UNITS / unit, _SYSTEM_SECRETS / "mesh.env", SYSTEM_USER)
    unit = f"mesh{_suffix(home, '-')}.service"
    secrets = config_folder() / "mesh" / f"{unit.removesuffix('.service')}.env"
    return Service("systemd-user", home, unit, config_folder() / "systemd" / "user" / unit, secrets, _me())


def installed_for(home: Path) -> Service | None:
    """The service that runs this home, if one is installed; nothing where services are not known."""
    systems = (False, True) if sys.platform != "darwin" and home == SYSTEM_HOME else (False,)
    for system in systems:
        try:
            found = service_of(home, system=system)
        except Unreachable:
            return None
        if found.installed:
            return found
    return None


def homes_served() -> list[Path]:
    """The homes of this user that have a service, by the words of their units."""
    units = sorted((config_folder() / "systemd" / "user").glob("mesh*.service"))
    return [Path(home) for unit in units for home in _options(unit, "--home")]


def interfaces_of(service: Service) -> tuple[str, ...]:
    """What the agent of an installed service listens on, by the words of its unit."""
    return tuple(_options(service.path, "--interface"))


def text(service: Service, interfaces: Sequence[str]) -> bytes:
    """What stands in its file. Raises Misuse for a path that no unit can name."""
    template = templates() / _TEMPLATES[service.kind]
    argv = agent_argv(service.home, interfaces)
    passed = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    if service.kind == "launchd":
        return _plist(template.read_bytes(), service, argv, passed)
    lines = [f"Environment={quoted(f'{name}={value}')}" for name, value in passed.items()]
    words = {
        "@UNIT@": service.unit,
        "@HOME@": _plain(str(service.home)).replace("%", "%%"),
        "@EXEC@": " ".join(map(argument, argv)),
        "@ENVIRONMENT@": "\n".join(lines),
        "@SECRETS@": _plain(str(service.secrets)).replace("%", "%%"),
        "@USER@": service.user,
    }
    return re.sub("|".join(words), lambda found: words[found[0]], template.read_text()).encode()


def agent_argv(home: Path, interfaces: Sequence[str]) -> list[str]:
    """How the service starts the agent: by this very interpreter, with nothing left to the environment."""
    named = [word for address in interfaces for word in ("--interface", address)]
    front = [sys.executable, "-I", "-X", "utf8", "-m", "mesh.cli.front"]
    return [*front, "--json", "--home", str(home), *named, "agent"]


def quoted(word: str) -> str:
    r"""A word in a unit: in quotes; `\`, `"` and `%` stand for themselves. Raises Misuse."""
    return '"' + _plain(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def argument(word: str) -> str:
    """A word of a command line in a unit, where a dollar sign would name a variable. Raises Misuse."""
    return quoted(word).replace("$", "$$")


def templates() -> Path:
    """The folder of templates: in the package where it was installed, beside it in a checkout. Raises Unreachable."""
    package = Path(mesh.__file__).parent
    for folder in (package / "deploy", package.parent / "deploy"):
        if (folder / _TEMPLATES["systemd-user"]).is_file():
            return folder
    message = "this installation of mesh lacks its templates"
    raise Unreachable(message, hint="Install it again, or use a checkout.")


def lingers(user: str) -> bool:
    """Whether systemd starts this user's services at boot, without a login."""
    return (_LINGERING / user).exists()


def hidden_from_others(path: Path) -> Path | None:
    """The first folder on the way to a file that other users may not pass, or the file if they may not read it."""
    whole = path.resolve()
    # A link is passed twice: where it lies, and where it leads.
    for part in (*reversed(path.absolute().parents), *reversed(whole.parents), whole):
        if not part.stat().st_mode & (0o001 if part.is_dir() else 0o004):
            return part
    return None


def config_folder() -> Path:
    """Where this user's programs keep their configuration."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".config"


def _suffix(home: Path, mark: str) -> str:
    """What tells this home's service from those of other homes: nothing for the usual one."""
    if home == Path.home() / ".mesh":
        return ""
    name = re.sub(r"[^A-Za-z0-9]+", "-", home.name).strip("-")[:_NAME_CHARACTERS] or "home"
    return f"{mark}{name}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:_HASH_CHARACTERS]}"


def _plist(template: bytes, service: Service, argv: list[str], passed: dict[str, str]) -> bytes:
    told = plistlib.loads(template)
    log = str(output_path(service.home))
    told |= {
        "Label": service.unit,
        "UserName": service.user,
        "ProgramArguments": argv,
        "WorkingDirectory": "/",
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    if passed:
        told["EnvironmentVariables"] = passed
    return plistlib.dumps(told)


def _plain(word: str) -> str:
    if not word.isprintable():
        message = "a service cannot be made for a path with control characters"
        raise Misuse(message, hint="Use a home with a plain name: --home DIR.")
    return word


def _options(unit: Path, name: str) -> list[str]:
    """The values of an option in the command line of a unit."""
    if unit.suffix == ".plist":
        argv = plistlib.loads(unit.read_bytes()).get("ProgramArguments", [])
    else:
        line = re.search(r"^ExecStart=(.*)$", _read(unit), re.MULTILINE)
        argv = [_unquoted(word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', line[1])] if line else []
    return [str(value) for option, value in pairwise(argv) if option == name]


def _unquoted(words: str) -> str:
    return re.sub(r"\\(.)", r"\1", words).replace("%%", "%").replace("$$", "$")


def _owner(home: Path) -> str:
    """Whose home it is: under sudo that is not who runs the command."""
    try:
        return pwd.getpwuid(home.stat().st_uid).pw_name
    except (OSError, KeyError):
        return _me()


def _me() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
