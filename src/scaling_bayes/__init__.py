"""How much compute, money and carbon a target error needs, by when, and how sure that is.

Public names are imported on first use, so that reading a fitted trace never loads the sampler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling_bayes.citing.cite import cite
    from scaling_bayes.core.priors import Prior
    from scaling_bayes.diagnostics.calibration import summarize_calibration
    from scaling_bayes.diagnostics.checks import checks
    from scaling_bayes.diagnostics.criticism import data_checks
    from scaling_bayes.diagnostics.log_prior import with_log_prior
    from scaling_bayes.diagnostics.scores import load_scorecard, summarize_scores
    from scaling_bayes.diagnostics.verification import verify_trace
    from scaling_bayes.errors import (
        DataError,
        OptionError,
        ScalingBayesError,
        TargetError,
        TraceError,
        WriteError,
    )
    from scaling_bayes.model.evaluate.calibrate import calibrate
    from scaling_bayes.model.evaluate.compare import Comparison, compare
    from scaling_bayes.model.evaluate.scorecard import scorecard
    from scaling_bayes.model.evaluate.stack import stack
    from scaling_bayes.model.fit import fit
    from scaling_bayes.projection.affordability import affordable, summarize_first_year
    from scaling_bayes.projection.decompose import decompose
    from scaling_bayes.projection.largest_machines import meets_largest_run, record_machine_days
    from scaling_bayes.projection.predict import predict
    from scaling_bayes.projection.progress import summarize_progress
    from scaling_bayes.projection.project import project
    from scaling_bayes.projection.required_gain import compare_routes, required_gain, summarize_gain
    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.projection.summarize import summarize_projection
    from scaling_bayes.projection.targets import default_targets
    from scaling_bayes.systems.load import load_systems, reference_systems
    from scaling_bayes.systems.schema import validate_systems
    from scaling_bayes.trace.io import open_trace, save_trace
    from scaling_bayes.trace.releases import list_traces

    __version__: str

__all__ = [
    "Comparison",
    "DataError",
    "OptionError",
    "Prior",
    "ScalingBayesError",
    "Scenario",
    "TargetError",
    "TraceError",
    "WriteError",
    "affordable",
    "calibrate",
    "checks",
    "cite",
    "compare",
    "compare_routes",
    "data_checks",
    "decompose",
    "default_targets",
    "fit",
    "list_traces",
    "load_scorecard",
    "load_systems",
    "meets_largest_run",
    "open_trace",
    "predict",
    "project",
    "record_machine_days",
    "reference_systems",
    "required_gain",
    "save_trace",
    "scorecard",
    "stack",
    "summarize_calibration",
    "summarize_first_year",
    "summarize_gain",
    "summarize_progress",
    "summarize_projection",
    "summarize_scores",
    "validate_systems",
    "verify_trace",
    "with_log_prior",
]

_HOMES = {
    "Comparison": "model.evaluate.compare",
    "DataError": "errors",
    "OptionError": "errors",
    "Prior": "core.priors",
    "ScalingBayesError": "errors",
    "Scenario": "projection.scenario",
    "TargetError": "errors",
    "TraceError": "errors",
    "WriteError": "errors",
    "affordable": "projection.affordability",
    "calibrate": "model.evaluate.calibrate",
    "checks": "diagnostics.checks",
    "cite": "citing.cite",
    "compare": "model.evaluate.compare",
    "compare_routes": "projection.required_gain",
    "data_checks": "diagnostics.criticism",
    "decompose": "projection.decompose",
    "default_targets": "projection.targets",
    "fit": "model.fit",
    "list_traces": "trace.releases",
    "load_scorecard": "diagnostics.scores",
    "load_systems": "systems.load",
    "meets_largest_run": "projection.largest_machines",
    "open_trace": "trace.io",
    "predict": "projection.predict",
    "project": "projection.project",
    "record_machine_days": "projection.largest_machines",
    "reference_systems": "systems.load",
    "required_gain": "projection.required_gain",
    "save_trace": "trace.io",
    "scorecard": "model.evaluate.scorecard",
    "stack": "model.evaluate.stack",
    "summarize_calibration": "diagnostics.calibration",
    "summarize_first_year": "projection.affordability",
    "summarize_gain": "projection.required_gain",
    "summarize_progress": "projection.progress",
    "summarize_projection": "projection.summarize",
    "summarize_scores": "diagnostics.scores",
    "validate_systems": "systems.schema",
    "verify_trace": "diagnostics.verification",
    "with_log_prior": "diagnostics.log_prior",
}


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    value: object
    if name == "__version__":
        from importlib.metadata import version

        value = version("scaling_bayes")
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
