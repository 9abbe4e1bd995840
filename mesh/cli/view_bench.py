"""A measurement as text for people: each figure of all contenders side by side, then what they are to each other."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, one_line

_ABOUT = {"name", "what", "rounds", "spread"}
Told = Mapping[str, object]


def lines(screen: Screen, result: Told) -> list[str]:
    """The screen of `mesh bench NAME`."""
    ours, beside = result.get("ours"), result.get("beside")
    sides: list[tuple[str, Told]] = [("ours", ours if isinstance(ours, dict) else {})]
    sides += [(one_line(told.get("name")), told) for told in (beside if isinstance(beside, list) else [])]
    figures = dict.fromkeys(name for _, told in sides for name in told if name not in _ABOUT)
    text = [screen.ink(one_line(result.get("name")), "bold"), ""]
    heads = ("MEDIANS", *(f">{name}" for name, _ in sides))
    text += screen.table(heads, [(one_line(f), *(_figure(told.get(f)) for _, told in sides)) for f in figures])
    ratios = result.get("ratios")
    if isinstance(ratios, dict) and ratios:
        text += ["", *screen.fields((one_line(name), _figure(value)) for name, value in ratios.items())]
    for name, told in sides:
        if told.get("what"):
            text += ["", *screen.wrapped(one_line(told["what"]), f"{name}: ", "  ")]
    return [*text, "", f"command: {one_line(result.get('command'))}"]


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else one_line(value) or "-"
