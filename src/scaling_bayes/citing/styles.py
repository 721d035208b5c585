"""Works written as BibTeX, CSL-JSON, APA text and CFF."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from scaling_bayes.citing.works import Author, Work

_MESSAGE = "Cite the trace together with the software, the data and their sources."
_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_CFF_TYPES = {"dataset": "data", "software": "software", "article": "article"}
_CSL_TYPES = {"dataset": "dataset", "software": "software", "article": "article"}


def bibtex(works: Sequence[Work]) -> str:
    """One ``@misc`` entry per work, which every BibTeX style knows."""
    entries = []
    for work in works:
        fields = {
            "title": f"{{{_tex(work.title)}}}",
            "author": " and ".join(map(_tex_author, work.authors)),
            "year": work.date[:4],
            "version": _tex(work.version),
            "howpublished": _tex(_what(work)),
            "doi": _tex(work.doi),
            "url": work.url,
            "note": _tex(_note(work)),
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        entries.append("\n".join([f"@misc{{{work.key},", *lines, "}"]))
    return "\n\n".join(entries) + "\n"


def csl_json(works: Sequence[Work]) -> str:
    """Write a CSL-JSON array, as reference managers read it."""
    items = []
    for work in works:
        item = {
            "id": work.key,
            "type": _CSL_TYPES[work.kind],
            "title": work.title,
            "author": [
                {"family": author.family, "given": author.given}
                if author.given
                else {"literal": author.family}
                for author in work.authors
            ],
            "issued": {"date-parts": [[int(part) for part in work.date.split("-")]]} if work.date else None,
            "version": work.version,
            "DOI": work.doi,
            "URL": work.url,
            "container-title": work.journal,
            "number": work.number,
            "note": _note(work),
        }
        items.append({name: value for name, value in item.items() if value})
    return json.dumps(items, indent=2, ensure_ascii=False) + "\n"


def apa(works: Sequence[Work]) -> str:
    """Plain text in APA style, one line per work."""
    lines = []
    for work in works:
        names = [_apa_author(author) for author in work.authors]
        authors = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, & {names[-1]}"
        version = f" (Version {work.version})" if work.version else ""
        what = {"dataset": " [Data set]", "software": " [Computer software]", "article": ""}[work.kind]
        where = f" {work.number or work.journal}." if work.number or work.journal else ""
        note = f" {work.note}." if work.note else ""
        address = f" https://doi.org/{work.doi}" if work.doi else f" {work.url}" if work.url else ""
        stop = "" if authors.endswith(".") else "."
        lines.append(
            f"{authors}{stop} ({work.date[:4] or 'n.d.'}). {work.title}{version}{what}.{where}{note}{address}"
        )
    return "\n".join(lines) + "\n"


def cff(works: Sequence[Work]) -> str:
    """Citation File Format 1.2.0: the first work, with the others as its references."""
    first, *others = works
    document = {
        "cff-version": "1.2.0",
        "message": _MESSAGE,
        "type": "software" if first.kind == "software" else "dataset",
        **{name: value for name, value in cff_reference(first).items() if name != "type"},
        "references": [cff_reference(work) for work in others],
    }
    return yaml(document)


def cff_reference(work: Work) -> dict[str, Any]:
    """One work as an entry of a CFF document."""
    entry: dict[str, Any] = {
        "type": _CFF_TYPES[work.kind],
        "title": work.title,
        "authors": [
            {"family-names": author.family, "given-names": author.given}
            if author.given
            else {"name": author.family}
            for author in work.authors
        ],
        "version": work.version,
        "doi": work.doi,
        "url": work.url,
        "journal": work.journal,
        "identifiers": [{"type": "other", "value": work.number}] if work.number else None,
        "notes" if work.kind != "dataset" or work.url else "abstract": _note(work),
    }
    if len(work.date) == 10:
        entry["date-released"] = work.date
    elif work.date:
        entry["year"] = int(work.date)
    return {name: value for name, value in entry.items() if value}


def yaml(value: Any, depth: int = 0) -> str:
    """Write plain dicts, lists, texts and numbers as YAML; texts are JSON strings, which YAML reads too."""
    space = "  " * depth
    lines = []
    for name, entry in value.items():
        if isinstance(entry, dict):
            lines += [f"{space}{name}:", yaml(entry, depth + 1).rstrip("\n")]
        elif isinstance(entry, list):
            lines.append(f"{space}{name}:")
            for item in entry:
                text = yaml(item, depth + 2).strip() if isinstance(item, dict) else _scalar(item)
                lines.append(f"{space}  - {text}")
        else:
            lines.append(f"{space}{name}: {_scalar(entry)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _what(work: Work) -> str:
    return {"dataset": "Data set", "software": "Software", "article": work.number or work.journal}[work.kind]


def _note(work: Work) -> str:
    return ". ".join(part for part in (work.note, f"Licence: {work.licence}" if work.licence else "") if part)


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in text)


def _tex_author(author: Author) -> str:
    return f"{_tex(author.family)}, {_tex(author.given)}" if author.given else f"{{{_tex(author.family)}}}"


def _apa_author(author: Author) -> str:
    if not author.given:
        return author.family
    return f"{author.family}, {' '.join(f'{name[0]}.' for name in author.given.split())}"


STYLES: Final[dict[str, Callable[[Sequence[Work]], str]]] = {
    "bibtex": bibtex,
    "csl-json": csl_json,
    "apa": apa,
    "cff": cff,
}
