"""The table of systems: what it holds, and that the 2020 paper's fits come out of it to the printed digit."""

import math

import numpy as np
import pytest
from scipy import stats

from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.editions import EDITIONS
from scaling_bayes.systems.flags import FLAGS, split_flags
from scaling_bayes.systems.load import EXCLUDED_FLAGS, load_systems, reference_systems

SYSTEMS = {"imagenet": 164, "ms_coco": 95, "squad_1_1": 60, "conll_2003": 40, "wmt14_en_fr": 32}
WITH_COMPUTE = {"imagenet": 43, "ms_coco": 33, "squad_1_1": 17, "conll_2003": 13, "wmt14_en_fr": 15}
IN_THOMPSON2020 = {"imagenet": 13, "ms_coco": 33, "squad_1_1": 16, "conll_2003": 13, "wmt14_en_fr": 13}
IN_REFERENCE = {"imagenet": 11, "ms_coco": 32, "squad_1_1": 15, "conll_2003": 12, "wmt14_en_fr": 12}

# log10(1/error) and 1/error on log10(GFLOP): slope, its standard error, intercept, R2, as recomputed from the
# points published with arXiv:2007.05558.
POLYNOMIAL = {
    "imagenet": ("0.0733", "0.0244", "-0.0965", "0.452", "13.6"),
    "ms_coco": ("0.0226", "0.0063", "0.0015", "0.290", "44.3"),
    "squad_1_1": ("0.1286", "0.0235", "-0.345", "0.682", "7.8"),
    "conll_2003": ("0.0168", "0.0060", "0.964", "0.418", "59.5"),
    "wmt14_en_fr": ("0.0237", "0.0069", "-0.0313", "0.516", "42.2"),
}
EXPONENTIAL = {
    "imagenet": ("0.867", "0.270", "-4.146", "0.484"),
    "ms_coco": ("0.0851", "0.0250", "0.840", "0.273"),
    "squad_1_1": ("2.987", "0.452", "-19.80", "0.757"),
    "conll_2003": ("0.504", "0.182", "8.592", "0.412"),
    "wmt14_en_fr": ("0.0856", "0.0265", "0.755", "0.486"),
}

# Every fault the public tables are known for, the rows it concerns and the flag that must say so.
FAULTS = {
    "HRNet times counted up by auto-fill": ("autofill_time", [f"coco-{n:03d}" for n in range(31, 38)]),
    "MnasNet TPU model counted up by auto-fill": (
        "autofill_device",
        [f"imagenet-{n}" for n in (151, 152, 153)],
    ),
    "MnasNet rate not multiplied by 64": ("count_not_multiplied", [f"imagenet-{n}" for n in (151, 152, 153)]),
    "ResNeXt 10 days read as 10 GPU-days": ("time_is_gpu_days", ["imagenet-082", "imagenet-083"]),
    "OctResNet times disagree": ("table_disagrees", ["imagenet-161"]),
    "NASNet search carried by comparison rows": (
        "search_compute_of_other_paper",
        [f"imagenet-{n:03d}" for n in range(98, 109)],
    ),
    "BERT, BiDAF, ReasoNet ensembles at one member's burden": (
        "member_compute",
        ["squad-010", "squad-012", "squad-044"],
    ),
    "AlexNet 7 CNNs and ZFNet 6 nets at one net's burden": (
        "member_compute",
        ["imagenet-158", "imagenet-164"],
    ),
    "ensembles": ("ensemble", ["squad-010", "squad-012", "squad-044", "imagenet-158", "imagenet-164"]),
    "Transformer base and big share a burden": ("shared_compute", ["wmt-003", "wmt-004"]),
    "points of one paper share a burden": (
        "shared_compute",
        ["coco-068", "coco-070", "squad-054", "conll-005"],
    ),
    "BERT-Large priced at TPU v3": ("wrong_device", ["squad-010", "squad-011"]),
    "YOLOv3 low point": ("high_leverage", ["coco-094"]),
}


