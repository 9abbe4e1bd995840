"""What systemd or launchd is asked to do with the agent's service: install, start, stop, remove, and how it is.

Every command is an argument list, with a bound on its time. The home itself is left alone, but for making the one of
`--system`. Nothing here asks the person.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mesh
from mesh.errors import Misuse, Refused, Unreachable
from mesh.node import timing, vault, whole
from mesh.node.background import service as services
from mesh.node.background.service import Service
from mesh.node.paths import output_path

_BOOTED = Path("/run/systemd/system")
_SHOWN = ("LoadState", "UnitFileState", "ActiveState", "SubState", "MainPID", "Result", "ExecMainStatus", "NRestarts")
_NOTIFY = "NOTIFY_SOCKET"


@dataclass(frozen=True)
class Condition:
    """How a service is, as its manager tells."""

    enabled: bool = False
    running: bool = False
    at_work: bool = False
    """Running, on its way up, or to be started again in a moment."""
    pid: int | None = None
    problem: str = ""
    hint: str = ""


def install(service: Service, interfaces: Sequence[str]) -> bool:
    """Write the unit and have it start at boot; whether anything changed. Raises Misuse, Refused, Unreachable."""
    _may_write(service)
    if service.kind == "systemd-system":
        _make_system_user(service)
    _keys_can_be_opened(service)
    wanted = services.text(service, interfaces)
    changed = not service.installed or service.path.read_bytes() != wanted
    if changed:
        service.path.parent.mkdir(parents=True, exist_ok=True)
        whole.write(service.path, wanted, mode=0o644)
    if service.kind == "launchd":  # it opens the agent's output before the agent could make the folder
        folder = output_path(service.home).parent
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(folder, service.user)
    else:
        _systemctl(service, "daemon-reload")
        _systemctl(service, "enable", "--quiet", service.unit)
        if service.kind == "systemd-user" and not services.lingers(service.user):
            _run(_linger_argv(service))  # whether it could shows in `lingers`
    return changed


def enable_linger(service: Service) -> None:
    """Have systemd start this user's services at boot. Raises Unreachable."""
    _must(_linger_argv(service))


def start(service: Service) -> None:
    """Start it; returns when the agent answers (launchd: when it was started). Raises Unreachable."""
    if service.kind == "launchd":
        _run(["launchctl", "bootstrap", "system", str(service.path)])  # fails when it is loaded: then kickstart does
        _must(["launchctl", "kickstart", f"system/{service.unit}"])
    else:
        _systemctl(service, "start", service.unit)


def stop(service: Service) -> None:
    """Stop it until the next start or boot; returns when its processes have ended. Raises Unreachable."""
    if service.kind == "launchd":
        if os.getuid() == 0:  # for others the agent's own end does: launchd leaves alone what ended well
            _run(["launchctl", "bootout", f"system/{service.unit}"])
    else:
        _systemctl(service, "stop", service.unit)


def remove(service: Service) -> None:
    """Stop it and take its unit away; the home stays. Raises Refused, Unreachable."""
    _may_write(service)
    if service.kind == "launchd":
        _run(["launchctl", "bootout", f"system/{service.unit}"])
        service.path.unlink(missing_ok=True)
        return
    _systemctl(service, "disable", "--quiet", "--now", service.unit)
    service.path.unlink(missing_ok=True)
    _systemctl(service, "daemon-reload")
    _run(_systemctl_argv(service, "reset-failed", service.unit))  # it fails where nothing had failed


def condition(service: Service) -> Condition:
    """How it is now. Raises nothing: what cannot be told is the problem."""
    if service.kind == "launchd":
        return _condition_launchd(service)
    asked = _run(_systemctl_argv(service, "show", "--property", ",".join(_SHOWN), service.unit))
    if asked.returncode != 0:
        return Condition(_wanted_by_file(service), problem="systemd does not answer", hint=_no_manager_hint(service))
    return parsed(asked.stdout, service)


def parsed(shown: str, service: Service) -> Condition:
    """What `systemctl show` says, in our words."""
    told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    enabled = told.get("UnitFileState", "") in {"enabled", "enabled-runtime", "linked"}
    active = told.get("ActiveState", "")
    running = active in {"active", "reloading"}
    pid = int(told.get("MainPID") or 0) or None
    problem = hint = ""
    if not service.installed:
        hint = "`mesh service install` makes the agent start at boot."
    elif active == "failed":
        problem = f"the agent ended with {told.get('Result', '')} {told.get('ExecMainStatus', '')}".strip()
        hint = f"`{journal(service)}` and `mesh logs` tell why; then `mesh up`."
    elif told.get("SubState") == "auto-restart":
        problem = f"the agent ended with code {told.get('ExecMainStatus', '?')} and is started again in a moment"
        hint = f"`{journal(service)}` and `mesh logs` tell why."
    elif not running:
        hint = "`mesh up` starts it."
    elif not enabled:
        problem, hint = "it does not start at boot", "`mesh service install` mends that."
    at_work = active not in {"", "inactive", "failed"}
    return Condition(enabled, running, at_work, pid, problem, hint)


def journal(service: Service) -> str:
    """The command that shows what the agent said to its manager."""
    return f"journalctl --user -u {service.unit}" if service.kind == "systemd-user" else f"journalctl -u {service.unit}"


