"""Write ``CITATION.cff`` and ``.zenodo.json`` from ``data/works.toml``.

``python -m tools.pages.citation`` writes both at the root of a source checkout.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from scaling_bayes.citing.styles import cff_reference, yaml
from scaling_bayes.citing.works import load_works, paper_work, software_work
from scaling_bayes.errors import ScalingBayesError
from scaling_bayes.files import write_text
from scaling_bayes.resources import checkout_root

__all__ = ["main", "software_files"]

_MESSAGE = "If you use this software, please cite it, and the paper whose analysis it redoes."


def software_files(version: str) -> dict[str, str]:
    """Text of each file by name, for a version of the software."""
    software, paper = software_work(version), paper_work()
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
        "version": version,
        "creators": [{"name": author.family} for author in software.authors],
        "license": entry["licence"].lower(),
        "keywords": entry["keywords"],
        "related_identifiers": [
            {"identifier": paper.number, "relation": "isDerivedFrom", "scheme": "arxiv"},
        ],
        "references": [f"{paper.title}. {paper.number}"],
    }
    return {
        "CITATION.cff": yaml(cff),
        ".zenodo.json": json.dumps(zenodo, indent=2, ensure_ascii=False) + "\n",
    }


def main() -> int:
    """Write the files; return the exit code."""
    from scaling_bayes import __version__

    try:
        root = checkout_root()
        for name, text in software_files(__version__).items():
            write_text(root / name, text)
    except ScalingBayesError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
