"""The directive ``module-map``: every module of the package with the first line of its docstring."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx


def summaries(package: Path) -> Iterator[tuple[str, str]]:
    """Dotted name and summary of each module below a package, sorted; read, not imported."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        yield name, doc.partition("\n")[0]


class ModuleMap(SphinxDirective):
    """A definition list of the modules of the package named."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        package = (Path(self.get_source_info()[0]).parent / self.arguments[0]).resolve()
        entries = nodes.definition_list(classes=["module-map"])
        for name, summary in summaries(package):
            text, _ = self.state.inline_text(summary.replace("`", "``").replace("````", "``"), self.lineno)
            entry = nodes.definition_list_item()
            entry += nodes.term("", "", nodes.literal(text=name))
            entry += nodes.definition("", nodes.paragraph("", "", *text))
            entries += entry
        self.env.note_dependency(str(package))
        return [entries]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("module-map", ModuleMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
