"""Parameters of which `make test` takes some, and `make test-portable SLOW=1` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def some(values: Iterable[Any], step: int) -> list[Any]:
    """Give the parameters; those between every `step`-th are marked slow."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
        if number % step
        else value
        for number, value in enumerate(values)
    ]
