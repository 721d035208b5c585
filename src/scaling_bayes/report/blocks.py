"""What a report is made of: typed parts, with no HTML and nothing computed in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Power:
    """A power of ten, by its exponent; ``inf`` is unreachable."""

    kind: ClassVar[str] = "power"
    exponent: float


@dataclass(frozen=True)
class PowerInterval:
    """Powers of ten: median (None where only the ends are shown) and interval, by their exponents."""

    kind: ClassVar[str] = "power_interval"
    median: float | None
    lower: float
    upper: float

    @property
    def unreachable(self) -> bool:
        """Whether no end of the interval, nor its median, is reached by any compute."""
        return all(end == math.inf for end in (self.median, self.lower, self.upper) if end is not None)


@dataclass(frozen=True)
class Link:
    """Text that leads to an address; an address that is not http(s) is shown as text only."""

    kind: ClassVar[str] = "link"
    text: str
    url: str


@dataclass(frozen=True)
class Status:
    """Whether something holds, in words and colour."""

    kind: ClassVar[str] = "status"
    passed: bool


@dataclass(frozen=True)
class Words:
    """A text, and a smaller one under it."""

    kind: ClassVar[str] = "words"
    text: str
    note: str = ""


Cell = str | Power | PowerInterval | Link | Status | Words


@dataclass(frozen=True)
class Column:
    """One column of a table: its header, a second line under it, and whether it holds numbers."""

    header: str
    note: str = ""
    numeric: bool = False
    grows: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a caption that says what the numbers are; the first column names the row."""

    kind: ClassVar[str] = "table"
    #: What the table holds; with intervals, their convention.
    caption: str
    #: In order.
    columns: tuple[Column, ...]
    #: One cell per column. A row whose first cell is empty belongs to the one above.
    rows: tuple[tuple[Cell, ...], ...]
    #: Positions of rows that are shown grey.
    muted: tuple[int, ...] = ()


@dataclass(frozen=True)
class FigurePart:
    """A picture, in a wide and a narrow form."""

    kind: ClassVar[str] = "figure"
    #: Unique in the report.
    name: str
    #: What to see, and how to read it.
    caption: str
    #: Inline SVG, with alternative text inside.
    wide: str
    narrow: str
    #: Name and data address of each form in which it can be taken away.
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FailurePart:
    """A picture or another optional part that could not be made, and why."""

    kind: ClassVar[str] = "failure"
    name: str
    title: str
    reason: str
    what: str = "Figure not drawn"


@dataclass(frozen=True)
class TextPart:
    """A paragraph; `lead` for the one under a title, `code` for text to copy."""

    kind: ClassVar[str] = "text"
    text: str
    style: str = "plain"


@dataclass(frozen=True)
class ListPart:
    """A list of short paragraphs; what stands between double asterisks begins them."""

    kind: ClassVar[str] = "list"
    items: tuple[str, ...]


@dataclass(frozen=True)
class FactsPart:
    """Pairs of a name and a value; `compact` where values are short."""

    kind: ClassVar[str] = "facts"
    items: tuple[tuple[str, Cell], ...]
    compact: bool = False


@dataclass(frozen=True)
class Details:
    """Parts that open on demand."""

    kind: ClassVar[str] = "details"
    summary: str
    parts: tuple[Part, ...]


Part = Table | FigurePart | FailurePart | TextPart | ListPart | FactsPart | Details


@dataclass(frozen=True)
class Section:
    """A heading with its parts; `anchor` is its id in the page, `short` its name in the contents."""

    anchor: str
    heading: str
    short: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title : str
        The finding.
    lead : str
        The same in other years, and what its interval is.
    status : tuple of str
        Checks, data, law, scenario and date.
    warning : tuple of str, optional
        What must be said before any number where a check failed, and which did.
    sections : tuple of Section
        In order; the first is the answer.
    annex : tuple of Section
        What stands folded below.
    numbers : dict
        Everything the report states, as plain JSON values.
    projection : DataFrame
        The projection's summary, from `summary`.
    failures : tuple of FailurePart
        Pictures that could not be drawn.
    """

    title: str
    lead: str
    status: tuple[str, ...]
    warning: tuple[str, str] | None
    sections: tuple[Section, ...]
    annex: tuple[Section, ...]
    numbers: dict[str, Any]
    projection: pd.DataFrame
    failures: tuple[FailurePart, ...] = field(default=())
