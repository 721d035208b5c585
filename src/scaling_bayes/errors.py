"""One exception class per kind of mistake, all derived from `ScalingBayesError`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_LISTED_PROBLEMS = 20


class ScalingBayesError(Exception):
    """Base class of every error this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a table."""

    #: Line number in the file (the header is line 1) for a file, index label for a frame, None when the
    #: problem is not in one row.
    row: int | str | None
    #: Column name, None when the problem is not in one column.
    column: str | None
    #: What stands there.
    found: str
    #: What should stand there, and what to do about it.
    expected: str

    def __str__(self) -> str:
        """Render as ``row 3, column 'error': found 1.2; expected ...``."""
        place = ", ".join(
            part
            for part in (
                "" if self.row is None else f"row {self.row}",
                "" if self.column is None else f"column '{self.column}'",
            )
            if part
        )
        return f"{place + ': ' if place else ''}found {self.found}; expected {self.expected}"


class DataError(ScalingBayesError):
    """A table cannot be used as it stands.

    Parameters
    ----------
    message : str
        One sentence saying what cannot be used and, where known, the file's name.
    problems : sequence of Problem
        Everything found wrong. All are kept in ``problems``; the text lists the first 20.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems: list[Problem] = list(problems)

    def __reduce__(self) -> tuple[type[DataError], tuple[str, list[Problem]]]:
        """Keep the problems when the error crosses a process boundary."""
        return type(self), (self.message, self.problems)

    def __str__(self) -> str:
        """List the first problems, then the number left out."""
        lines = [self.message]
        lines += [f"  - {problem}" for problem in self.problems[:MAX_LISTED_PROBLEMS]]
        left_out = len(self.problems) - MAX_LISTED_PROBLEMS
        if left_out > 0:
            lines.append(f"  ... and {left_out} more")
        return "\n".join(lines)


class OptionError(ScalingBayesError):
    """An option or argument has a value the package cannot work with."""


class TargetError(ScalingBayesError):
    """A target error lies where the law cannot be evaluated."""


class TraceError(ScalingBayesError):
    """A stored fit is missing, damaged, or does not belong to what it is used for."""


class WriteError(ScalingBayesError):
    """A file cannot be written; what stood under its name stays."""
