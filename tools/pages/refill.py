"""How the generated tables of a documentation page are written and refilled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from scaling_bayes.errors import DataError, Problem

__all__ = ["fill_blocks", "markdown_table"]

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; vertical bars in cells are escaped."""
    lines = (header, ["---"] * len(header), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def fill_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """A page with the named blocks refilled; its other blocks stay.

    Parameters
    ----------
    text : str
        The page; a block stands between ``<!-- generated: name -->`` and ``<!-- end -->``.
    blocks : mapping
        New content of each block.

    Raises
    ------
    DataError
        If the page lacks one of the blocks.
    """
    missing = sorted(set(blocks) - {match[2] for match in _BLOCK.finditer(text)})
    if missing:
        raise DataError(
            "the page cannot be filled",
            [Problem(None, None, f"no block {name}", f"<!-- generated: {name} -->") for name in missing],
        )

    def refilled(match: re.Match[str]) -> str:
        return f"{match[1]}\n{blocks[match[2]]}\n{match[3]}" if match[2] in blocks else match[0]

    return _BLOCK.sub(refilled, text)
