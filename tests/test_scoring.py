"""`score`: densities and ranks that an independent simulation gives, honest baselines, no fitted row."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.seeds import seeded
from tests.some import some
from tests.synthetic import synthetic_fit

from scaling_bayes import open_trace, predict, save_trace, score, summary
from scaling_bayes.cli import cli
from scaling_bayes.core.laws import get_law
from scaling_bayes.diagnostics.scores import coverage_interval
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.figures import FigureError, plot_score
from scaling_bayes.intervals import QUANTILES
from scaling_bayes.trace.schema import group

pytestmark = pytest.mark.long

TASKS = ("imagenet", "ms_coco", "my task")


@cache
def fitted(law: str = "power", *, robust: bool = False) -> xr.DataTree:
    return synthetic_fit(TASKS, law=law, robust=robust)


def later(n: int = 12, seed: int = 1) -> pd.DataFrame:
    """Systems after those of the fit, several of them from one paper."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "task": [TASKS[i % 3] for i in range(n)],
            "system": [f"later {i}" for i in range(n)],
            "paper": [f"later paper {i // 4}" for i in range(n)],
            "error": rng.uniform(0.05, 0.3, n),
            "training_compute_flop": 10.0 ** rng.uniform(18, 21, n),
            "year": 2020.0 + 4 * rng.random(n),
            "compute_in_doubt": rng.random(n) < 0.5,
            "compute_sd_dex": np.where(rng.random(n) < 0.3, 0.2, np.nan),
        }
    )


def simulated_errors(
    tree: xr.DataTree, table: pd.DataFrame, rng: np.random.Generator, repeats: int
) -> np.ndarray[Any, Any]:
    """Errors drawn from the model as its documentation states it, shape (draw x repeat, system)."""
    draws = group(tree, "posterior").stack(sample=("chain", "draw"))
    constant = group(tree, "constant_data")
    law = get_law(json.loads(tree.attrs["manifest"])["model"]["law"])
    columns = []
    for row in table.to_dict(orient="records"):

        def of(name: str, row: Any = row) -> Any:
            values = draws[name]
            values = values.sel(task=row["task"]) if "task" in values.dims else values
            return values.values[:, np.newaxis]

        reference = constant.sel(task=row["task"])
        compute = np.log10(row["training_compute_flop"]) - float(reference["reference_log10_compute"])
        year = row["year"] - float(reference["reference_year"])
        sd = of("compute_error") * (of("flagged_error_factor") if row["compute_in_doubt"] else 1.0)
        if not np.isnan(row["compute_sd_dex"]):
            sd = np.array(row["compute_sd_dex"])
        prior = of("compute_mean") + of("compute_growth") * year
        precision = 1 / of("compute_spread") ** 2 + 1 / sd**2
        mean = (prior / of("compute_spread") ** 2 + compute / sd**2) / precision
        shape = (draws.sizes["sample"], repeats)
        # The departures of compute and of the system are of one scale mixture in the robust model.
        departure = of("slope") * rng.standard_normal(shape) / np.sqrt(precision)
        departure = departure + of("noise") * rng.standard_normal(shape)
        if "degrees_of_freedom" in draws:
            nu = of("degrees_of_freedom")
            departure = departure * np.sqrt(nu / rng.chisquare(np.broadcast_to(nu, shape)))
        line = of("intercept") + of("slope") * (mean + of("progress") * year)
        floor = of("floor") if "floor" in draws else 0.0
        columns.append(np.asarray(law.error(line + departure, floor)).ravel())
    return np.column_stack(columns)


@pytest.mark.parametrize(
    ("law", "robust"),
    some([("power", True), ("power", False), ("exponential", False), ("saturating", False)], 3),
)
def test_scores_are_those_of_an_independent_simulation(law: str, robust: bool) -> None:
    tree, table = fitted(law, robust=robust), later()
    found = score(tree, table).query("forecaster == @law")
    drawn = simulated_errors(tree, table, np.random.default_rng(seeded(2)), 400)
    observed = table["error"].to_numpy()
    width = 0.02 * observed
    near = (np.abs(drawn - observed) <= width).mean(axis=0)
    se = np.sqrt(np.maximum(near, 1e-4) / drawn.shape[0])
    # Draws of one posterior draw are independent; the window's curvature is within a hundredth.
    np.testing.assert_allclose(
        np.exp(found["log_score"]) * 2 * width, near, atol=float(6 * se.max()) + 1e-4, rtol=0.02
    )
    np.testing.assert_allclose(found["pit"], (drawn <= observed).mean(axis=0), atol=6 * 0.5 / np.sqrt(8e4))
    logs, at = np.log10(drawn), np.log10(observed)
    ordered = np.sort(logs, axis=0)
    rank = (2 * np.arange(1, len(logs) + 1) - len(logs) - 1)[:, np.newaxis]
    crps = np.abs(logs - at).mean(axis=0) - (rank * ordered).sum(axis=0) / len(logs) ** 2
    # The 200 errors that `score` draws, one for each posterior draw.
    np.testing.assert_allclose(found["crps"], crps, atol=float(6 * logs.std(axis=0).max() / np.sqrt(200)))


