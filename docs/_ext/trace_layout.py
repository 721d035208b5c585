"""The directive ``trace-variables``: name, unit and meaning of every variable of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from scaling_bayes.trace.schema import VARIABLES

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class TraceVariables(SphinxDirective):
    """A table with a row for each variable, in the order of the schema."""

    def run(self) -> list[nodes.Node]:
        rows = [f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in VARIABLES.items()]
        table = StringList(["| variable | unit | meaning |", "| --- | --- | --- |", *rows])
        holder = nodes.container()
        self.state.nested_parse(table, self.content_offset, holder)
        return holder.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("trace-variables", TraceVariables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
