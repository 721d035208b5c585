"""The examples in docstrings give what they show.

As tests, and not by pytest's ``--doctest-modules``, which takes seconds to look through every module.
"""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHOWN = [
    ".".join(path.relative_to(root).with_suffix("").parts)
    for root, package in ((ROOT / "src", "scaling_bayes"), (ROOT, "tools"))
    for path in sorted((root / package).rglob("*.py"))
    if "\n    >>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", SHOWN)
def test_examples_give_what_they_show(name: str) -> None:
    failed, tried = doctest.testmod(
        import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert tried > 0
    assert failed == 0
