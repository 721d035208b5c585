"""Pictures on a light surface: those of matplotlib, with no text over another and none cut."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from tests.synthetic import synthetic_fit
from tests.test_figures import NASTY, shares, texts

from scaling_bayes import figures, project, summary
from scaling_bayes.figures.sheet import Sheet, light
from scaling_bayes.figures.style import framed
from scaling_bayes.figures.typeset import COLORS, Box, text_width

_SVG = "{http://www.w3.org/2000/svg}"


def of_compute(idata: Any) -> Any:
    rows = summary(project(idata))
    return rows[rows["year"] == rows["year"].iloc[0]]


PICTURES: dict[str, Any] = {
    "answer": lambda idata, width: figures.plot_answer(
        of_compute(idata),
        scales={"log10_cost_usd": -17.0},
        yardsticks={"a": 22.0, "b": 25.0},
        title="what each target needs",
        source="Source: here.",
        width=width,
    ),
    "affordability": lambda idata, width: figures.plot_affordability(shares(idata), width=width),
    "fits": lambda idata, width: figures.plot_fits(idata, columns=3 if width > 6 else 1, width=width),
    "slopes": lambda idata, width: figures.plot_slopes(idata, width=width),
    "prior": lambda idata, width: figures.plot_prior_predictive(idata, width=width),
    "posterior": lambda idata, width: figures.plot_posterior_predictive(idata, width=width),
    "ranks": lambda idata, width: figures.plot_ranks(idata, width=width),
}


@cache
def fit(tasks: tuple[str, ...] = ("imagenet", "ms_coco", "my task")) -> Any:
    return synthetic_fit(tasks)


def sheet(name: str, idata: Any, width: float = 8.9) -> Sheet:
    with light():
        found = PICTURES[name](idata, width).get_figure(root=True)
    if name != "answer":
        framed(found, "a title", "Source: here. " * 8)
    return found


@pytest.mark.parametrize("name", ["affordability", "fits", "posterior", "prior"])
def test_marks_and_names_are_where_matplotlib_has_them(name: str) -> None:
    """On logarithmic axes too; places are shares of a panel, as the layout is our own."""
    ours = [panel for panel in sheet(name, fit()).panels() if panel.axison]
    theirs = [ax for ax in PICTURES[name](fit(), 8.9).get_figure(root=True).axes if ax.axison]
    assert len(ours) == len(theirs) > 0
    for panel, ax in zip(ours, theirs, strict=True):
        lines = [mark for _, mark in panel.marks if not mark.text and "fill" not in mark.look]
        assert len(lines) == len(ax.lines)
        for mark, line in zip(lines, ax.lines, strict=True):
            at = ax.transAxes.inverted().transform(line.get_transform().transform(line.get_xydata()))
            np.testing.assert_allclose(np.column_stack(panel.positions(mark)), at, atol=1e-6)
            assert mark.look.get("marker", "") == line.get_marker().replace("None", "")
        assert sum("fill" in mark.look for _, mark in panel.marks) == len(ax.collections)
        assert [mark.text for _, mark in panel.marks if mark.text] == texts(ax)
        for scale, axis in ((panel.x, ax.xaxis), (panel.y, ax.yaxis)):
            assert scale.label == axis.label.get_text()
            assert [label for _, label in scale.ticks] == [each.get_text() for each in axis.get_ticklabels()]
        assert panel.title == ax.get_title(loc="left")


class Boxes:
    """A pen that keeps the box of each text: left, top, right, bottom."""

    def __init__(self) -> None:
        self.found: list[tuple[str, tuple[float, float, float, float]]] = []

    def line(
        self, x: Sequence[float], y: Sequence[float], look: Mapping[str, Any], *, clip: Box | None = None
    ) -> None:
        """Nothing of it."""

    def words(self, x: float, y: float, text: str, size: float, color: str, **look: Any) -> None:
        """Keep each line."""
        for row, part in enumerate(text.split("\n")):
            wide = text_width(part, size, bold=look.get("bold", False))
            start = {"start": 0.0, "middle": 0.5, "end": 1.0}[look.get("anchor", "start")] * wide
            base = y + 1.2 * size * row
            box = x - start, base - 0.7 * size, x - start + wide, base + 0.1 * size
            if look.get("turned"):
                box = x - 0.7 * size, y - wide / 2, x + 0.1 * size, y + wide / 2
            if part:
                self.found.append((part, box))


TASKS = {
    "one": ("imagenet",),
    "twenty": tuple(f"task {number}" for number in range(20)),
    "long": ("a name that is much longer than any panel is wide", "imagenet", "another name of many words"),
}


@pytest.mark.parametrize("width", [8.9, 4.17])
@pytest.mark.parametrize("tasks", TASKS)
@pytest.mark.parametrize("name", PICTURES)
def test_no_text_is_cut_or_covers_another(name: str, tasks: str, width: float) -> None:
    drawn = sheet(name, fit(TASKS[tasks]), width)
    pen = Boxes()
    drawn.draw(pen)
    assert pen.found
    for text, (left, top, right, bottom) in pen.found:
        assert left >= -0.5 and right <= drawn.width + 0.5, text  # noqa: PT018
        assert top >= 0 and bottom <= drawn.height, text  # noqa: PT018
    for (one, a), (other, b) in itertools.combinations(pen.found, 2):
        apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
        assert apart, (one, other)


@pytest.mark.parametrize("name", PICTURES)
def test_names_are_text_and_ids_are_the_pictures_own(name: str) -> None:
    drawn = sheet(name, fit(NASTY))
    svg = figures.to_svg(drawn, name="mine", alt=NASTY[1])  # type: ignore[arg-type]
    assert svg == figures.to_svg(drawn, name="mine", alt=NASTY[1])  # type: ignore[arg-type]
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == '$x_ & "y" ]]>'
    assert {element.tag.removeprefix(_SVG) for element in root.iter()} <= {
        "svg", "path", "text", "clipPath", "rect",
    }  # fmt: skip
    written = [element.text or "" for element in root.iter(f"{_SVG}text")]
    if name not in ("posterior", "ranks"):
        assert any(text.startswith("<script>alert") for text in written)
    ids = Counter(element.get("id") for element in root.iter(f"{_SVG}clipPath"))
    clips = {element.get("clip-path") for element in root.iter() if element.get("clip-path")}
    assert clips == {f"url(#{own})" for own in ids}
    assert all(str(own).startswith("mine-") and count == 1 for own, count in ids.items())
    assert f"var(--fig-ink, {COLORS['ink']})" in svg


def test_the_png_is_the_picture() -> None:
    """A red line drawn across is there, and the paper around it."""
    with light():
        (panel,) = figures.plot_prior_predictive(fit()).get_figure(root=True).panels()  # type: ignore[union-attr]
    panel.plot([0, 1], [0.02, 0.02], transform=panel.transAxes, color="#ff0000", lw=4)
    image = Image.open(io.BytesIO(panel.sheet.png(72))).convert("RGB")
    assert image.size == (round(panel.sheet.width), round(panel.sheet.height))
    left, top, width, height = panel.box
    red, green, _ = image.getpixel((round(left + 0.05 * width), round(top + 0.98 * height)))
    assert red > 200 > 60 > green
    assert min(image.getpixel((1, 1))) > 240