def test_ranks_are_uniform_where_the_forecast_is_true() -> None:
    table = later(300, seed=seeded(3)).assign(paper="")
    rng = np.random.default_rng(seeded(4))
    drawn = simulated_errors(fitted(), table, rng, 1)
    table["error"] = drawn[rng.integers(drawn.shape[0], size=len(table)), np.arange(len(table))]
    own = score(fitted(), table).query("forecaster == 'power'")
    assert stats.kstest(own["pit"], "uniform").pvalue > 1e-4
    for probability in (50, 80, 90):
        share = own[f"inside_{probability}"].mean()
        assert abs(share - probability / 100) < 5 * np.sqrt(0.25 / len(own))


def test_the_predicted_error_is_that_of_predict() -> None:
    table = later()
    own = score(fitted(), table).query("forecaster == 'power'")
    drawn = predict(fitted(), table)["predictions"]["error"].values.reshape(-1, len(table))
    for name, probability in (("lower_90", 0.05), ("median", 0.5), ("upper_90", 0.95)):
        np.testing.assert_allclose(own[name], np.quantile(drawn, probability, axis=0))


def test_baselines_see_the_same_systems_and_follow_their_rule() -> None:
    tree, table = fitted(), later()
    found = score(tree, table)
    for _, rows in found.groupby("forecaster"):
        assert rows["system"].tolist() == table["system"].tolist()
    constant, error = group(tree, "constant_data"), group(tree, "observed_data")["error"].values
    task, year = constant["system_task"].values, constant["publication_year"].values // 1
    for name, gain in (("naive", True), ("persistence", False)):
        for row, own in zip(
            table.to_dict(orient="records"),
            found[found["forecaster"] == name].to_dict(orient="records"),
            strict=True,
        ):
            y, when = -np.log10(error[task == row["task"]]), year[task == row["task"]]
            first, last = when.min(), when.max()
            record = {end: y[when <= end].max() for end in np.arange(first, last + 1)}
            change = np.array([one - record[at - 1] for one, at in zip(y, when, strict=True) if at > first])
            ahead = row["year"] // 1 - last
            if ahead < 1:
                continue
            n = len(change)
            center, scale, df = record[last], np.sqrt((change**2).mean() * ahead), n
            if gain:
                center += change.mean() + (ahead - 1) * (record[last] - record[first]) / (last - first)
                scale, df = change.std(ddof=1) * np.sqrt(ahead + 1 / n), n - 1
            z = (-np.log10(row["error"]) - center) / scale
            density = stats.t.pdf(z, df) / scale / (row["error"] * np.log(10))
            assert own["log_score"] == pytest.approx(np.log(density))
            assert own["pit"] == pytest.approx(stats.t.sf(z, df))


def test_the_2020_lines_are_of_the_papers_own_points() -> None:
    from scaling_bayes.thompson2020.lines import fit_line

    found = score(open_trace("reference-2026.11"), later().query("task == 'imagenet'"))
    for form, law in (("polynomial", "power"), ("exponential", "exponential")):
        line = fit_line("imagenet", form)
        for row in found[found["forecaster"] == f"thompson2020_{law}"].itertuples():
            table = later().set_index("system")
            burden = np.log10(table.loc[row.system, "training_compute_flop"] / 1e9)
            observed = {"power": -np.log10(row.error), "exponential": 1 / row.error}[law]
            sd = line.response_sd(burden, new_system=True)
            z = (observed - line.response(burden)) / sd
            assert row.pit == pytest.approx(stats.t.sf(z, line.n - 2))


# Rows


