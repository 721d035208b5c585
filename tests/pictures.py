"""Pictures left out of reports, or compared but for last digits of coordinates, which a processor decides."""

from __future__ import annotations

import re

import pytest

from scaling_bayes import figures

__all__ = ["leave_undrawn", "leave_unplotted", "same_picture"]

#: Paths are written in tenths of a point; where a value lies between two, the processor decides.
TOLERANCE = 0.11
_ID = re.compile(r'(?<=\bid=")[^"]+')
_NUMBER = re.compile(r"(?<![\w#.-])-?\d+(?:\.\d+)?(?![\w%])")
_TEXT = re.compile(r"(?<=>)[^<>]+(?=</)|(?<=aria-label=\")[^\"]*")


def same_picture(one: str, other: str) -> bool:
    """Compare texts exactly, coordinates within rounding, and ids, which hash coordinates, by their order."""
    first, second = _parts(one), _parts(other)
    return (
        first[:2] == second[:2]
        and len(first[2]) == len(second[2])
        and all(abs(a - b) <= TOLERANCE for a, b in zip(first[2], second[2], strict=True))
    )


def _parts(svg: str) -> tuple[list[str], list[str], list[float]]:
    """Texts; markup without coordinates; coordinates."""
    for place, name in enumerate(dict.fromkeys(_ID.findall(svg))):
        svg = svg.replace(name, f"id{place}")
    texts, markup = _TEXT.findall(svg), _TEXT.sub("", svg)
    return texts, _NUMBER.split(markup), [float(number) for number in _NUMBER.findall(markup)]


def leave_undrawn(patch: pytest.MonkeyPatch) -> None:
    """Let pictures of reports be plotted, but not written as SVG."""

    def nothing(figure: object, *, name: str, alt: str) -> str:
        return f"<svg id='{name}'/>"

    patch.setattr("scaling_bayes.figures.to_svg", nothing)


def leave_unplotted(patch: pytest.MonkeyPatch) -> None:
    """Let reports have no pictures."""
    leave_undrawn(patch)
    patch.setattr("scaling_bayes.report.drawing._files", lambda *_: ())
    patch.setattr("scaling_bayes.figures.style.framed", lambda *_: None)
    for name in figures.__all__:
        if name.startswith("plot_"):
            patch.setattr(figures, name, lambda *_, **__: None)
