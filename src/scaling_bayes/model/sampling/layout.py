"""The model for nutpie without PyMC: its coordinates laid out as numbers for the kernel.

`scaling_bayes.model.build` is the definition. Coordinates are those of its free variables, in the order in
which it makes them, under PyMC's transforms: positive variables by their log, those between two ends by the
log odds of their share of the way, deviations that sum to zero by one coordinate less than there are tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.parameters import POOLED
from scaling_bayes.core.priors import DRIFT_SHAPE, Prior
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.rows import kinds_of, known_steps, lowest_error, steps_of
from scaling_bayes.systems.counts import COUNTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.core.observations import Observations

    Floats = NDArray[np.float64]

_UNBOUNDED = ("Normal", "StudentT")
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def is_fast(priors: Mapping[str, Prior]) -> bool:
    """Whether the kernel has this model; PyMC has every one."""
    if "floor_offset" in priors and priors["floor_offset"].family != "Normal":
        return False
    if "floor_logit" in priors and priors["floor_logit"].family not in _UNBOUNDED:
        return False
    return all(prior.family in _DENSITIES for prior in priors.values())


@dataclass(frozen=True)
class _Density:
    """Density of one coordinate's value, as the kernel takes it, and the coordinate to begin near."""

    code: int
    constant: float
    start: float
    a: float = 0.0
    b: float = 1.0
    degrees: float = 1.0
    transform: int = kernel.AS_IS
    ends: tuple[float, float] = (0.0, 1.0)
    #: Coordinate of the scale of what is sampled times it, or -1.
    scale_of: int = -1
    #: How far from `start` to begin at most.
    width: float = 1.0

    @property
    def prior(self) -> tuple[float, float, float, float]:
        width = self.ends[1] - self.ends[0] if self.transform == kernel.BETWEEN else 1.0
        return self.a, self.b, self.degrees, self.constant + math.log(width)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _normal(mu: float, sigma: float) -> _Density:
    return _Density(kernel.NORMAL, -_LOG_ROOT_2PI - math.log(sigma), mu, mu, sigma)


def _student_t(nu: float, mu: float, sigma: float) -> _Density:
    constant = -_log_beta(0.5, 0.5 * nu) - 0.5 * math.log(nu) - math.log(sigma)
    return _Density(kernel.STUDENT_T, constant, mu, mu, sigma, nu)


def _uniform(lower: float, upper: float) -> _Density:
    return _Density(kernel.FLAT, -math.log(upper - lower), 0.0, transform=kernel.BETWEEN, ends=(lower, upper))


def _half_normal(sigma: float) -> _Density:
    constant = math.log(2.0) - _LOG_ROOT_2PI - math.log(sigma)
    return _Density(kernel.NORMAL, constant, math.log(sigma), 0.0, sigma, transform=kernel.LOG)


def _half_student_t(nu: float, sigma: float) -> _Density:
    constant = math.log(2.0) + _student_t(nu, 0.0, sigma).constant
    return _Density(kernel.STUDENT_T, constant, math.log(sigma), 0.0, sigma, nu, kernel.LOG)


def _log_normal(mu: float, sigma: float) -> _Density:
    constant = -_LOG_ROOT_2PI - math.log(sigma)
    return _Density(kernel.LOG_NORMAL, constant, mu + 0.5 * sigma**2, mu, sigma, transform=kernel.LOG)


def _exponential(lam: float) -> _Density:
    return _gamma(1.0, lam)


def _gamma(alpha: float, beta: float) -> _Density:
    constant = alpha * math.log(beta) - math.lgamma(alpha)
    return _Density(kernel.GAMMA, constant, math.log(alpha / beta), alpha, beta, transform=kernel.LOG)


def _inverse_gamma(alpha: float, beta: float) -> _Density:
    constant = alpha * math.log(beta) - math.lgamma(alpha)
    typical = beta / (alpha - 1.0) if alpha > 1.0 else beta / (alpha + 1.0)
    return _Density(kernel.INVERSE_GAMMA, constant, math.log(typical), alpha, beta, transform=kernel.LOG)


def _beta(alpha: float, beta: float) -> _Density:
    constant = -_log_beta(alpha, beta)
    return _Density(kernel.BETA, constant, math.log(alpha / beta), alpha, beta, transform=kernel.BETWEEN)


#: Density of each prior family, in PyMC's parameters.
_DENSITIES: Mapping[str, Callable[..., _Density]] = {
    "Normal": _normal,
    "StudentT": _student_t,
    "Uniform": _uniform,
    "HalfNormal": _half_normal,
    "HalfStudentT": _half_student_t,
    "LogNormal": _log_normal,
    "Exponential": _exponential,
    "Gamma": _gamma,
    "InverseGamma": _inverse_gamma,
    "Beta": _beta,
}

