"""A typed view of a projection, opened once by every answer, and what an answer may ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError, TargetError, TraceError
from scaling_bayes.hardware.posterior import hardware_digest, read_hardware
from scaling_bayes.projection.extrapolation import refuse_impossible
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.targets import Target
from scaling_bayes.text import format_year
from scaling_bayes.trace.schema import annotate, group, manifest
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

_YEARLY = 'project(trace, targets, years="yearly", scenario="trend")'
_ONE_YEAR = 'project(trace, targets, years=2030, scenario="trend")'
#: For each answer, the call to make.
_CALLS = {
    "affordability": f"affordability({_YEARLY}, budget_usd=1e8)",
    "required_gain": f"required_gain({_ONE_YEAR}, budget_usd=1e8)",
    "record_machine_time": f"record_machine_time({_ONE_YEAR})",
    "largest_run_year": f"largest_run_year({_YEARLY})",
    "decompose": f"decompose({_ONE_YEAR})",
}


@dataclass(frozen=True, eq=False)
class ProjectionView:
    """A projection, opened once for an answer."""

    #: From `project`.
    tree: xr.DataTree
    #: Name of the function that asks, for its messages.
    answer: str
    #: Manifest of the fit, with what was asked in ``projection``.
    manifest: dict[str, Any]
    #: Group ``projection``.
    data: xr.Dataset

    @classmethod
    def of(cls, projection: xr.DataTree, answer: str) -> ProjectionView:
        """Open a view of a projection.

        Raises
        ------
        TraceError
            If it is not from `project`.
        """
        children = getattr(projection, "children", None)
        if children is None or "projection" not in children:
            found = (
                type(projection).__name__ if children is None else f"groups {', '.join(children) or 'none'}"
            )
            raise TraceError(f"{answer}: found {found}; expected a projection: {_CALLS[answer]}.")
        return cls(projection, answer, manifest(projection), group(projection, "projection"))

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked: kind, years, scenario, seed."""
        found: dict[str, Any] = self.manifest["projection"]
        return found

    @property
    def seed(self) -> int:
        """Seed of everything that `project` drew."""
        return int(self.asked["random_seed"])

    @cached_property
    def fit(self) -> PosteriorView:
        """The fit that was projected."""
        return PosteriorView.of(self.tree)

    @cached_property
    def scenario(self) -> Scenario:
        """What was assumed of hardware, prices and algorithms.

        Raises
        ------
        OptionError
            If the projection has none.
        """
        if "scenario" not in self.asked:
            raise OptionError(
                f"{self.answer}: the projection has no scenario, so no prices; expected one with: "
                f"{_CALLS[self.answer]}."
            )
        return Scenario(**self.asked["scenario"])

    @property
    def targets(self) -> tuple[Target, ...]:
        """Targets, in their order."""
        columns = (self.data[f"target_{name}"].values for name in ("task", "error", "note"))
        return tuple(
            Target(str(task), float(error), str(note)) for task, error, note in zip(*columns, strict=True)
        )

    def hardware(self, given: xr.DataTree | None) -> xr.DataTree:
        """Posterior of the hardware trends that the projection was made with.

        Parameters
        ----------
        given : DataTree, optional
            By default the shipped one.

        Raises
        ------
        TraceError
            If it is another one.
        """
        trends = read_hardware(given)
        made, found = str(self.asked["hardware_digest"]), hardware_digest(trends)
        if found != made:
            raise TraceError(
                f"{self.answer}: the projection was made with the hardware posterior {made[:12]}; found "
                f"{found[:12]}. Give the same one: {self.answer}(projection, ..., hardware=...)."
            )
        return trends

    def refuse_single_year(self) -> None:
        """Refuse years among which no first one can be looked for."""
        years = self.data["year"].values.tolist()
        if len(years) < 2 or years != sorted(years):
            raise TargetError(
                f"years: found {', '.join(map(format_year, years))}; {self.answer} looks for the first of "
                f"several ascending years, such as every year to 2100: {_CALLS[self.answer]}."
            )

    def refuse_impossible(self, data: xr.Dataset) -> None:
        """Refuse years of a horizon whose median requirement is less than one operation."""
        if self.asked["horizon"]:
            refuse_impossible(data, self.asked["data"])

    def answered(self, name: str, found: xr.Dataset, **asked: Any) -> xr.DataTree:
        """An answer as a tree of one group, with the manifest of the projection and what else was asked."""
        import json

        import xarray as xr

        tree = xr.DataTree.from_dict({f"/{name}": annotate(found)})
        content = {**self.manifest, "projection": {**self.asked, **asked}}
        tree.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return tree
