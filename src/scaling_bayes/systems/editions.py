"""Editions of the table of systems: each stays as released, the newest is rebuilt from the hand-kept tables.

A fit takes the edition it was released with, so that its rows keep their values whatever is corrected later.
"""

from __future__ import annotations

from typing import Final

from scaling_bayes.errors import OptionError

#: Editions as they were released; their files are never written again.
FROZEN_EDITIONS: Final = ("2026.11",)
#: The edition the hand-kept tables give, ``data/systems.csv``.
LATEST_EDITION: Final = "2026.12"
EDITIONS: Final = (*FROZEN_EDITIONS, LATEST_EDITION)
#: The edition that `load_systems`, `reference_systems` and so `fit` take when none is named.
DEFAULT_EDITION: Final = LATEST_EDITION


def edition_table(edition: str | None = None) -> str:
    """Name of an edition's table inside ``data/``, without its ending.

    Raises
    ------
    OptionError
        If there is no such edition.
    """
    chosen = DEFAULT_EDITION if edition is None else edition
    if chosen not in EDITIONS:
        raise OptionError(f"edition={edition!r} is not known; expected one of {', '.join(EDITIONS)}.")
    return "systems" if chosen == LATEST_EDITION else f"editions/systems-{chosen}"