# What is said here of the released edition; of the newest, see test_editions.py.
@pytest.fixture(scope="module")
def systems():
    return load_systems(edition="2026.11")


@pytest.fixture(scope="module")
def flags(systems):
    return {
        row.system_id: set(split_flags(cell))
        for row, cell in zip(systems.itertuples(), systems["flags"], strict=True)
    }


def points(systems, task):
    rows = systems[systems["in_thompson2020"] & (systems["task"] == task)]
    return np.log10(rows["training_compute_flop"] / 1e9), rows["error"]


def printed(value, like):
    """`value` rounded to the digits `like` is printed with."""
    return f"{value:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize("task", POLYNOMIAL)
def test_polynomial_fit_of_2020_reproduces(systems, task):
    compute, error = points(systems, task)
    fit = stats.linregress(compute, np.log10(1 / error))
    figures = (fit.slope, fit.stderr, fit.intercept, fit.rvalue**2, 1 / fit.slope)
    assert tuple(map(printed, figures, POLYNOMIAL[task])) == POLYNOMIAL[task]


@pytest.mark.parametrize("task", EXPONENTIAL)
def test_exponential_fit_of_2020_reproduces(systems, task):
    compute, error = points(systems, task)
    fit = stats.linregress(compute, 1 / error)
    figures = (fit.slope, fit.stderr, fit.intercept, fit.rvalue**2)
    assert tuple(map(printed, figures, EXPONENTIAL[task])) == EXPONENTIAL[task]


def test_counts(systems):
    assert systems.groupby("task").size().to_dict() == SYSTEMS
    assert systems[systems["training_compute_flop"].notna()].groupby("task").size().to_dict() == WITH_COMPUTE
    assert systems[systems["in_thompson2020"]].groupby("task").size().to_dict() == IN_THOMPSON2020
    assert reference_systems(edition="2026.11").groupby("task").size().to_dict() == IN_REFERENCE


def test_every_task_has_its_metric(systems):
    assert systems.groupby("task")["metric"].unique().map(list).to_dict() == {
        "imagenet": ["top_1_accuracy"],
        "ms_coco": ["box_ap"],
        "squad_1_1": ["f1"],
        "conll_2003": ["f1"],
        "wmt14_en_fr": ["bleu"],
    }
    assert list(dict.fromkeys(systems["task"])) == list(TASK_LABELS)


def test_types(systems):
    kinds = {name: dtype.kind for name, dtype in systems.dtypes.items() if hasattr(dtype, "kind")}
    assert kinds["publication_date"] == "M"
    assert kinds["in_thompson2020"] == "b"
    assert str(systems["year"].dtype) == "Int64"
    assert systems["training_compute_flop"].dtype == np.float64
    assert systems["system_id"].is_unique


def test_error_is_one_minus_the_score(systems):
    scored = systems[systems["value"].notna()]
    assert np.allclose(scored["error"], 1 - scored["value"] / 100, rtol=0, atol=1e-12)
    assert scored["error"].between(0, 1, inclusive="neither").all()
    assert systems["value"].isna().sum() == 1


def test_computed_burden_is_peak_rate_times_time(systems):
    computed = systems[systems["compute_method"] == "peak_rate_x_time"]
    product = computed["device_peak_flop_per_s"] * computed["device_count"] * computed["training_seconds"]
    assert len(computed) == sum(WITH_COMPUTE.values()) - sum(IN_THOMPSON2020.values())
    assert np.array_equal(computed["training_compute_flop"], product)


def test_burden_far_from_its_own_facts_is_flagged(systems, flags):
    rows = systems[systems["in_thompson2020"]]
    product = rows["device_peak_flop_per_s"] * rows["device_count"] * rows["training_seconds"]
    off = np.abs(np.log10(rows["training_compute_flop"] / product)) > math.log10(1.06)
    assert off.sum() == 29
    assert all("compute_rate_mismatch" in flags[row] for row in rows["system_id"][off])


