"""Run the notebooks once and store them with their outputs, for the site.

``python -m tools.notebooks [NAME ...]`` runs ``notebooks/NAME.py``, all by default, on the released
reference fit where they would sample the same one, and writes ``docs/notebooks/NAME.ipynb``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from scaling_bayes.trace.releases import REFERENCE_TRACE

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "notebooks"
STORED = ROOT / "docs" / "notebooks"
#: Notebooks of the straight lines of 2020, which the first release had too.
LINES = {"02_thompson2020", "03_hierarchical_model"}
_DROPPED = {"application/vnd.jupyter.widget-view+json", "application/javascript", "text/latex"}


def source(name: str) -> nbformat.NotebookNode:
    """Read a notebook from its script, with cells numbered."""
    notebook = jupytext.read(SOURCES / f"{name}.py")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key == "tags"}
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    return notebook


def run(notebook: nbformat.NotebookNode, trace: str) -> nbformat.NotebookNode:
    """Execute every cell and keep of the outputs what a page shows."""
    os.environ["NOTEBOOK_TRACE"] = trace
    metadata = dict(notebook["metadata"])
    NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(SOURCES)}}).execute()
    notebook["metadata"] = metadata
    for cell in notebook.cells:
        cell["metadata"].pop("execution", None)
        for output in cell.get("outputs", []):
            for kind in _DROPPED & set(output.get("data", {})):
                del output["data"][kind]
            if "image/png" in output.get("data", {}):
                output["data"].pop("text/plain", None)
    return notebook


def main() -> None:
    """Run and store the notebooks named, or all."""
    names = sys.argv[1:] or sorted(path.stem for path in SOURCES.glob("*.py"))
    for name in names:
        notebook = run(source(name), "reference-2026.11" if name in LINES else REFERENCE_TRACE)
        path = STORED / f"{name}.ipynb"
        unfinished = path.with_suffix(".unfinished")
        nbformat.write(notebook, unfinished)
        unfinished.replace(path)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