_STANDARD = _normal(0.0, 1.0)

#: How a task-level parameter follows from its coordinates; one around the average is told apart by its prior.
_POOLING = {"none": kernel.OWN, "complete": kernel.COMMON, "partial": kernel.AROUND_MEAN}
#: Last part of what `kernel.variables` gives.
_BY_TASK = (*POOLED, "floor", "intercept")
_OF_EACH_TASK = (*_BY_TASK, "bend", "compute_mean", "compute_growth", "compute_spread")
#: Variables with a prior of their own, in the order in which the model makes them.
_VARIABLES = (
    (kernel.BEND, "bend"),
    (kernel.DRIFT_SCALE, "drift_scale"),
    (kernel.COUNT_OFFSET, f"offset_{COUNTS[1]}"),
    *((kernel.OTHER_OFFSET, f"offset_{count}") for count in COUNTS[2:]),
    (kernel.COMPUTE_MEAN, "compute_mean"),
    (kernel.COMPUTE_GROWTH, "compute_growth"),
    (kernel.COMPUTE_SPREAD, "compute_spread"),
    (kernel.COMPUTE_ERROR, "compute_error"),
    (kernel.FLAGGED_ERROR_FACTOR, "flagged_error_factor"),
    (kernel.PAPER_CORRELATION, "paper_correlation"),
    (kernel.CORRELATION_LENGTH, "correlation_length"),
    (kernel.DEGREES_OF_FREEDOM, "degrees_of_freedom"),
)


def _density(prior: Prior) -> _Density:
    return _DENSITIES[prior.family](**prior.parameters)


