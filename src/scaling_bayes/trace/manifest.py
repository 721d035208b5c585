"""The manifest of a stored posterior, held to what one states: options, priors, settings, data, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.options import STACK, ModelOptions, SamplerOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.errors import OptionError, TraceError
from scaling_bayes.systems.units import LONGEST_NAME
from scaling_bayes.trace.schema import (
    CALIBRATION_KIND,
    DERIVABLE_GROUPS,
    EXPERIMENTS,
    FIT_KIND,
    HARDWARE_KIND,
)

#: How near shares must add up to 1.
_ROUNDING: Final = 1e-9
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_VERSION: Final = 300
#: Entries of the manifest of every kind, and their types.
_ENTRIES: Final[Mapping[str, type]] = MappingProxyType(
    {"priors": dict, "sampler": dict, "data": dict, "versions": dict}
)


def check_manifest(content: Mapping[str, Any], kind: str) -> None:
    """Refuse a manifest that is not one of its kind."""
    entries = _ENTRIES if kind == HARDWARE_KIND else {**_ENTRIES, "model": dict}
    if kind == CALIBRATION_KIND and content.get("experiment") not in EXPERIMENTS:
        raise TraceError(
            f"manifest: found experiment = {content.get('experiment')!r:.80}; expected one of "
            f"{', '.join(EXPERIMENTS)}."
        )
    for name, expected in entries.items():
        if not isinstance(content.get(name), expected):
            raise TraceError(f"manifest: found {name} = {content.get(name)!r:.80}; expected a JSON object.")
    settings = {name: value for name, value in content["sampler"].items() if name != "name"}
    try:
        SamplerOptions(**settings)
    except (OptionError, TypeError) as error:
        raise TraceError(f"manifest: found sampler = {settings!r:.200}; {error}") from None
    if "model" in entries:
        try:
            ModelOptions(**content["model"])
        except (OptionError, TypeError) as error:
            raise TraceError(
                f"manifest: found model = {content['model']!r:.80}; {error} A later release of scaling_bayes "
                "may know it."
            ) from None
    dict(stated_priors(content))
    _check_facts(content)
    is_stack = kind == FIT_KIND and content["model"]["law"] == STACK
    if is_stack:
        _check_stack(content.get("stack"))
    # A stack's draws of the prior are those of its fits.
    _check_derived(content.get("derived", {}), DERIVABLE_GROUPS[is_stack:] if kind == FIT_KIND else ())


def _check_facts(content: Mapping[str, Any]) -> None:
    """Refuse data, versions and times in another form than a manifest has them."""
    sha256 = content["data"].get("sha256")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise TraceError(f"manifest: found data.sha256 = {sha256!r:.80}; expected 64 hexadecimal digits.")
    source = content["data"].get("source", "")
    if not isinstance(source, str):
        raise TraceError(f"manifest: found data.source = {source!r:.80}; expected text.")
    unit = content["data"].get("unit", "FLOP")
    if not isinstance(unit, str) or not unit.isprintable() or not 0 < len(unit) <= LONGEST_NAME:
        raise TraceError(f"manifest: found data.unit = {unit!r:.80}; expected the name of a unit of compute.")
    for name in ("n_systems", "n_points", "n_offers"):
        count = content["data"].get(name, 0)
        if type(count) is not int or count < 0:
            raise TraceError(f"manifest: found data.{name} = {count!r:.80}; expected a whole number.")
    for name, version in content["versions"].items():
        if not isinstance(version, str) or len(version) > _LONGEST_VERSION:
            raise TraceError(
                f"manifest: found versions.{name:.80} = {version!r:.80}; expected text of a version."
            )
    before = content.get("before")
    if before is not None and type(before) not in (int, float):
        raise TraceError(f"manifest: found before = {before!r:.80}; expected a year or null.")


def _check_derived(derived: object, known: tuple[str, ...]) -> None:
    if not isinstance(derived, dict) or not all(
        name in known and type(mean) in (int, float) for name, mean in derived.items()
    ):
        raise TraceError(
            f"manifest: found derived = {derived!r:.80}; expected means of {', '.join(known) or 'no group'}."
        )


def _check_stack(stack: object) -> None:
    parts = (
        [stack.get(name) for name in ("weights", "laws", "digests")] if isinstance(stack, dict) else [None]
    )
    if not all(isinstance(part, dict) and part and set(part) == set(parts[0] or ()) for part in parts):
        raise TraceError("manifest: expected stack with weights, laws and digests of the same fits.")
    assert isinstance(stack, dict)
    numbers = stack["weights"].values()
    if not all(type(number) in (int, float) and 0 <= number <= 1 for number in numbers) or not (
        abs(sum(numbers) - 1) < _ROUNDING
    ):
        raise TraceError("manifest: found stack.weights that are no shares of 1; expected those.")
    laws = list(stack["laws"].values())
    if any(law not in LAWS for law in laws) or len(set(laws)) != len(laws):
        raise TraceError(
            f"manifest: found stack.laws = {laws!r:.80}; expected different ones of {', '.join(LAWS)}."
        )
    if not all(isinstance(value, str) and _SHA256.fullmatch(value) for value in stack["digests"].values()):
        raise TraceError(
            "manifest: found stack.digests of another form; expected 64 hexadecimal digits each."
        )
    if not isinstance(stack.get("leave_out", ""), str):
        raise TraceError("manifest: found stack.leave_out that is no text; expected text.")


def stated_priors(content: Mapping[str, Any]) -> Iterator[tuple[str, Prior]]:
    """Priors that a manifest states, by name."""
    for name, entry in content["priors"].items():
        try:
            yield name, Prior(**entry)
        except (OptionError, TypeError, OverflowError) as error:
            raise TraceError(
                f"manifest: found priors.{name:.80} = {entry!r:.80}; expected a family and its finite "
                f"parameters ({error})."
            ) from None
