"""The Bayesian answer beside the paper's, on a small tree made by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from tests.synthetic import synthetic_fit
from tools.pages import thompson2020 as page

from scaling_bayes.cli.replicate import replicate
from scaling_bayes.errors import OptionError
from scaling_bayes.projection.project import project
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS
from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
from scaling_bayes.thompson2020.lines import fit_line
from scaling_bayes.trace.io import open_trace, save_trace

TASKS = list(THOMPSON2020_TARGETS)


@pytest.fixture
def idata() -> xr.DataTree:
    """A posterior without spread at the paper's own polynomial lines."""
    lines = [fit_line(task, "polynomial") for task in TASKS]
    task = {"task": TASKS}

    def draws(values: list[float]) -> xr.DataArray:
        return xr.DataArray(np.tile(values, (2, 50, 1)), dims=("chain", "draw", "task"), coords=task)

    at_reference = [float(line.response(line.mean_log10_burden)) for line in lines]
    posterior = xr.Dataset(
        {
            "slope": draws([line.slope for line in lines]),
            "intercept": draws(at_reference),
            "noise": draws([line.residual_sd for line in lines]),
        }
    ).assign_coords(chain=range(2), draw=range(50))
    constant = xr.Dataset(
        {
            "reference_log10_compute": ("task", [line.mean_log10_burden + 9 for line in lines]),
            "reference_year": ("task", [2018.0] * 5),
            "publication_year": ("system", [2020.0] * 5),
            "system_task": ("system", np.array(TASKS, dtype=object)),
            "log10_training_compute_flop": ("system", [line.mean_log10_burden + 9 for line in lines]),
        },
        coords=task,
    )
    observed = xr.Dataset({"error": ("system", [errors[0] for errors in THOMPSON2020_TARGETS.values()])})
    groups = {"/posterior": posterior, "/constant_data": constant, "/observed_data": observed}
    tree = xr.DataTree.from_dict(groups)
    content = {"model": {"law": "power"}, "sampler": {"random_seed": 1}}
    tree.attrs["manifest"] = json.dumps(content)
    return tree


def test_a_posterior_at_the_papers_lines_gives_back_its_table(idata: xr.DataTree) -> None:
    table = side_by_side(idata)
    assert len(table) == 90
    answered = table[table["bayes_median"].notna()]
    assert set(answered["form"]) == {"polynomial"}
    assert len(answered) == 45
    np.testing.assert_allclose(answered["bayes_median"], answered["log10_value"], rtol=1e-9)
    np.testing.assert_allclose(answered["bayes_upper_90"], answered["log10_value"], rtol=1e-9)
    assert (answered["bayes_unreachable"] == 0).all()


def test_a_new_system_has_an_interval(idata: xr.DataTree) -> None:
    answered = side_by_side(idata, kind="predictive").dropna(subset="bayes_median")
    assert (answered["bayes_lower_90"] < answered["bayes_upper_90"]).all()


def test_other_scenarios_join_and_none_leaves_cost_empty(idata: xr.DataTree) -> None:
    targets = {task: list(errors) for task, errors in THOMPSON2020_TARGETS.items()}
    given = project(idata, targets, kind="mean", scenario="thompson2020")
    pd.testing.assert_frame_equal(side_by_side(idata, projection=given), side_by_side(idata))
    answered = side_by_side(idata, scenario=None).dropna(subset="bayes_median")
    assert set(answered["quantity"]) == {"compute"}


def test_several_years_are_refused(idata: xr.DataTree) -> None:
    projection = project(idata, {"imagenet": 0.05}, years=[2020, 2030], kind="mean")
    with pytest.raises(OptionError, match="several years"):
        side_by_side(idata, projection=projection)


def test_a_fit_of_operations_is_told_in_the_papers_burdens() -> None:
    trace = open_trace("reference-2026.12")
    targets = {task: list(errors) for task, errors in THOMPSON2020_TARGETS.items()}
    done = project(trace, targets, kind="mean", scenario="thompson2020")
    with pytest.raises(OptionError, match="counts burdens"):
        side_by_side(trace, projection=done)
    cells = side_by_side(trace)
    first = cells[(cells["task"] == "imagenet") & (cells["error"] == 0.115)].set_index(["quantity", "form"])
    flop = done["projection"]["log10_training_compute_flop"].isel(target=0, year=0)
    burden = float((flop + trace["posterior"]["offset_burden_fp32"]).median())
    assert first.loc[("compute", "polynomial"), "bayes_median"] == pytest.approx(burden - 9, abs=1e-6)
    usd = float(done["projection"]["log10_cost_usd"].isel(target=0, year=0).median())
    assert first.loc[("cost", "polynomial"), "bayes_median"] == pytest.approx(usd, abs=1e-6)


def test_the_page_and_the_command_say_when_and_the_page_counts_its_cells(repository: Path) -> None:
    text = (repository / "docs" / "thompson2020.md").read_text(encoding="utf-8")
    table = text.partition("<!-- generated: bayesian -->")[2].partition("<!-- end -->")[0]
    for form in ("polynomial", "exponential"):
        rows = re.findall(rf"{form} \| \d+ \| ([\d.]+) \| \S+ \[(\S+), (\S+)\]", table)
        held = sum(float(low) <= float(found) <= float(high) for found, low, high in rows)
        assert f"{held} of the {len(rows)} {form} cells" in text
    assert re.search(r"Posterior of the reference fit \(seed \d+, bounded law\) in November 2022", text)
    shown = CliRunner().invoke(replicate, ["reference-2026.12"]).stdout
    assert "posterior median in November 2022 [90 %]" in " ".join(shown.split())


def test_slopes_stand_beside_least_squares(idata: xr.DataTree) -> None:
    slopes = slopes_side_by_side(idata)
    assert slopes["task"].tolist() == TASKS
    np.testing.assert_allclose(slopes["bayes_median"], slopes["ols_slope"])
    assert (slopes["ols_lower_90"] < slopes["ols_slope"]).all()


def test_a_law_of_its_own_answers_every_form_but_has_no_comparable_slope(
    idata: xr.DataTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = project(
        idata, {task: list(errors) for task, errors in THOMPSON2020_TARGETS.items()}, kind="mean"
    )
    other = idata.copy()
    other.attrs["manifest"] = json.dumps({"model": {"law": "logistic"}, "sampler": {"random_seed": 1}})
    assert len(side_by_side(other, projection=projection).dropna(subset="bayes_median")) == 30
    assert slopes_side_by_side(other).empty


def test_blocks_show_the_posterior(idata: xr.DataTree) -> None:
    blocks = page.bayesian_blocks(idata)
    assert blocks["bayesian"].count("\n") == 17
    assert blocks["bayesian_slopes"].count("\n") == 7


def test_command_shows_the_posterior(tmp_path: Path) -> None:
    path = tmp_path / "trace.nc"
    save_trace(synthetic_fit(tasks=tuple(TASKS)), path)
    result = CliRunner().invoke(replicate, [str(path)])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "posterior" in result.stdout
