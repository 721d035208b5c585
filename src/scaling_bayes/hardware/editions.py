"""Editions of the hardware tables: which rows, corrections and flags hold in which.

A released posterior states points that must stay obtainable, and tables go on being corrected. So a row says
since which edition it holds, a correction stands in a table of its own beside what was reported, and a reader
asks for an edition.
"""

from __future__ import annotations

from scaling_bayes.errors import OptionError

#: In order. 2026.11: what the posterior hardware-2026.11 was fitted to. 2026.12: corrected after the audit of
#: November 2026, with accelerators, runs and systems until July 2026.
EDITIONS = ("2026.11", "2026.12")

#: The edition that is read where none is asked for, that of the released hardware posterior.
EDITION = EDITIONS[-1]


def check_edition(edition: str) -> None:
    """Refuse an edition that does not exist."""
    if edition not in EDITIONS:
        raise OptionError(f"no edition {edition!r} of the hardware tables; there are {', '.join(EDITIONS)}")


def holds(since: str, edition: str) -> bool:
    """Whether what holds since one edition holds in another."""
    return EDITIONS.index(since) <= EDITIONS.index(edition)
