"""How much compute, money and carbon a target error needs, by when, and how sure that is.

Public names are imported on first use, so that reading a fitted trace never loads the sampler. The one list
of them, with their homes, is ``__init__.pyi``, which type checkers read too.
"""

from __future__ import annotations

import sys
from importlib import import_module


def _homes() -> dict[str, str]:
    """Public names and the module of each, from the stub beside this file."""
    lines = __loader__.get_data(f"{__file__}i").decode().splitlines()
    imports = (line.split() for line in lines if line.startswith("from "))
    return dict(sorted((words[-1], words[1]) for words in imports))


_HOMES = _homes()
__all__ = list(_HOMES)

#: Names of earlier versions, and what does the same now.
_RENAMED = {
    "affordable": 'affordability(project(trace, targets, years="yearly", scenario="trend"), budget_usd=...)',
    "meets_largest_run": 'largest_run_year(project(trace, targets, years="yearly", scenario="trend"))',
    "record_machine_days": 'record_machine_time(project(trace, targets, years, scenario="trend"))',
    "summarize_calibration": "summary(calibration)",
    "summarize_first_year": "summary(answer)",
    "summarize_gain": "summary(gain)",
    "summarize_progress": "summary(trace)",
    "summarize_projection": "summary(projection)",
    "summarize_scores": "summary(scores, by=...)",
    "with_log_prior": "add_log_prior(trace)",
}


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562).

    Raises
    ------
    AttributeError
        If there is no such name; of one that was renamed it says the new one.
    ImportError
        The same of a renamed one, for ``from scaling_bayes import ...``, which would not pass it on.
    """
    value: object
    if name == "__version__":
        from importlib.metadata import version

        value = version("scaling_bayes")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _RENAMED:
        caller = sys._getframe(1).f_globals.get("__name__")  # noqa: SLF001
        error = ImportError if caller == "importlib._bootstrap" else AttributeError
        raise error(f"{__name__}.{name} is now {_RENAMED[name]}.")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