class Layout:
    """Which coordinate stands for what: `build.build_model`, in the order in which it makes its variables.

    Parameters
    ----------
    centered : bool
        Whether tasks know their own parameters well, so that deviations from the average are sampled times
        their scale and, in years with `known_steps`, how far a line rises rather than the step of drift.

    Attributes
    ----------
    coordinates : list
        Density and transform of each.
    first : dict
        First coordinate of each free variable, by PyMC's name of it.
    pooling, at, hyper : ndarray
        As `kernel.Problem` has them.
    """

    def __init__(
        self,
        observations: Observations,
        options: ModelOptions,
        priors: Mapping[str, Prior],
        *,
        centered: bool = False,
    ) -> None:
        self.coordinates: list[_Density] = []
        self.first: dict[str, int] = {}
        self.pooling = np.full(4, kernel.ABSENT)
        self.at = np.full(kernel.N_VARIABLES, -1)
        self.hyper = np.zeros((4, 5))
        self._priors = priors
        self._centered = centered
        self._n_tasks = len(observations.tasks)
        self._n_steps = len(observations.drift_years) if options.drift else 0
        if options.has_floor:
            self._add_floor(options, observations)
        if "bend" in priors:
            self.at[kernel.BEND] = self._add("bend", priors["bend"], self._n_tasks)
        if options.drift:
            self.at[kernel.DRIFT_SCALE] = self._add("drift_scale", priors["drift_scale"])
            self.at[kernel.DRIFT_STEP] = self._add("drift_standard", _STANDARD, self._n_tasks * self._n_steps)
            if centered:
                width = math.exp(self.coordinates[self.at[kernel.DRIFT_SCALE]].start)
                rise = replace(_STANDARD, code=kernel.FLAT, width=width)
                for step in np.flatnonzero(known_steps(observations)):
                    self.coordinates[self.at[kernel.DRIFT_STEP] + step] = rise
        self.at[kernel.INTERCEPT] = self._add("intercept_stated", priors["intercept"], self._n_tasks)
        for row, name in enumerate(POOLED):
            if name != "progress" or options.algorithmic_progress:
                self._add_level(row, name, options.pooling_of(name))
        for code, name in _VARIABLES:
            if name in priors and name not in self.first:
                count = self._n_tasks if name in _OF_EACH_TASK else 1
                self.at[code] = self._add(name, priors[name], count)

    def _add(self, name: str, prior: Prior | _Density, count: int = 1) -> int:
        density = _density(prior) if isinstance(prior, Prior) else prior
        self.first[name] = len(self.coordinates)
        self.coordinates += [density] * count
        return self.first[name]

    def _add_floor(self, options: ModelOptions, observations: Observations) -> None:
        """As `build._floor`; the share's uniform density is cancelled there."""
        highest = np.minimum(lowest_error(observations) / observations.reference_error, 1.0)
        if options.floor == "task":
            offset = self._priors["floor_offset"].parameters
            self.at[kernel.FLOOR] = self.first["floor_share"] = len(self.coordinates)
            self.pooling[kernel.FLOOR] = kernel.STATED
            center = observations.floor_log_median - np.log(observations.reference_error)
            for task, end in enumerate(highest):
                sd = observations.floor_log_sd[task]
                density = _log_normal(center[task] + sd * offset["mu"], sd * offset["sigma"])
                ends = (0.0, float(end))
                self.coordinates.append(replace(density, start=0.0, transform=kernel.BETWEEN, ends=ends))
            return
        pooling = options.pooling
        if pooling == "complete":
            highest = highest.min(keepdims=True)
        self.at[kernel.FLOOR] = self.first["floor_share"] = len(self.coordinates)
        self.coordinates += [
            _Density(kernel.FLAT, 0.0, 0.0, transform=kernel.BETWEEN, ends=(0.0, float(end)))
            for end in highest
        ]
        self.pooling[kernel.FLOOR] = _POOLING[pooling]
        if pooling == "partial":
            self._add("floor_logit_mean", self._priors["floor_logit_mean"])
            self._add("floor_logit_sd", self._priors["floor_logit_sd"])
        else:
            density = _density(self._priors["floor_logit"])
            self.hyper[kernel.FLOOR] = (density.code, *density.prior)

    def _add_level(self, row: int, name: str, pooling: str) -> None:
        """As `build._task_level` and `build._partially_pooled`."""
        self.pooling[row] = _POOLING[pooling]
        if pooling != "partial":
            count = self._n_tasks if pooling == "none" else 1
            self.at[row] = self._add(f"{name}_stated", self._priors[name], count)
            return
        mean = self._priors[f"{name}_log_mean"]
        self.at[row] = self._add(f"{name}_log_sd", self._priors[f"{name}_log_sd"])
        deviation = _STANDARD
        if self._centered:
            width = math.exp(self.coordinates[self.at[row]].start)
            deviation = replace(_STANDARD, scale_of=int(self.at[row]), width=width)
        if mean.family == "Normal":
            self.pooling[row] = kernel.AROUND_AVERAGE
            self.hyper[row, :2] = mean.parameters["mu"], mean.parameters["sigma"]
            self._add(f"{name}_log_average_offset", _STANDARD)
            self._add(f"{name}_log_deviation", deviation, self._n_tasks - 1)
            self._add(f"{name}_log_mean_offset", _STANDARD)
        else:
            self._add(f"{name}_log_mean", mean)
            self._add(f"{name}_log_offset", deviation, self._n_tasks)

    @property
    def start(self) -> Floats:
        """Coordinates of a typical point: PyMC's `support_point` of each variable."""
        return np.array([coordinate.start for coordinate in self.coordinates])

    @property
    def width(self) -> Floats:
        """How far from a typical point a chain may begin."""
        return np.array([coordinate.width for coordinate in self.coordinates])

    def places(self, names: Iterable[str]) -> dict[str, NDArray[np.int64]]:
        """Where in `kernel.variables` each of the variables of `parameter_names` stands, in its shape."""
        n, n_tasks = len(self.coordinates), self._n_tasks
        first = {f"{name}_log_mean": n + row for row, name in enumerate(POOLED)} | self.first
        first |= {name: n + 3 + row * n_tasks for row, name in enumerate(_BY_TASK)}
        first["drift_step"] = n + 3 + len(_BY_TASK) * n_tasks
        steps = np.arange(n_tasks * self._n_steps).reshape((n_tasks, self._n_steps))
        shapes = dict.fromkeys(_OF_EACH_TASK, np.arange(n_tasks)) | {"drift_step": steps}
        return {name: first[name] + shapes.get(name, np.array(0)) for name in names}

    def problem(self, observations: Observations, law: str, names: Iterable[str]) -> kernel.Problem:
        """All that the kernel needs beside the coordinates, to draw the named variables."""
        of_law = get_law(law)
        error, reference = observations.error, observations.reference_error
        chance = observations.chance_error if of_law.is_bent else np.ones(len(reference))

        def log_below(error: Floats, chance: Floats) -> Floats:
            return np.log10(np.maximum(chance - error, np.finfo(float).tiny))

        along = observations.compute if "correlation_length" in self.first else np.zeros(error.size)
        order = np.lexsort([along, observations.paper_index, observations.task_index])
        _, papers = np.unique(observations.paper_index[order], return_index=True)
        papers = np.append(np.sort(papers), len(order))
        of_row = chance[observations.task_index]
        step, part = steps_of(observations.year, observations.drift_years)
        rows = np.column_stack(
            [
                of_law.performance(error, chance=of_row),
                error,
                observations.compute,
                observations.years,
                log_below(error, of_row),
                1.0 / np.maximum(of_row - error, np.finfo(float).tiny),
                part,
                along,
            ]
        )[order]
        rows[1:, -1] -= rows[:-1, -1].copy()
        rows[papers[:-1], -1] = np.inf
        at_reference = steps_of(observations.reference_year, observations.drift_years)
        tasks = np.column_stack(
            [
                reference,
                of_law.performance(reference, chance=chance),
                of_law.odds_gain(reference, chance=chance),
                chance,
                log_below(reference, chance),
                *at_reference,
            ]
        )
        kind_of_row, kinds, task_of_kind = kinds_of(observations)
        fixed = self.pooling[kernel.FLOOR] == kernel.ABSENT and "bend" not in self.first
        return kernel.Problem(
            density=np.array([coordinate.code for coordinate in self.coordinates]),
            transform=np.array([coordinate.transform for coordinate in self.coordinates]),
            scale_of=np.array([coordinate.scale_of for coordinate in self.coordinates]),
            origin=np.empty(0),
            directions=np.empty((0, 0)),
            prior=np.array([coordinate.prior for coordinate in self.coordinates]),
            ends=np.array([coordinate.ends for coordinate in self.coordinates]),
            pooling=self.pooling,
            at=self.at,
            hyper=self.hyper,
            rows=np.ascontiguousarray(rows),
            rows_of_task=np.searchsorted(observations.task_index[order], np.arange(self._n_tasks + 1)),
            kind_of_row=kind_of_row[order],
            step_of_row=step[order],
            kinds=kinds,
            task_of_kind=task_of_kind,
            papers=papers,
            task_of_paper=observations.task_index[order][papers[:-1]],
            tasks=tasks,
            stored=np.concatenate([np.ravel(place) for place in self.places(names).values()]),
            curve=np.array([of_law.is_inverse, of_law.bend or 0.0, *DRIFT_SHAPE], dtype=float),
            n_steps=self._n_steps,
            constant=float(of_law.log_abs_derivative(error, chance=of_row).sum() if fixed else 0.0),
        )


