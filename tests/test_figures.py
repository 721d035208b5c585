"""What the figures promise: no global state, the same bytes, names as text, numbers as summarised."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import stats
from tests.some import some
from tests.synthetic import synthetic_fit

from scaling_bayes import figures, forecast, score
from scaling_bayes import summary as summarize
from scaling_bayes.core.performance import performance_distribution
from scaling_bayes.figures import (
    FigureError,
    plot_affordability,
    plot_fits,
    plot_forecast,
    plot_posterior_predictive,
    plot_prior_predictive,
    plot_projections,
    plot_ranks,
    plot_score,
    plot_slopes,
    to_svg,
)
from scaling_bayes.figures.predictive import _binomial
from scaling_bayes.figures.style import COLORS
from scaling_bayes.projection.affordability import affordability, probability_by_year
from scaling_bayes.projection.project import project
from scaling_bayes.text import decades, format_interval, legible, power_of_ten, task_label
from scaling_bayes.trace.view import PosteriorView, coverage

NASTY = ("<script>alert(1)</script>", '$x_ & "y" ]]>', "it's \x1b {{7*7}} % \\frac")


@cache
def fit() -> Any:
    return synthetic_fit()


@cache
def summary() -> Any:
    return summarize(project(fit()))


def shares(idata: Any) -> Any:
    projection = project(idata, years=range(2020, 2061, 5), scenario="trend")
    return probability_by_year(affordability(projection, budget_usd=1e9))


def later_systems(idata: Any) -> pd.DataFrame:
    tasks = [str(task) for task in idata["posterior"]["task"].values if str(task).isprintable()]
    return pd.DataFrame(
        {"task": tasks * 3, "system": "new", "error": np.linspace(0.05, 0.4, 3 * len(tasks)), "year": 2022}
    ).assign(training_compute_flop=1e21)


def figure_of(drawn: Any) -> Figure:
    return drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)


FIGURES: dict[str, Callable[[Any, float], Figure]] = {
    "fits": lambda idata, width: plot_fits(idata, width=width),
    "slopes": lambda idata, width: figure_of(plot_slopes(idata, width=width)),
    "projections": lambda idata, width: figure_of(
        plot_projections(summarize(project(idata)), yardsticks={"a yardstick": 25.0}, width=width)
    ),
    "carbon": lambda idata, width: figure_of(
        plot_projections(summarize(project(idata, scenario="trend")), quantity="log10_carbon_kg", width=width)
    ),
    "affordability": lambda idata, width: plot_affordability(shares(idata), title="a budget", width=width),
    "forecast": lambda idata, width: plot_forecast(
        summarize(forecast(idata, years=[2025, 2035], budget_usd=1e6)), title="a title", width=width
    ),
    "prior": lambda idata, width: figure_of(plot_prior_predictive(idata, width=width)),
    "posterior": lambda idata, width: plot_posterior_predictive(idata, width=width),
    "ranks": lambda idata, width: plot_ranks(idata, width=width),
    "score": lambda idata, width: plot_score(score(idata, later_systems(idata)), width=width),
}
each_figure = pytest.mark.parametrize("name", some(FIGURES, 2))


@pytest.mark.parametrize("name", some(FIGURES, 4))
def test_no_global_setting_is_changed_or_decides(name: str) -> None:
    before = dict(mpl.rcParams)
    expected = to_svg(FIGURES[name](fit(), 8.9))
    assert dict(mpl.rcParams) == before
    with mpl.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "xtick.color": "red", "text.parse_math": True}
    ):
        assert to_svg(FIGURES[name](fit(), 8.9)) == expected


@each_figure
def test_names_are_text_and_nothing_else(name: str) -> None:
    idata = synthetic_fit(tasks=NASTY, system_name=NASTY[0])
    svg = to_svg(FIGURES[name](idata, 8.9), alt=NASTY[1])
    root = ElementTree.fromstring(svg)
    assert not [element for element in root.iter() if "script" in element.tag]
    assert root.get("aria-label") == '$x_ & "y" ]]>'
    written = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    if name in ("fits", "slopes", "projections", "carbon", "affordability", "forecast", "prior", "score"):
        assert any((text or "").startswith("<script>alert") for text in written)
        assert any((text or "").startswith(NASTY[1]) for text in written)


@each_figure
def test_nothing_is_drawn_with_pyplot(name: str) -> None:
    from matplotlib import pyplot as plt

    FIGURES[name](fit(), 8.9)
    assert plt.get_fignums() == []


def test_axes_given_are_drawn_on() -> None:
    ax = Figure().add_subplot()
    assert plot_slopes(fit(), ax=ax) is ax
    ax = Figure().add_subplot()
    assert plot_projections(summary(), ax=ax) is ax
    ax = Figure().add_subplot()
    assert plot_prior_predictive(fit(), ax=ax) is ax
    ax = Figure().add_subplot()


def test_what_no_compute_reaches_is_one_word() -> None:
    assert format_interval(math.inf, math.inf, math.inf) == "unreachable"
    assert format_interval(23.4, 18.9, math.inf) == "10^23.4 [10^18.9, unreachable]"
    rows = summary().assign(unreachable=1.0)
    rows[["median", "lower_50", "upper_50", "lower_90", "upper_90"]] = math.inf
    ax = plot_projections(pd.concat([summary().head(1), rows.tail(1)]))
    assert "unreachable →" in [text.get_text() for text in ax.texts]


def test_every_public_picture_says_what_it_returns() -> None:
    for name in (each for each in figures.__all__ if each.startswith("plot_")):
        function = getattr(figures, name)
        one_panel = "ax" in inspect.signature(function).parameters
        returns = "Axes" if one_panel else "Figure"
        assert inspect.signature(function).return_annotation == returns, name
        assert f"Returns\n-------\n{returns}\n" in f"{inspect.getdoc(function)}\n", name


@pytest.mark.parametrize("as_table", [True, False])
def test_unpooled_slopes_stand_below_the_pooled(as_table: bool) -> None:
    alone = synthetic_fit(pooling="none", seed=2)
    slopes = alone["posterior"]["slope"]
    tasks = [str(task) for task in slopes["task"].values]
    medians = [float(np.quantile(slopes.sel(task=task).values, 0.5)) for task in tasks]
    table = pd.DataFrame({"task": tasks, "median": medians, "lower_90": -1.0, "upper_90": 1.0})
    ax = plot_slopes(fit(), unpooled=table if as_table else alone)
    drawn = [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "s"]
    np.testing.assert_allclose(drawn, np.log10(medians), rtol=1e-6)
    assert "unpooled" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_svg_ids_are_prefixed_and_every_reference_resolves() -> None:
    svg = to_svg(plot_fits(fit()), name="mine")
    ids = re.findall(r' id="([^"]*)"', svg)
    assert ids
    assert len(ids) == len(set(ids))
    assert all(one.startswith("mine-") for one in ids)
    used = set(re.findall(r'href="#([^"]*)"', svg)) | set(re.findall(r"url\(#([^)]*)\)", svg))
    assert used == set(ids)


def test_svg_colours_follow_the_page() -> None:
    svg = to_svg(plot_fits(fit()))
    assert f"var(--fig-blue, {COLORS['blue']})" in svg
    assert "font-family: var(--fig-font, sans-serif)" in svg
    assert "<style" not in svg
    assert "<metadata" not in svg


def test_palette_is_told_apart_by_contrast_on_paper() -> None:
    for name in ("ink", "muted", "blue", "orange"):
        assert contrast(COLORS[name], COLORS["paper"]) >= (3.0 if name == "orange" else 4.5)


def contrast(one: str, other: str) -> float:
    from matplotlib.colors import to_rgb

    def luminance(color: str) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# Projections


def test_bars_end_where_the_summary_says() -> None:
    ax = plot_projections(summary())
    row = summary().iloc[0]
    lines = [line.get_xdata() for line in ax.lines]
    assert any(len(x) == 2 and np.allclose(x, [row["lower_90"], row["upper_90"]]) for x in lines)
    assert any(len(x) == 2 and np.allclose(x, [row["lower_50"], row["upper_50"]]) for x in lines)
    assert any(len(x) == 1 and np.isclose(x[0], row["median"]) for x in lines)


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def changed(**values: float) -> Any:
    frame = summary().copy()
    for name, value in values.items():
        frame.loc[frame.index[-1], name] = value
    return frame


def test_a_bar_that_leaves_the_axis_has_its_end_written() -> None:
    ax = plot_projections(changed(upper_90=312.0))
    assert "10³¹²" in texts(ax)
    assert ax.get_xlim()[1] < 200


def test_a_median_that_leaves_the_axis_is_written() -> None:
    ax = plot_projections(changed(median=400.0, upper_50=500.0, upper_90=600.0))
    assert any("10⁴⁰⁰" in text for text in texts(ax))


@pytest.mark.parametrize("share", [0.34, 0.004])
def test_unreachable_draws_are_shown(share: float) -> None:
    ax = plot_projections(changed(upper_90=math.inf, unreachable=share))
    assert any("unreachable in " + ("34 %" if share > 0.01 else "<1 %") in text for text in texts(ax))


def test_targets_out_of_reach_in_every_draw_are_drawn() -> None:
    frame = summary().copy()
    frame[["lower_90", "lower_50", "median", "upper_50", "upper_90"]] = math.inf
    frame["unreachable"] = 1.0
    assert any("unreachable" in text for text in texts(plot_projections(frame)))


def test_years_are_told_apart() -> None:
    frame = summarize(project(fit(), {"imagenet": [0.1]}, years=[2025, 2030]))
    assert {"10 % in 2025", "10 % in 2030"} <= set(texts(plot_projections(frame)))


def test_a_summary_without_compute_is_refused() -> None:
    frame = summary().assign(quantity="log10_cost_usd")
    with pytest.raises(FigureError, match="training compute"):
        plot_projections(frame)


def test_every_projected_quantity_can_be_drawn_and_no_other() -> None:
    frame = summarize(project(fit(), {"imagenet": [0.1]}, scenario="trend"))
    for quantity in ("log10_cost_usd", "log10_energy_kwh", "log10_carbon_kg"):
        ax = plot_projections(frame, quantity=quantity, yardsticks={"a yardstick": 13.0})
        row = frame[frame["quantity"] == quantity].iloc[0]
        lines = [line.get_xdata() for line in ax.lines]
        assert any(len(x) == 2 and np.allclose(x, [row["lower_90"], row["upper_90"]]) for x in lines)
    with pytest.raises(FigureError, match="expected one"):
        plot_projections(frame, quantity="cost")
    with pytest.raises(FigureError, match="with a scenario"):
        plot_projections(summary(), quantity="log10_cost_usd")


# Affordability


def test_lines_are_the_probabilities_and_never_is_written() -> None:
    frame = shares(fit())
    frame.loc[frame["error"] == frame["error"].iloc[0], "never"] = 0.37
    figure = plot_affordability(frame)
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == frame["task"].nunique()
    for ax, (_, rows) in zip(panels, frame.groupby("task", sort=False), strict=True):
        drawn = [line for line in ax.lines if line.get_transform() != ax.transAxes]
        for line, (_, one) in zip(drawn, rows.groupby("error", sort=False), strict=True):
            at = np.interp(one["year"], line.get_xdata(), line.get_ydata())
            assert np.allclose(at, one["within_budget"], atol=2e-3)
        assert len({(str(line.get_color()), str(line.get_linestyle())) for line in drawn}) == len(drawn)
    assert any("never 37 %" in text for text in texts(panels[0]))
    assert "target, never by 2060" in texts(panels[0])


def test_an_empty_or_other_table_is_refused() -> None:
    for frame in (shares(fit()).iloc[:0], summary()):
        with pytest.raises(FigureError, match="probability_by_year"):
            plot_affordability(frame)


# Fits, checks and predictive distributions


def test_curve_is_the_law_and_holds_its_band() -> None:
    import xarray as xr

    idata = fit()
    fitted = PosteriorView.of(idata).curve("imagenet", np.linspace(17, 21, 5))
    names = list(fitted.bands)
    values = np.array([fitted.bands[name] for name in names])
    assert names == ["lower_90", "lower_50", "median", "upper_50", "upper_90"]
    assert (np.diff(values, axis=0) >= 0).all()
    assert (np.diff(fitted.line) < 0).all()
    reference = float(idata["constant_data"]["reference_log10_compute"].sel(task="imagenet"))
    label = {"system": ["one"]}
    mean = performance_distribution(
        "power",
        idata["posterior"].to_dataset(),
        xr.DataArray(["imagenet"], dims="system", coords=label),
        xr.DataArray([17.0 - reference], dims="system", coords=label),
        xr.DataArray([0.0], dims="system", coords=label),
        compute_is_exact=True,
    ).mean
    ordered = np.sort(10.0 ** -mean.values.ravel())
    assert ordered[0] <= fitted.line[0] <= ordered[-1]
    assert fitted.line[0] == pytest.approx(np.median(ordered))


def test_every_system_is_a_point() -> None:
    figure = plot_fits(fit(), tasks=["ms_coco"])
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "o")
    assert drawn == PosteriorView.of(fit()).points("ms_coco").error.size


def test_hollow_points_are_those_in_doubt() -> None:
    observed = PosteriorView.of(fit()).points("imagenet")
    assert 0 < observed.flagged.sum() < observed.flagged.size
    assert not PosteriorView.of(synthetic_fit(provenance=False)).points("imagenet").flagged.any()


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(FigureError, match=r"nonsense.*imagenet"):
        plot_fits(fit(), tasks=["nonsense"])


def test_least_squares_line_is_drawn_when_given() -> None:
    plain, with_line = (
        plot_fits(fit(), tasks=["imagenet"], least_squares=given)
        for given in (None, {"imagenet": (0.07, -0.7)})
    )
    assert len(with_line.axes[0].lines) == len(plain.axes[0].lines) + 1


def test_one_chain_has_no_rank_figure() -> None:
    with pytest.raises(FigureError, match="one"):
        plot_ranks(synthetic_fit(chains=1))


def test_ranks_lie_in_the_unit_interval_and_are_covered() -> None:
    ranks = PosteriorView.of(fit()).pit()
    assert ((ranks >= 0) & (ranks <= 1)).all()
    assert coverage(np.array([0.0, 0.05, 0.5, 0.95, 1.0]), 0.9) == pytest.approx(0.6)
    assert coverage(ranks, 1.0) == 1.0


@given(n=st.integers(5, 3000), bins=st.integers(4, 10))
def test_the_band_of_ranks_is_binomial(n: int, bins: int) -> None:
    np.testing.assert_allclose(
        _binomial(n, 1 / bins), stats.binom.cdf(np.arange(n + 1), n, 1 / bins), atol=1e-9
    )


# Text


def test_powers_of_ten_are_raised() -> None:
    assert power_of_ten(23) == "10²³"
    assert power_of_ten(-2) == "10⁻²"
    assert power_of_ten(23.4) == "10²³·⁴"


@pytest.mark.parametrize(("low", "high"), [(15.0, 22.3), (17.0, 87.0), (-3.0, 400.0), (20.0, 20.5)])
def test_decades_are_few_whole_and_within(low: float, high: float) -> None:
    found = decades(low, high)
    assert len(found) <= 8
    assert all(low - 1e-6 <= x <= high + 1e-6 and x == int(x) for x in found)


def test_text_is_made_legible() -> None:
    assert legible("a\x00b\ud800c") == "a b?c"
    assert legible("x" * 50, 10) == "x" * 9 + "…"
    assert task_label("wmt14_en_fr") == "WMT14 En-Fr"
    assert task_label("") == "(no name)"
