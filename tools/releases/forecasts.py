"""Freeze the forecasts of the current releases as one round of the hub in ``forecasts/``.

``python -m tools.releases.forecasts DAY`` writes the round of that day, ISO 8601; what is there is never
replaced, and must be what the release gives.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from scaling_bayes.archive.hub import export_forecasts, round_file
from scaling_bayes.errors import DataError
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE
from tools.command import checkout_root, exit_code

__all__ = ["HUB", "RELEASES", "freeze", "main"]

HUB: Final = Path("forecasts")
_MONTH: Final = REFERENCE_TRACE.rpartition("-")[2]
#: What forecasts: the releases whose data go to today.
RELEASES: Final = (REFERENCE_TRACE, f"language-{_MONTH}")
YEARS: Final = (2027, 2028)


def freeze(day: str, hub: Path, releases: Sequence[str] = RELEASES) -> Iterator[str]:
    """Write the round of each release that is not there; say what was done.

    Raises
    ------
    DataError
        If a file of that round has other content than the release gives now.
    """
    for name in releases:
        trace = open_trace(name)
        there = round_file(trace, hub, day)
        if not there.exists():
            yield f"wrote {export_forecasts(trace, hub, round_id=day, years=YEARS)}"
            continue
        with tempfile.TemporaryDirectory() as scratch:
            made = export_forecasts(trace, scratch, round_id=day, years=YEARS)
            if there.read_bytes() != made.read_bytes():
                raise DataError(
                    f"{there} is not what {name} gives now. A round is never replaced: keep it, and take "
                    "another day."
                )
        yield f"{there} is what {name} gives"


def main(arguments: Sequence[str] | None = None) -> int:
    """Freeze a round, or check those that are there; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.releases.forecasts", description=__doc__)
    parser.add_argument("day", metavar="DAY", help="day of the forecast, such as 2026-12-01")
    options = parser.parse_args(arguments)

    def work() -> None:
        for sentence in freeze(options.day, checkout_root() / HUB):
            sys.stdout.write(f"{sentence}\n")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