def lay_out(
    observations: Observations,
    options: ModelOptions,
    priors: Mapping[str, Prior],
    names: Sequence[str],
    *,
    centered: bool = False,
) -> tuple[Layout, kernel.Problem]:
    """Coordinates of a model, and what the kernel needs to know of it."""
    layout = Layout(observations, options, priors, centered=centered)
    return layout, layout.problem(observations, options.law, names)


def compile_fast(
    observations: Observations, options: ModelOptions, priors: Mapping[str, Prior], names: Sequence[str]
) -> Any:
    """Give the model for nutpie, with the named variables of `parameter_names`."""
    return as_nutpie_model(observations, *lay_out(observations, options, priors, names), names)


def as_nutpie_model(
    observations: Observations, layout: Layout, problem: kernel.Problem, names: Sequence[str]
) -> Any:
    """Give what is laid out for nutpie.

    The form is that of a model compiled from PyMC, two C functions and the address of their data. What
    `nutpie.compiled_pyfunc` takes, Python functions, makes and destroys a Python thread state at each call,
    which costs more than the gradient.
    """
    from nutpie.compile_pymc import CompiledPyMCModel

    start, width = layout.start, layout.width
    if problem.origin.size:
        start, width = np.zeros_like(start), np.ones_like(start)
    shapes = [place.shape for place in layout.places(names).values()]
    log_density, variables = kernel.compiled()

    def initial_point(seed: int) -> Floats:
        """As nutpie's of a PyMC model: within 1 of a typical point."""
        return start + width * np.random.default_rng(seed).uniform(-1.0, 1.0, start.size)

    return CompiledPyMCModel(
        dims={
            name: ("task", "drift_year")[: len(shape)]
            for name, shape in zip(names, shapes, strict=True)
            if shape
        },
        compiled_logp_func=log_density,
        compiled_expand_func=variables,
        initial_point_func=initial_point,
        shared_data={},
        shared_var_keys={},
        user_data=kernel.pack(problem),
        n_expanded=len(problem.stored),
        shape_info=(list(names), None, shapes),
        logp_func=None,
        expand_func=None,
        _n_dim=start.size,
        _shapes=dict(zip(names, shapes, strict=True)),
        _coords={"task": list(observations.tasks), "drift_year": observations.drift_years},
    )
