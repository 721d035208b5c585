"""Columns of tables by what they hold: prose gets room, numbers line up on the right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: Characters of a cell from which a column is prose.
_LONG = 60
_NUMBER = re.compile(r"[-+−±]?\d[\d.,]*(e[-+]?\d+)?( ?%)?")


class ClassifyColumns(SphinxTransform):
    """Give the cells of each column the class ``prose`` or ``number``, where it is one."""

    default_priority = 800

    def apply(self, **_: Any) -> None:
        for group in self.document.findall(nodes.tgroup):
            if "autosummary" in group.parent["classes"]:
                continue
            head = [row for part in group.findall(nodes.thead) for row in part.findall(nodes.row)]
            body = [row for part in group.findall(nodes.tbody) for row in part.findall(nodes.row)]
            for number in range(int(group["cols"])):
                cells = [row[number] for row in body if number < len(row)]
                kind = _kind([cell.astext().strip() for cell in cells])
                if kind:
                    for cell in [*cells, *(row[number] for row in head if number < len(row))]:
                        cell["classes"].append(kind)


def _kind(texts: list[str]) -> str:
    if any(len(text) > _LONG for text in texts):
        return "prose"
    filled = [text for text in texts if text]
    return "number" if filled and all(_NUMBER.fullmatch(text) for text in filled) else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(ClassifyColumns)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
