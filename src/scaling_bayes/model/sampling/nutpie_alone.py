"""nutpie without ArviZ, which it imports for a form of its draws that this package does not ask for."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module that is imported when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def import_nutpie() -> Any:
    """Import nutpie; ArviZ, with matplotlib, only if nutpie takes anything of it.

    A later ``import arviz`` is as ever, and so is nutpie with what it makes of ArviZ.
    """
    if "arviz" not in sys.modules and "nutpie" not in sys.modules:
        later = _Later("arviz")
        later.__spec__ = find_spec("arviz")
        sys.modules["arviz"] = later
        try:
            return importlib.import_module("nutpie")
        except ImportError:  # it takes ArviZ in another way
            pass
        finally:
            if sys.modules.get("arviz") is later:
                del sys.modules["arviz"]
    return importlib.import_module("nutpie")