def notify(word: str) -> None:
    """Tell the service manager how far this process is; nothing where none asked for it."""
    path = os.environ.pop(_NOTIFY, "")  # nobody that we start speaks for us
    if not path.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        try:
            manager.sendto(word.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError:
            return  # the manager gives up on us then, and says so itself


# ── what is asked of the machine ─────────────────────────────────────────────────────────────────


def _may_write(service: Service) -> None:
    if service.needs_root and os.getuid() != 0:
        words = "service install" + (" --system" if service.kind == "systemd-system" else "")
        argv = f"sudo {sys.executable} -I -X utf8 -m mesh.cli.front"
        where = f" --home {service.home}" if service.kind == "launchd" else ""
        message = "only root may do that"
        raise Refused(message, hint=f"{argv}{where} {words}. Nothing was changed.")


def _make_system_user(service: Service) -> None:
    """The user, and its home, of which nobody else sees anything."""
    for part in (Path(sys.executable), Path(mesh.__file__)):
        hidden = services.hidden_from_others(part)
        if hidden is not None:
            message = f"the user {service.user} could not run this mesh: others may not pass {hidden}"
            raise Misuse(message, hint="Install mesh where every user can read it, for example below /opt.")
    if _run(["getent", "passwd", service.user]).returncode != 0:
        shell = shutil.which("nologin") or "/usr/sbin/nologin"
        named = ["--user-group", "--home-dir", str(service.home), "--shell", shell]
        _must(["useradd", "--system", "--no-create-home", *named, service.user])
    service.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    service.home.chmod(0o700)
    shutil.chown(service.home, service.user, service.user)


def _keys_can_be_opened(service: Service) -> None:
    """A sealed home needs its passphrase where the service can read it and nobody else can."""
    try:
        sealed = vault.is_sealed(service.home)
    except OSError:
        return  # in no mesh yet
    if not sealed:
        return
    variable = vault.PASSPHRASE_VARIABLE
    if service.kind == "launchd":
        message = "a passphrase protects this home's keys, and launchd can hold none safely"
        raise Misuse(message, hint=f"Start the agent by hand: {variable} in the environment, then `mesh up`.")
    where = f"Write {variable}=… into {service.secrets} yourself, mode 0600; mesh never writes it. Then again."
    try:
        mode = service.secrets.stat().st_mode
    except OSError as error:
        message = "a passphrase protects this home's keys, and the service would not know it"
        raise Misuse(message, hint=where) from error
    if stat.S_IMODE(mode) & 0o077:
        message = f"others on this machine can read {service.secrets}"
        raise Misuse(message, hint=f"chmod 600 {service.secrets}; it holds a passphrase.")


def _systemctl(service: Service, *words: str) -> None:
    asked = _run(_systemctl_argv(service, *words))
    if asked.returncode != 0:
        said = _last_line(asked.stderr) or f"code {asked.returncode}"
        hint = _no_manager_hint(service) if "connect" in said else f"`{journal(service)}` tells more."
        raise Unreachable(f"systemctl {words[0]} failed: {said}", hint=hint)


def _systemctl_argv(service: Service, *words: str) -> list[str]:
    scope = ["--user"] if service.kind == "systemd-user" else ["--system"]
    return ["systemctl", *scope, "--no-pager", "--no-ask-password", *words]


def _no_manager_hint(service: Service) -> str:
    if service.kind == "systemd-user":
        return (
            "No systemd works for this user here (a container, or a login without one). Start the agent yourself: "
            "`mesh up`, for example from cron with `@reboot mesh up`."
        )
    return "This machine was not booted with systemd. Start the agent yourself: `mesh up`."


def manager_answers(service: Service) -> bool:
    """Whether there is a manager that could run it."""
    if service.kind == "launchd":
        return True
    if service.kind == "systemd-system":
        return _BOOTED.is_dir()
    return _run(_systemctl_argv(service, "show", "--property", "Version")).returncode == 0


def must_be_managed(service: Service) -> None:
    """Raise Unreachable, with what to do instead, where no manager could run it."""
    if not manager_answers(service):
        message = "no service manager works here"
        raise Unreachable(message, hint=_no_manager_hint(service))


def _wanted_by_file(service: Service) -> bool:
    """Whether it is enabled, by the link in its folder, where the manager does not answer."""
    return any(path.is_symlink() for path in service.path.parent.glob(f"*.target.wants/{service.unit}"))


def _condition_launchd(service: Service) -> Condition:
    asked = _run(["launchctl", "print", f"system/{service.unit}"])
    if asked.returncode != 0:
        return Condition(service.installed, hint="`mesh up` starts it." if service.installed else "")
    pid = re.search(r"^\s*pid = (\d+)$", asked.stdout, re.MULTILINE)
    code = re.search(r"^\s*last exit code = (\d+)", asked.stdout, re.MULTILINE)
    problem = f"the agent ended with code {code[1]}" if pid is None and code and code[1] != "0" else ""
    hint = "`mesh logs` tells why; log/start.log of the home has what it said." if problem else ""
    return Condition(service.installed, pid is not None, pid is not None, int(pid[1]) if pid else None, problem, hint)


def _linger_argv(service: Service) -> list[str]:
    return ["loginctl", "--no-ask-password", "enable-linger", service.user]


def _must(argv: Sequence[str]) -> None:
    asked = _run(argv)
    if asked.returncode != 0:
        said = _last_line(asked.stderr) or f"code {asked.returncode}"
        raise Unreachable(f"{argv[0]} failed: {said}", hint="Try again, or do it by hand: " + " ".join(argv))


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **_runtime_folder(), "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    try:
        return subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env=env,
            stdin=subprocess.DEVNULL,
            timeout=timing.SERVICE_S_MAX,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(list(argv), 127, "", f"{argv[0]} is not on this machine")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(list(argv), 124, "", f"no answer in {timing.SERVICE_S_MAX:.0f} s")


def _runtime_folder() -> Mapping[str, str]:
    """Cron, su and ssh commands come without it, and systemctl would not find the user's manager."""
    usual = f"/run/user/{os.getuid()}"
    return {} if os.environ.get("XDG_RUNTIME_DIR") or not Path(usual).is_dir() else {"XDG_RUNTIME_DIR": usual}


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""