def fitted_table() -> pd.DataFrame:
    constant = group(fitted(), "constant_data")
    return pd.DataFrame(
        {
            "task": constant["system_task"].values.astype(str),
            "system": constant["system_name"].values.astype(str),
            "paper": constant["paper"].values.astype(str),
            "error": group(fitted(), "observed_data")["error"].values,
            "training_compute_flop": 10.0 ** constant["log10_training_compute_flop"].values,
            "year": constant["publication_year"].values,
        }
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"system": "SYSTEM  1", "paper": "P", "error": 0.2, "training_compute_flop": 1e18}, "name"),
        ({"system": "renamed", "error": 0.2}, "paper and compute"),
        ({"system": "renamed", "paper": ""}, "error and compute"),
    ],
)
def test_rows_that_were_fitted_are_refused_or_left_out(change: dict[str, Any], what: str) -> None:
    known = pd.DataFrame([{**fitted_table().iloc[1].to_dict(), **change}])
    table = pd.concat([later(), known], ignore_index=True)
    with pytest.raises(DataError, match=rf"fitted to 1 of 13 rows(.|\n)*row 12: .*fitted \(same {what}\)"):
        score(fitted(), table)
    found = score(fitted(), table, drop_fitted=True)
    assert found.attrs["left_out"] == [
        {"row": 12, "task": "imagenet", "system": known["system"][0], "reason": f"fitted (same {what})"}
    ]
    pd.testing.assert_frame_equal(found, score(fitted(), later()))


def test_every_row_that_was_fitted_is_found() -> None:
    with pytest.raises(DataError, match="none of 24 rows can be scored: 24 fitted"):
        score(fitted(), fitted_table(), drop_fitted=True)
    unnamed = fitted_table().drop(columns=["system", "paper"])
    with pytest.raises(DataError, match="fitted to 24 of 24 rows"):
        score(fitted(), unnamed)
    elsewhere = fitted_table().assign(task="another task")
    with pytest.raises(DataError, match="24 task not in the trace"):
        score(fitted(), elsewhere)


def test_rows_without_what_a_forecast_needs_are_listed() -> None:
    table = later()
    table.loc[0, "training_compute_flop"] = np.nan
    table.loc[1, "year"] = np.nan
    table.loc[2, "error"] = 1.0
    table.loc[3, "task"] = "chess"
    found = score(fitted(), table)
    assert [(row["row"], row["reason"]) for row in found.attrs["left_out"]] == [
        (0, "no training compute"),
        (1, "no year"),
        (2, "no error between 0 and 1"),
        (3, "task not in the trace"),
    ]
    pd.testing.assert_frame_equal(found, score(fitted(), table[4:]))


def test_one_task_or_several() -> None:
    alone = score(fitted(), later(), tasks="imagenet")
    assert set(alone["task"]) == {"imagenet"}
    assert set(score(fitted(), later(), tasks=["imagenet", "my task"])["task"]) == {"imagenet", "my task"}
    with pytest.raises(OptionError, match="found 'chess'; expected tasks of the trace: imagenet"):
        score(fitted(), later(), tasks="chess")


def test_several_estimates_of_one_system_are_one_row() -> None:
    table = later()
    twice = pd.concat([table, table[:1].assign(training_compute_flop=3e20)], ignore_index=True)
    found = score(fitted(), twice)
    assert len(found) == len(score(fitted(), table))
    assert "2 estimates of compute are combined" in found.attrs["warnings"][0]


def test_many_systems_are_scored_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score(fitted(), later())
    monkeypatch.setattr("scaling_bayes.diagnostics.scoring._BLOCK", 5)
    exact = [name for name in whole.columns if name not in ("crps", *QUANTILES)]
    pd.testing.assert_frame_equal(score(fitted(), later())[exact], whole[exact])


def test_a_model_without_time_needs_no_year_and_has_no_record() -> None:
    tree = synthetic_fit(TASKS, algorithmic_progress=False, measurement_error=False, flagged_error=False)
    found = score(tree, later().drop(columns="year"))
    assert set(found["forecaster"]) & {"naive", "persistence"} == set()
    assert found.query("forecaster == 'power'")["log_score"].notna().all()
    assert found["year"].isna().all()
    assert summary(found)["systems"].tolist()[0] == 12


# Summary


