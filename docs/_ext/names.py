"""Names in text lead to their page in the reference.

In docstrings, `name` in single backticks; on pages, ``sb.name`` or ``scaling_bayes.name`` in code. What is no
public name stays code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.roles import XRefRole
from sphinx.transforms import SphinxTransform

import scaling_bayes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_ON_A_PAGE = re.compile(r"(?:sb|scaling_bayes)\.(\w+)(?:\(\))?")


class NameRole(XRefRole):
    """What single backticks mean in a docstring."""

    def process_link(
        self, _env: BuildEnvironment, refnode: nodes.Element, _explicit: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode.attributes.update(refdomain="py", reftype="obj", optional=True)
        public = re.split(r"[.(]", target, maxsplit=1)[0] in scaling_bayes.__all__
        return title, f"scaling_bayes.{target}" if public else target


class LinkNames(SphinxTransform):
    """Lead names in the code of a page to the reference."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        if self.env.docname.startswith("reference/generated/"):
            return
        for literal in list(self.document.findall(nodes.literal)):
            named = _ON_A_PAGE.fullmatch(literal.astext())
            linked = isinstance(literal.parent, nodes.reference | addnodes.pending_xref)
            if named is None or linked or named[1] not in scaling_bayes.__all__:
                continue
            link = addnodes.pending_xref(
                "",
                refdomain="py",
                reftype="obj",
                reftarget=f"scaling_bayes.{named[1]}",
                refdoc=self.env.docname,
                refexplicit=True,
                refwarn=True,
            )
            literal.replace_self(link)
            link += literal


def keep_as_code(
    _app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Leave a name without a page as code."""
    return nodes.literal(text=content.astext()) if node.get("optional") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the role, the transform and what happens to unknown names."""
    app.add_role("name", NameRole())
    app.add_transform(LinkNames)
    app.connect("missing-reference", keep_as_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
