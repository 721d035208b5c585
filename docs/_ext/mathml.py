"""Mathematics as MathML, made while the site is built: no script, no font and no request in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

#: What the converter writes and browsers do not read as meant.
_MENDED = {
    "<mi>&#x0007E;</mi>": "<mo>&#x0223C;</mo>",
    'width="negativethinmathspace"': 'width="-0.167em"',
}


def to_mathml(latex: str, node: nodes.Element, *, display: str) -> str:
    """MathML of a formula; what the converter does not know is a warning of the build."""
    mathml: str = convert(latex, display=display)
    for found, meant in _MENDED.items():
        mathml = mathml.replace(found, meant)
    if "<mi>&</mi>" in mathml or "\\" in mathml:
        logger.warning("formula is not converted in full: %s", latex, location=node)
    return mathml


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(to_mathml(node.astext(), node, display="inline"))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own; it scrolls where the page is too narrow."""
    formula = to_mathml(node.astext(), node, display="block")
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
