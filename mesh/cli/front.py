"""The command `mesh`: frequent plain forms at once, with the standard library only; everything else by the full tree.

This is the only place that turns errors into exit codes.
"""

from __future__ import annotations

import sys

import mesh
from mesh.cli import output, plain
from mesh.cli.output import Output
from mesh.errors import MeshError


def main() -> None:
    """Run the command line of this process, and end it with the code of what happened."""
    code = ran(sys.argv[1:])
    try:
        output.settled()
    except BrokenPipeError:
        output.hushed()
        code = code or output.BROKEN_PIPE
    except MeshError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)


def ran(argv: list[str]) -> int:
    """Do what the words say; the exit code. Never raises but for the exit of the process."""
    try:
        if argv == ["--version"]:
            print(f"mesh {mesh.__version__}")
            return 0
        known = plain.understood(argv)
        if known is not None:
            return known.run()
        from mesh.cli.app import run

        return run(argv)
    except MeshError as error:
        out = told(argv)
        out.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        told(argv).interrupted()
        return output.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        output.hushed()
        return output.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - a bug ends in one clear line, and its trace in a file
        return _bug(told(argv), argv, error)


def told(argv: list[str]) -> Output:
    """How to tell of an error, whatever of the command line was understood."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    return Output(as_json="--json" in words, quiet=False)


def _bug(out: Output, argv: list[str], error: Exception) -> int:
    import traceback

    from mesh.cli.crash import kept

    trace = "".join(traceback.format_exception(error))
    place = kept(argv, trace)
    if not place:
        out.warn(trace)
    where = f"The details are in {place}" if place else "The details are above"
    hint = f"This is a fault of mesh, not yours. {where}; the agent's log: `mesh logs`."
    message = f"mesh failed unexpectedly: {type(error).__name__}: {error}"
    words = {"family": "Bug", "class": type(error).__name__, "message": message, "hint": hint, "exit": output.BUG}
    out.told_error(words)
    return output.BUG


if __name__ == "__main__":
    main()
