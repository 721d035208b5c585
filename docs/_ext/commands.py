"""Examples in the help of a command, shown as code to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from sphinx.application import Sphinx

_BAR = "| "


def show_examples_as_code(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Turn the lines that keep their breaks into a block of code under what introduces them."""
    kept = [line for line in lines if line.startswith(_BAR)]
    if not kept:
        return
    first = lines.index(kept[0])
    introduction, *examples = (line.removeprefix(_BAR) for line in kept)
    block = [introduction, "", ".. code-block:: text", "", *(f"   {line.strip()}" for line in examples), ""]
    lines[first:] = [*block, *(line for line in lines[first:] if not line.startswith(_BAR))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done to the description of each command."""
    app.connect("sphinx-click-process-description", show_examples_as_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