def test_summary_by_year_and_task_counts_papers() -> None:
    scores = score(fitted(), later())
    by_year = summary(scores, by=["year", "forecaster"]).query("forecaster == 'power'")
    assert by_year["year"].tolist() == sorted(set(np.floor(later()["year"]).astype(int)))
    assert by_year["systems"].sum() == 12
    whole = summary(scores).set_index("forecaster").loc["power"]
    assert whole["papers"] == 3
    own = scores.query("forecaster == 'power'")
    assert whole["log_score"] == pytest.approx(60 * own["log_score"].mean())
    assert whole["coverage_80_lower"] <= whole["coverage_80"] <= whole["coverage_80_upper"]
    difference = (
        own["log_score"].to_numpy() - scores.query("forecaster == 'least_squares_power'")["log_score"]
    )
    sums = (difference - difference.mean()).groupby(np.arange(12) // 4).sum()
    assert whole["gain_se"] == pytest.approx(60 * np.sqrt(3 / 2 * (sums**2).sum()) / 12)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_a_coverage_interval_holds_its_share(rows: list[tuple[int, bool]]) -> None:
    cluster, inside = (np.array(column) for column in zip(*rows, strict=True))
    lower, upper = coverage_interval(inside, cluster)
    assert 0 <= lower <= inside.mean() <= upper <= 1
    order = np.random.default_rng(0).permutation(len(rows))
    assert coverage_interval(inside[order], cluster[order]) == pytest.approx((lower, upper))


def test_papers_that_agree_within_make_the_interval_wider() -> None:
    inside = np.repeat(np.arange(10) < 8, 5)
    alone, together = coverage_interval(inside, np.arange(50)), coverage_interval(inside, np.arange(50) // 5)
    assert together[0] < alone[0] < alone[1] < together[1]
    # Systems that all fall as their paper does tell as much as one system of each paper.
    once = coverage_interval(inside[::5], np.arange(10))
    np.testing.assert_allclose(together, once, atol=0.06)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_covers_where_systems_of_a_paper_fall_alike(share: float) -> None:
    rng = np.random.default_rng(seeded(5))
    cluster = np.repeat(np.arange(24), rng.integers(1, 6, 24))
    held = []
    for _ in range(400):
        of_paper = rng.beta(share / 0.6, (1 - share) / 0.6, 24)
        lower, upper = coverage_interval(rng.random(cluster.size) < of_paper[cluster], cluster)
        held.append(lower <= share <= upper)
    assert np.mean(held) > 0.9 - 5 * np.sqrt(0.09 / 400)


# Command and figure


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("score")
    later().to_csv(folder / "later.csv", index=False)
    return save_trace(fitted(), folder / "trace.nc"), folder / "later.csv"


def ask(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["score", *map(str, arguments)])


def test_the_command_prints_what_the_function_gives(files: tuple[Path, Path]) -> None:
    expected = score(open_trace(files[0]), files[1])
    printed = ask(*files)
    assert printed.exit_code == 0, printed.output
    assert max(map(len, printed.stdout.splitlines())) <= 80
    for word in ("least_squares_exponential", "thompson2020_power", "imagenet", "2023"):
        assert word in printed.stdout
    found = json.loads(ask(*files, "--json").stdout)
    assert found["by_forecaster"][0]["log_score"] == pytest.approx(summary(expected)["log_score"][0])
    assert {row["task"] for row in found["by_task"]} == set(TASKS)
    given_pit = [np.nan if row["pit"] is None else row["pit"] for row in found["predictions"]]
    assert given_pit == pytest.approx(expected["pit"].tolist(), nan_ok=True)
    alone = ask(*files, "--csv", "--task", "imagenet").stdout
    assert len(alone.splitlines()) == (expected["task"] == "imagenet").sum() + 1


def test_the_command_names_rows_that_are_not_scored(files: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    pd.concat([later(), fitted_table()[:2]], ignore_index=True).to_csv(path, index=False)
    refused = ask(files[0], path)
    assert isinstance(refused.exception, DataError)
    assert "--drop-fitted" in str(refused.exception)
    done = ask(files[0], path, "--drop-fitted")
    assert done.exit_code == 0
    assert "2 rows are not scored: 2 fitted (same name)" in done.stderr
    assert "row 14, imagenet: system 0: fitted (same name)" in done.stderr


@pytest.mark.parametrize("ending", some(["svg", "png", "pdf"], 3))
def test_the_command_writes_the_figure(files: tuple[Path, Path], tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"score.{ending}"
    assert ask(*files, "-o", path).exit_code == 0
    assert path.stat().st_size > 1000


def test_a_figure_that_cannot_be_written_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    done = ask(*files, "-o", tmp_path / "score.xyz")
    assert done.exit_code == 2
    assert "expected a name in .svg, .png or .pdf" in done.stderr
    with pytest.raises(FigureError, match="scores of 4 systems"):
        plot_score(score(fitted(), later(), tasks="imagenet"))
    with pytest.raises(FigureError, match="expected one of power"):
        plot_score(score(fitted(), later()), forecaster="oracle")


@pytest.mark.parametrize("width", some([4.2, 8.9], 2))
def test_the_figure_has_each_system_of_the_forecast(width: float) -> None:
    figure = plot_score(score(fitted(), later()), width=width)
    (outcomes,) = [ax for ax in figure.axes if ax.get_title(loc="left") == "Forecast against outcome"]
    points = sum(len(line.get_xdata()) for line in outcomes.lines if line.get_marker() != "None")
    assert points == 12
    assert figure.get_figwidth() == width
