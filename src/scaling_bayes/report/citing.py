"""Section on how to cite the fit, with what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.citing.styles import STYLES, apa
from scaling_bayes.report.blocks import Cell, Details, FactsPart, Link, Section, TextPart

if TYPE_CHECKING:
    from scaling_bayes.citing.works import Work
    from scaling_bayes.report.facts import Facts

_FORMS = {"bibtex": "BibTeX", "csl-json": "CSL-JSON", "cff": "Citation File Format"}


def citations(facts: Facts) -> dict[str, str]:
    """Return what to cite, as text in each style of `scaling_bayes.cite`."""
    return {style: write(facts.works) for style, write in STYLES.items()}


def citation_section(facts: Facts) -> Section:
    """How to cite this fit, the software, the paper, the data and their sources."""
    works, written = facts.works, citations(facts)
    names = ["this fit", "software", *map(_name, works[2:])]
    items = tuple((name, _reference(work)) for name, work in zip(names, works, strict=True))
    return Section(
        "cite",
        "How to cite",
        "Cite",
        (
            TextPart(
                "Cite the fit by its digest, which leads to its exact draws, together with the software, "
                "the paper whose analysis it redoes, and the data."
            ),
            FactsPart(items),
            *(Details(label, (TextPart(written[style], "code"),)) for style, label in _FORMS.items()),
        ),
    )


def _name(work: Work) -> str:
    if work.journal:
        return "paper"
    return "source" if work.url else "data"


def _reference(work: Work) -> Cell:
    text = apa([work]).strip()
    address = f"https://doi.org/{work.doi}" if work.doi else work.url
    return Link(text.removesuffix(address).strip(), address) if address else text
