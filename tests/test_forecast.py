"""`forecast`: the question of `project` the other way round, and the command that prints it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.commands import run
from tests.synthetic import synthetic_fit

from scaling_bayes import OptionError, Scenario, TargetError, forecast, project, summary
from scaling_bayes.core.laws import LAW_NAMES
from scaling_bayes.figures import FigureError, plot_forecast
from scaling_bayes.projection.scenario import PROGRESS

YEARS = [2025, 2035]


@pytest.mark.parametrize(
    ("law", "kind", "progress"),
    [
        *((law, "predictive", "continuing") for law in LAW_NAMES),
        *(("bounded", "mean", progress) for progress in PROGRESS),
    ],
)
def test_an_error_is_reached_in_just_the_draws_that_project_finds_within_reach(
    law: str, kind: str, progress: str
) -> None:
    idata = synthetic_fit(("imagenet", "my task"), law=law, drift=law in ("power", "bounded"), robust=True)
    scenario = Scenario.named("trend", algorithmic_progress=progress)
    for given in ({"budget_usd": 1e5, "carbon_kg": 1e4}, {"flop": 1e19}):
        errors = forecast(idata, "imagenet", YEARS, kind, scenario=scenario, **given)["forecast/error"]
        target = float(errors.quantile(0.4))
        needed = project(idata, {"imagenet": target}, YEARS, kind, scenario=scenario)
        found = needed["projection"].to_dataset().squeeze("target").transpose("chain", "draw", "year")
        limits = {"log10_training_compute_flop": 19} if "flop" in given else {"log10_cost_usd": 5}
        limits |= {"log10_carbon_kg": 4} if "carbon_kg" in given else {}
        within = np.all([found[name] <= limit for name, limit in limits.items()], axis=0)
        reached = errors.squeeze(("task", "amount")) <= target
        assert 0 < float(reached.mean()) < 1
        np.testing.assert_array_equal(reached, within)


def test_more_money_reaches_less_error_and_several_amounts_are_asked_apart() -> None:
    idata = synthetic_fit(law="bounded", drift=True)
    frame = summary(forecast(idata, None, YEARS, budget_usd=[1e4, 1e8]))
    assert frame.shape[0] == 3 * 2 * 2
    poor, rich = (frame[frame["budget_usd"] == amount]["median"].to_numpy() for amount in (1e4, 1e8))
    assert (rich < poor).all()
    one = summary(forecast(idata, "ImageNet", 2035, budget_usd=1e8))
    assert one["median"].item() == frame.query("task == 'imagenet' and year == 2035")["median"].iloc[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "neither compute nor a budget"),
        ({"flop": 1e23, "budget_usd": 1e6}, "both compute and a budget"),
        ({"budget_usd": -1}, "above 0"),
        ({"flop": "much"}, "flop='much'"),
        ({"flop": "1e23:1e22:1e24"}, "expected one number"),
        ({"budget_usd": []}, "at least one amount"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        forecast(synthetic_fit(draws=10), years=2030, **given)


def test_tasks_and_years_are_refused_as_project_does() -> None:
    idata = synthetic_fit(draws=10)
    with pytest.raises(TargetError, match="'wild' is not in the fit; its tasks are imagenet"):
        forecast(idata, "wild", 2030, flop=1e20)
    with pytest.raises(TargetError, match="beyond the horizon"):
        forecast(idata, "imagenet", 2101, flop=1e20)


def test_the_command_prints_words_json_and_a_picture(tmp_path: Any) -> None:
    asked = ("forecast", "reference-2026.11", "--task", "ImageNet", "--budget-usd", "1e6")
    picture = tmp_path / "error.svg"
    done = run(*asked, "--year", "2030", "--year", "2032", "-o", picture)
    assert done.returncode == 0, done.stderr
    assert "Error that 1 million USD reaches" in done.stdout
    assert "trends are extrapolated until then" in done.stderr
    assert b"ImageNet, 1 million USD" in picture.read_bytes()
    printed = json.loads(run(*asked, "--year", "2030", "--json").stdout)
    assert printed[0]["in_words"] in done.stdout
    refused = run("forecast", "reference-2026.11")
    assert refused.returncode != 0
    assert "--budget-usd" in refused.stderr
    with pytest.raises(FigureError, match="several years or amounts"):
        plot_forecast(summary(forecast(synthetic_fit(draws=10), "imagenet", 2030, flop=1e20)))
