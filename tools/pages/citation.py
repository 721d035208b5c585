"""``CITATION.cff`` and ``.zenodo.json`` from ``data/works.toml``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scaling_bayes import __version__
from scaling_bayes.citing.styles import cff_reference, yaml
from scaling_bayes.citing.works import load_works, paper_work, software_work

__all__ = ["pages"]

_MESSAGE = "If you use this software, please cite it, and the paper whose analysis it redoes."


def pages(root: Path) -> dict[Path, str]:  # noqa: ARG001 - the facts are those of the package
    """Text of both files."""
    software, paper = software_work(__version__), paper_work()
    entry = load_works()["software"]
    cff: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": _MESSAGE,
        **cff_reference(software),
        "abstract": entry["abstract"],
        "license": entry["licence"],
        "keywords": entry["keywords"],
        "references": [cff_reference(paper)],
    }
    del cff["notes"]
    zenodo = {
        "title": f"{software.title}: {entry['summary']}",
        "description": entry["abstract"],
        "upload_type": "software",
        "version": __version__,
        "creators": [{"name": author.family} for author in software.authors],
        "license": entry["licence"].lower(),
        "keywords": entry["keywords"],
        "related_identifiers": [
            {"identifier": paper.number, "relation": "isDerivedFrom", "scheme": "arxiv"},
        ],
        "references": [f"{paper.title}. {paper.number}"],
    }
    return {
        Path("CITATION.cff"): yaml(cff),
        Path(".zenodo.json"): json.dumps(zenodo, indent=2, ensure_ascii=False) + "\n",
    }
