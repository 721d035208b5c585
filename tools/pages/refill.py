"""How the generated tables of a documentation page are written and refilled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scaling_bayes.errors import DataError, Problem

__all__ = ["fill_blocks", "filled", "markdown_table"]

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; vertical bars in cells are escaped."""
    lines = (header, ["---"] * len(header), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def fill_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """A page with its generated blocks refilled.

    Parameters
    ----------
    text : str
        The page; a block stands between ``<!-- generated: name -->`` and ``<!-- end -->``.
    blocks : mapping
        Content of each block.

    Raises
    ------
    DataError
        If the page lacks a block, has one of another name, or one twice.
    """
    found = sorted(match[2] for match in _BLOCK.finditer(text))
    if found != sorted(blocks):
        raise DataError(
            "the page cannot be filled",
            [Problem(None, None, f"generated blocks {found}", f"each of {sorted(blocks)} once")],
        )
    return _BLOCK.sub(lambda match: f"{match[1]}\n{blocks[match[2]]}\n{match[3]}", text)


def filled(root: Path, page: Path, blocks: Mapping[str, str]) -> dict[Path, str]:
    """Text of a page of a checkout with its generated blocks refilled, by its path.

    Raises
    ------
    DataError
        If the page has other blocks.
    """
    try:
        return {page: fill_blocks((root / page).read_text(encoding="utf-8"), blocks)}
    except DataError as error:
        raise DataError(f"{page} cannot be filled", error.problems) from None