@pytest.mark.parametrize("fault", FAULTS)
def test_known_fault_is_flagged(flags, fault):
    flag, rows = FAULTS[fault]
    assert [row for row in rows if flag not in flags[row]] == []


def test_autofilled_times_rise_by_an_hour(systems, flags):
    times = systems.loc[
        systems["system_id"].map(lambda row: "autofill_time" in flags[row]), "training_seconds"
    ]
    assert list(np.diff(times)) == [3600.0] * 6


def test_each_flag_is_of_the_vocabulary_and_used(flags):
    newest = load_systems(edition=EDITIONS[-1])["flags"]
    used = set().union(*flags.values(), *map(split_flags, newest))
    assert used == {flag.name for flag in FLAGS}
    assert set(EXCLUDED_FLAGS) <= used


def test_a_correction_has_a_reason(systems):
    corrected = systems[
        systems["training_compute_corrected_flop"].notna() | systems["error_corrected"].notna()
    ]
    assert len(corrected) == 21
    assert (corrected["correction_reason"].str.len() > 40).all()


@pytest.mark.parametrize(
    ("row", "flop"),
    [
        ("imagenet-082", 8 * 6.844e12 * 10 * 86400),
        ("imagenet-153", 64 * 180e12 * 389000),
        ("squad-011", 16 * 180e12 * 4 * 86400),
        ("squad-012", 12 * 6.691e12 * 20 * 3600),
        ("squad-060", 128 * 420e12 * 2.5 * 86400),
        ("conll-004", 4 * 180e12 * 4 * 86400),
        ("coco-073", 8 * 6.844e12 * 44 * 3600),
        ("wmt-004", 3.3e18),
    ],
)
def test_corrected_compute_follows_the_papers_words(systems, row, flop):
    corrected = systems.set_index("system_id")["training_compute_corrected_flop"][row]
    assert corrected == pytest.approx(flop, rel=5e-3)


def test_reference_rows_use_corrections_and_keep_the_reported(systems):
    reference = reference_systems(edition="2026.11").set_index("system_id")
    table = systems.set_index("system_id")
    assert (
        reference["training_compute_flop"]["wmt-004"] == table["training_compute_corrected_flop"]["wmt-004"]
    )
    assert reference["error"]["wmt-014"] == pytest.approx(1 - 0.2845)
    for column in ("training_compute", "error", "value"):
        name = f"{column}_flop" if column == "training_compute" else column
        kept = "training_compute_reported_flop" if column == "training_compute" else f"{column}_reported"
        assert reference[kept].equals(table.loc[reference.index, name].rename(kept))
    excluded = {"imagenet-108", "imagenet-161", "coco-094", "squad-052", "conll-021", "wmt-021"}
    assert set(table.index[table["in_thompson2020"]]) - set(reference.index) == excluded


def test_a_paper_cannot_predate_its_date(systems):
    dated = systems[systems["publication_date"].notna()]
    assert dated["publication_date"].between("2005-01-01", "2020-06-30").all()
    assert (dated["publication_date"].dt.day == 15).all()
    gap = dated["year"] - dated["publication_date"].dt.year
    assert gap.min() == 0
    assert gap.max() <= 2


def test_addresses_of_other_papers_are_corrected(systems):
    address = systems.set_index("system_id")["paper_url"]
    assert "1706.03762" in address["wmt-003"]
    assert "1808.01244" in address["coco-030"]
    assert "1809.01272" in address["wmt-030"]


def test_names_are_clean(systems):
    assert (systems["system"] == systems["system"].str.split().str.join(" ")).all()
    assert (systems["system"].str.len() > 0).all()


def test_every_excluded_row_says_why(systems, flags):
    excluded = systems["system_id"].map(lambda row: not flags[row].isdisjoint(EXCLUDED_FLAGS))
    assert excluded.sum() == 16
    assert (systems.loc[excluded, "remark"].str.len() > 40).all()
