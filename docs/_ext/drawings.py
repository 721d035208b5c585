"""Drawings of the package stand inside the page, so that they take its font and follow its light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: Colours of a drawing that a page may set; see `scaling_bayes.figures.to_svg`.
_MARK = "var(--fig-"


class InlineDrawings(SphinxPostTransform):
    """Put each SVG with colours for the page in place of its image; on a phone NAME-narrow.svg, if any."""

    default_priority = 5  # before images are collected
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"])
            if path.suffix != ".svg" or not path.is_file():
                continue
            svg = path.read_text(encoding="utf-8")
            if _MARK in svg:
                small = path.with_stem(f"{path.stem}-narrow")
                html = f'<div class="drawing" tabindex="0">{svg}</div>'
                if small.is_file():
                    narrow = small.read_text(encoding="utf-8")
                    html = f'<div class="on-wide">{html}</div><div class="on-narrow drawing">{narrow}</div>'
                image.replace_self(nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(InlineDrawings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
