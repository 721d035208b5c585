"""From a matplotlib figure to an SVG that can stand inside a page: stable bytes, own ids, page colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from scaling_bayes.figures.sheet import Sheet
from scaling_bayes.figures.style import COLORS, styled
from scaling_bayes.text import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    #: What a function of this package draws: a figure, or its only axes.
    Drawn = Figure | Axes

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+")
_URL = re.compile(r"url\(#([^)]*)\)")
_FAMILY = re.compile(r"font-family: [^;]*;? ?")
_UNTURNED = re.compile(r"rotate\(-?0[ )]")
_ROUNDED = ("d", "x", "y", "width", "height", "points")


def to_svg(drawn: Drawn, *, name: str = "figure", alt: str = "") -> str:
    """Write a figure as inline SVG: the same figure gives the same bytes.

    Text stays text in the page's own font. The palette is written as CSS variables ``--fig-<colour>`` with
    the print colours as fallback, so that a page may restyle it for a dark background.

    Parameters
    ----------
    drawn : Figure or Axes
        By a function of this package.
    name : str
        Unique in the page; prefixes every id.
    alt : str
        What the picture shows, for readers who do not see it.

    Returns
    -------
    str
        One ``<svg>`` element, without XML declaration.
    """
    figure: Any = drawn.get_figure(root=True)
    if isinstance(figure, Sheet):
        return figure.svg(name=name, alt=alt)
    raw = io.StringIO()
    _save(figure, raw, name)
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(raw.getvalue())
    _drop(root)
    ids = _new_ids(root, name)
    for element in root.iter():
        _rewrite(element, ids)
    for element in root.iter(f"{{{_SVG}}}g"):
        _share_style(element)
    width, height = (
        _NUMBER.sub(_round, value.removesuffix("pt"))
        for value in (root.get("width", ""), root.get("height", ""))
    )
    root.attrib |= {"width": width, "height": height, "role": "img", "aria-label": legible(alt) or name}
    root.attrib["style"] = "font-family: var(--fig-font, sans-serif)"
    root.attrib.pop("version", None)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


@styled
def _save(figure: Figure, raw: io.StringIO, name: str) -> None:
    import matplotlib as mpl

    mpl.rcParams.update({"svg.hashsalt": name, "svg.fonttype": "none"})
    with _laid_out(figure):
        figure.savefig(
            raw, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Lay a figure out before it is saved: `savefig` would draw it once more, only to have it laid out."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    engine, canvas, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    if engine is None:
        yield
        return
    try:
        FigureCanvasSVG(figure)
        figure.dpi = FigureCanvasSVG.fixed_dpi
        engine.execute(figure)
        figure.set_layout_engine("none")
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_canvas(canvas)
        figure.dpi = dpi


def _drop(root: ElementTree.Element) -> None:
    """Remove metadata, and the style sheet that would reach beyond the picture."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}:
                parent.remove(child)


def _new_ids(root: ElementTree.Element, name: str) -> dict[str, str]:
    """For each id that something in the picture refers to, the name and its number in the picture.

    Matplotlib's own follow from the last digit of a place, in which layouts of one figure may differ.
    """
    links = {element.get(_XLINK, "").removeprefix("#") for element in root.iter()}
    clips = {found for element in root.iter() for found in _URL.findall(element.get("clip-path", ""))}
    given = dict.fromkeys(element.get("id", "") for element in root.iter())
    used = [own for own in given if own in links | clips]
    return {own: f"{name}-{number:04d}" for number, own in enumerate(used)}


def _rewrite(element: ElementTree.Element, ids: Mapping[str, str]) -> None:
    attributes = element.attrib
    own = attributes.pop("id", None)
    if own is not None and own in ids:
        attributes["id"] = ids[own]
    target = attributes.pop(_XLINK, None)
    if target is not None:
        attributes["href"] = f"#{ids[target[1:]]}" if target.startswith("#") else target
    if "clip-path" in attributes:
        attributes["clip-path"] = _URL.sub(lambda found: f"url(#{ids[found[1]]})", attributes["clip-path"])
    for key in _ROUNDED:
        if key in attributes:
            attributes[key] = _NUMBER.sub(_round_path if key == "d" else _round, attributes[key])
    if _UNTURNED.match(attributes.get("transform", "")):
        del attributes["transform"]
    for key in ("style", "fill", "stroke"):
        if key in attributes:
            attributes[key] = _with_variables(attributes[key])
    element.tail = None
    if element.tag not in {f"{{{_SVG}}}text", f"{{{_SVG}}}tspan"}:
        element.text = None
    for key in ("d", "points"):
        if key in attributes:
            attributes[key] = " ".join(attributes[key].split())


def _share_style(parent: ElementTree.Element) -> None:
    """Give marks of one look their style once."""
    styles = {child.get("style") for child in parent}
    if len(parent) > 1 and len(styles) == 1 and all(child.tag == f"{{{_SVG}}}use" for child in parent):
        style = styles.pop()
        if style is not None and "style" not in parent.attrib:
            parent.set("style", style)
            for child in parent:
                del child.attrib["style"]


def _with_variables(style: str) -> str:
    for color, value in COLORS.items():
        style = style.replace(value, f"var(--fig-{color}, {value})")
    return _FAMILY.sub("", style).removesuffix("; ")


def _round(match: re.Match[str]) -> str:
    return f"{float(match.group()):.2f}".rstrip("0").rstrip(".")


def _round_path(match: re.Match[str]) -> str:
    """Tenths of a point: finer than a screen shows."""
    return f"{float(match.group()):.1f}".removesuffix(".0")
