"""Whether two SVG pictures are the same but for the last digits of coordinates, which a processor decides."""

from __future__ import annotations

import re

__all__ = ["same_picture"]

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
