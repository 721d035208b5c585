"""Editions of the table of systems: each stays as released, the newest is rebuilt from the hand-kept tables.

A fit takes the edition it was released with, so that its rows keep their values whatever is corrected later.
"""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "DEFAULT_EDITION",
    "EDITIONS",
    "FROZEN_EDITIONS",
    "LATEST_EDITION",
    "check_frozen",
    "edition_table",
]

#: Editions as they were released; their files are never written again.
FROZEN_EDITIONS: Final = ("2026.11",)
#: The edition the hand-kept tables give, ``data/systems.csv``.
LATEST_EDITION: Final = "2026.12"
EDITIONS: Final = (*FROZEN_EDITIONS, LATEST_EDITION)
#: The edition that `load_systems`, `reference_systems` and so `fit` take when none is named. The released
#: traces rest on it: another one makes other fits.
DEFAULT_EDITION: Final = "2026.11"


def edition_table(edition: str | None = None) -> str:
    """Name of an edition's table inside ``data/``, without its ending.

    Parameters
    ----------
    edition : str, optional
        One of `EDITIONS`; `DEFAULT_EDITION` when not given.

    Raises
    ------
    OptionError
        If there is no such edition.
    """
    chosen = DEFAULT_EDITION if edition is None else edition
    if chosen not in EDITIONS:
        raise OptionError(f"edition={edition!r} is not known; expected one of {', '.join(EDITIONS)}.")
    return "systems" if chosen == LATEST_EDITION else f"editions/systems-{chosen}"


def check_frozen(data: Path | None = None) -> None:
    """Hold every frozen edition against the SHA-256 its sidecar states.

    Parameters
    ----------
    data : Path, optional
        Folder with ``editions/``; the package's own when not given.

    Raises
    ------
    DataError
        If a frozen table is not what was released.
    """
    problems = []
    for edition in FROZEN_EDITIONS:
        name = edition_table(edition)
        table, about = (
            data_path(f"{name}{ending}") if data is None else data / f"{name}{ending}"
            for ending in (".csv", ".meta.toml")
        )
        stated = tomllib.loads(about.read_text(encoding="utf-8"))["sha256"]
        found = hashlib.sha256(table.read_bytes()).hexdigest()
        if found != stated:
            problems.append(
                Problem(None, None, f"{table.name} with SHA-256 {found}", f"{stated}, as released")
            )
    if problems:
        raise DataError("a frozen edition was changed; take it back from the repository", problems)
