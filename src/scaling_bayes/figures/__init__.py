"""How a fit looks: one function per picture, each from a tree or a tidy frame to a matplotlib figure.

No function keeps global state: figures are made without pyplot, and styles hold for the call only. Pictures
of one panel (`plot_prior_predictive`, `plot_projections`, `plot_slopes`) draw on ``ax``
if it is given and return the Axes; those of several panels make a figure of their own and return the Figure.
Each is imported when it is first asked for; where it is stands in ``__init__.pyi``. Matplotlib is imported
when it draws: reports draw the same pictures on light sheets (`sheet.light`), without it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

_LINES = map(str.split, Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8").splitlines())
_HOMES = dict(sorted((words[-1], words[1]) for words in _LINES if words[:1] == ["from"]))
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
