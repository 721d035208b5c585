"""Compute in one count: burdens converted to operations, their offsets estimated, and priced alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.test_model import OBSERVED

import scaling_bayes as sb
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.priors import default_priors
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.projection.counted import counted, per_operation
from scaling_bayes.projection.extrapolation import extrapolation, extrapolation_sentences
from scaling_bayes.projection.reached import reached
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.systems.counts import COUNTS, OFFSETS, count_index, in_arithmetic
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.view import PosteriorView

TABLE = pd.DataFrame(
    {
        "task": "t",
        "error": [0.3, 0.2, 0.1, 0.05, 0.04],
        "training_compute_flop": 1e20,
        "compute_count": ["arithmetic", "burden_fp32", "burden_fp32", "burden_tpu", ""],
        "precision": ["", "", "mixed", "", ""],
        "arithmetic_flop": [np.nan, np.nan, np.nan, 3e19, np.nan],
    }
)


def test_a_row_is_converted_as_far_as_it_says_how_it_was_counted() -> None:
    converted = in_arithmetic(TABLE)
    away = np.log10(TABLE["training_compute_flop"] / converted["training_compute_flop"])
    assert away.tolist() == pytest.approx(
        [0.0, OFFSETS["burden_fp32"][0], OFFSETS["burden_mixed"][0], np.log10(1e20 / 3e19), 0.0]
    )
    assert [COUNTS[i] for i in count_index(converted)] == [
        "arithmetic",
        "burden_fp32",
        "burden_mixed",
        "arithmetic",  # both counts are known
        "arithmetic",  # nothing is said
    ]
    plain = TABLE.drop(columns="compute_count")
    assert in_arithmetic(plain) is plain


def test_an_unknown_count_is_refused_by_row() -> None:
    with pytest.raises(DataError, match=r"row 3.*compute_count.*'petaflops'.*burden_tpu"):
        sb.validate_systems(TABLE.assign(compute_count=[*TABLE["compute_count"][:3], "petaflops", ""]))


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("Mixed", "mixed precision", "FP16", "bf16", "bfloat16"), "burden_mixed"),
        (("FP32", "float32", "", None), "burden_fp32"),
    ],
)
def test_words_of_one_precision_are_one(words: tuple[str | None, ...], count: str) -> None:
    for word in words:
        table = TABLE.assign(precision=word, arithmetic_flop=np.nan, compute_count="burden_fp32")
        table["training_compute_flop"] *= np.arange(1, 6)
        checked = sb.validate_systems(table)
        assert set(in_arithmetic(checked)["compute_count"]) == {count}


def test_an_unknown_precision_is_refused_by_row_where_it_is_read() -> None:
    with pytest.raises(DataError, match=r"row 2.*precision.*'int8'.*fp32, mixed, fp16, bf16") as refused:
        sb.validate_systems(TABLE.assign(precision=["int8", "", "int8", "int8", "int8"]))
    assert len(refused.value.problems) == 1
    plain = TABLE.drop(columns=["compute_count", "arithmetic_flop"])
    sb.validate_systems(plain.assign(precision=[0.9, 0.8, 0.7, 0.6, 0.5], system=list("abcde")))


def test_operations_are_in_the_unit_that_is_asked_for() -> None:
    in_gflop = TABLE.assign(
        training_compute_flop=TABLE["training_compute_flop"] / 1e9,
        arithmetic_flop=TABLE["arithmetic_flop"] / 1e9,
    )
    checked = sb.validate_systems(in_gflop, unit="GFLOP")
    assert checked["arithmetic_flop"][3] == pytest.approx(3e19)
    assert any("'arithmetic_flop' is converted from GFLOP" in each for each in checked.attrs["warnings"])
    with pytest.raises(DataError, match="no such column beside compute in 'steps'"):
        sb.validate_systems(TABLE, unit="steps")


@pytest.mark.parametrize(
    ("count", "precision", "times", "warned"),
    [
        ("burden_fp32", "mixed", 40, False),
        ("burden_fp32", "", 40, False),
        ("burden_fp32", "", 100, True),
        ("burden_fp32", "fp32", 5, True),
        ("burden_tpu", "bf16", 3, False),
        ("burden_tpu", "bf16", 5, True),
        ("arithmetic", "", 100, False),
    ],
)
def test_operations_that_devices_cannot_have_done_are_said(
    count: str, precision: str, times: float, warned: bool
) -> None:
    table = TABLE.assign(compute_count=count, precision=precision, arithmetic_flop=np.nan)
    table.loc[3, "arithmetic_flop"] = times * 1e20
    said = " ".join(sb.validate_systems(table).attrs["warnings"])
    assert ("row 3: arithmetic_flop" in said) == warned


def test_an_offset_moves_the_compute_of_its_rows_alone() -> None:
    """A wrong offset, and compute converted by as much too much, are the same model."""
    options = ModelOptions("bounded", drift=True, count_offsets=True)
    drawn = draw_prior(options, default_priors(options), OBSERVED, draws=3, random_seed=1)
    rows = OBSERVED.count_index == COUNTS.index("burden_tpu")
    moved = replace(OBSERVED, log10_compute=OBSERVED.log10_compute + np.where(rows, 0.7, 0.0))
    found = observed_performance("bounded", drawn, OBSERVED)
    after = observed_performance(
        "bounded", drawn.assign(offset_burden_tpu=drawn["offset_burden_tpu"] + 0.7), moved
    )
    xr.testing.assert_allclose(found.mean, after.mean)


def test_no_offset_where_nothing_is_converted() -> None:
    options = ModelOptions("bounded", count_offsets=True)
    assert not replace(OBSERVED, count_index=0 * OBSERVED.count_index).applicable(options).count_offsets
    assert OBSERVED.applicable(options).count_offsets


def test_systems_of_the_next_edition_are_of_every_count() -> None:
    converted = in_arithmetic(reference_systems(edition="2026.12"))
    assert set(converted["compute_count"]) == set(COUNTS)
    known = converted["arithmetic_flop"].notna()
    assert (converted["training_compute_flop"] == converted["arithmetic_flop"])[known].all()


def test_operations_of_a_rented_hour_follow_the_matrix_rate_and_the_utilisation() -> None:
    rates = {"log10_flop_per_usd": np.zeros((2, 2)), "log10_kg_per_kwh": np.zeros((2, 2))}
    inputs = {"utilisation": np.array([0.4, 0.1]), "device_rank": np.array([0.5, 0.5])}
    years = np.array([2014.5, 2024.5])
    device = Scenario.named("trend", device="NVIDIA A100 SXM4 80 GB")
    found = per_operation(rates, device, inputs, years)
    assert found["log10_flop_per_usd"] == pytest.approx(
        np.log10([[0.4, 0.4], [0.1, 0.1]]) + np.log10(312 / 19.5), abs=0.001
    )
    assert (found["log10_kg_per_kwh"] == 0.0).all()
    own = per_operation(rates, Scenario.named("thompson2020"), inputs, years)
    assert own["log10_flop_per_usd"] == pytest.approx(np.log10([[0.4, 0.4], [0.1, 0.1]]))
    trend = per_operation(rates, Scenario.named("trend"), inputs, years)["log10_flop_per_usd"]
    assert trend[0, 0] == pytest.approx(np.log10(0.4)), "no matrix rates before Volta"
    assert 0.6 < trend[0, 1] - trend[0, 0] < 1.6
    frozen = Scenario.named("trend", improvement="none", improvement_year=2014)
    assert per_operation(rates, frozen, inputs, years)["log10_flop_per_usd"][0, 1] == trend[0, 0]


def test_released_burdens_are_told_as_they_are() -> None:
    reference_trace = sb.open_trace("reference-2026.11")
    assert counted(PosteriorView.of(reference_trace)) == "burden"
    with pytest.raises(OptionError, match=r"count='arithmetic'.*burdens of several kinds"):
        sb.project(reference_trace, {"imagenet": 0.1}, count="arithmetic")
    with pytest.raises(OptionError, match="count"):
        sb.project(reference_trace, {"imagenet": 0.1}, count="flops")


def test_a_requirement_and_what_it_is_held_against_are_in_one_count() -> None:
    trace = sb.open_trace("reference-2026.12")
    away = float(trace["posterior"]["offset_burden_fp32"].median())
    assert abs(away - OFFSETS["burden_fp32"][0]) > 0.2, "else the prior's would do"
    targets = {"imagenet": [0.3, 0.115], "ms_coco": 0.3}
    done, burden = (
        sb.project(trace, targets, kind="mean", count=count) for count in ("arithmetic", "burden")
    )
    column = "log10_training_compute_flop"
    np.testing.assert_allclose(reached(burden)[column] - reached(done)[column], away)
    one, other = extrapolation(done), extrapolation(burden)
    assert (other["log10_compute"] - one["log10_compute"]).to_numpy() == pytest.approx(away, abs=0.06)
    for name in ("log10_compute_beyond", "at_one_pass"):
        np.testing.assert_allclose(one[name], other[name], atol=0.06 if "beyond" in name else 1e-12)
    assert one["at_one_pass"].max() > 0.5
    constant = trace["constant_data"].to_dataset()
    largest = float(constant[column].values[constant["system_task"].values.astype(str) == "ms_coco"].max())
    minutes = f"({10 ** (largest + away - 18) / 60:.0f} minutes at 1 exaFLOP/s)"
    assert minutes in next(one for one in extrapolation_sentences(burden) if one.startswith("MS COCO: "))
