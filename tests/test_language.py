"""The language family: every row follows from the hand-kept tables by the rule, and a fit would take it."""

import hashlib
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.pages.systems_picture import plot_systems
from tools.tables import build
from tools.tables.cells import read_cells
from tools.tables.language import COLUMNS, DOUBTFUL, FLAGS, derive_language, language_rows

from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.systems.fit_rows import rows_for_fit
from scaling_bayes.systems.load import load_systems
from scaling_bayes.systems.schema import validate_systems

DATA = Path(__file__).resolve().parents[1] / "data"
SCORES, MODELS, TASKS = (read_cells(DATA / f"language_{name}.csv") for name in ("scores", "models", "tasks"))
#: Rows by task, and by year.
BY_TASK = {
    "anli": 9,
    "arc_challenge": 143,
    "bbh": 38,
    "boolq": 41,
    "gpqa_diamond": 30,
    "gsm8k": 154,
    "hellaswag": 150,
    "humaneval": 98,
    "lambada": 21,
    "math_level_5": 28,
    "mmlu": 175,
    "mock_aime": 20,
    "openbookqa": 32,
    "piqa": 40,
    "triviaqa": 31,
    "winogrande": 150,
}
BY_YEAR = {2019: 8, 2020: 3, 2021: 61, 2022: 136, 2023: 531, 2024: 421}


@pytest.fixture(scope="module")
def language() -> pd.DataFrame:
    return load_systems(family="language")


def test_a_fit_would_take_it(language):
    found = validate_systems(language)
    assert rows_for_fit(found).without_compute == 0
    assert not found.duplicated(["task", "system"]).any()


def test_counts_by_task_and_year(language):
    assert language.groupby("task").size().to_dict() == BY_TASK
    assert language.groupby(language["publication_date"].dt.year).size().to_dict() == BY_YEAR


def test_columns_and_words(language):
    assert list(language.columns) == list(COLUMNS)
    assert set(language["compute_count"]) == {"arithmetic"}
    assert set(language["variant"]) == {"base", "post_trained"}
    assert set(language["flags"].str.split().explode().dropna()) == set(FLAGS)
    doubted = language["flags"].map(lambda cell: not set(cell.split()).isdisjoint(DOUBTFUL))
    assert (doubted == language["compute_in_doubt"]).all()
    assert (language["citation"].str.len() > 10).all()
    assert language["url"].str.startswith("https://").all()


def test_compute_is_counted_one_way(language):
    """Where compute is counted from parameters and tokens it is 6 x their product, else near it or stated."""
    product = 6 * language["parameters"] * language["training_tokens"]
    ratio = language["training_compute_flop"] / product
    counted = language["compute_basis"] == "parameters_and_tokens"
    assert (ratio[counted] - 1).abs().max() < 1e-3
    assert ratio[language["compute_basis"] == "stated"].dropna().between(1 / 1.3, 1.3).all()
    assert language.loc[language["compute_basis"] == "outside_estimate", "compute_in_doubt"].all()


def test_the_usual_number_of_shots_is_the_most_frequent():
    scores = pd.DataFrame(SCORES)
    stated = scores[~scores["shots"].isin(["", "few"])]
    counts = stated.groupby("task")["shots"].value_counts()
    for task in TASKS:
        if task["task"] in counts:
            own = counts[task["task"]]
            assert own[task["shots"]] == own.max()
        else:
            assert task["shots"] == ""


@pytest.mark.parametrize("name", build.LANGUAGE_TABLES)
def test_sidecar_describes_the_file(name):
    table = DATA / name
    about = tomllib.loads(build.sidecar(table).read_text(encoding="utf-8"))
    assert about["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert [column["name"] for column in about["columns"]] == list(read_cells(table)[0])
    assert all(column["unit"] and column["meaning"] for column in about["columns"])
    assert all(source["url"] and source["licence"] for source in about["sources"])


def test_hand_kept_rows_say_how_they_were_verified():
    for row in (*MODELS, *TASKS):
        assert row["verified"].startswith(("2026-", "unverified: ")), row
    assert len({row["system"] for row in MODELS}) == len(MODELS)
    reasoned = {"_corrected", "_disagrees", "_assumed", "_doubtful", "outside_estimate", "partial_compute"}
    for row in MODELS:
        if any(flag.endswith(tuple(reasoned)) for flag in row["flags"].split()):
            assert row["reason"], row


def _score(percent: float, shots: str, source: str = "a") -> dict[str, str]:
    return dict(
        zip(SCORES[0], ("mmlu", "gpt-j-6b", str(percent), shots, source, "https://x", "b"), strict=True)
    )


@pytest.mark.parametrize(
    ("scores", "chosen", "shots"),
    [
        ([_score(30, "0"), _score(26, "5"), _score(40, "")], "26", "5"),
        ([_score(30, "0"), _score(40, "")], "30", "0"),
        ([_score(31, "4"), _score(33, "6")], "33", "6"),
        ([_score(40, ""), _score(50, "few")], "50", "few"),
        ([_score(20, "5", "x"), _score(90, "5", "y"), _score(30, "5", "z")], "30", "5"),
        ([_score(20, "5", "x"), _score(90, "5", "y")], "20", "5"),
    ],
)
def test_rule_of_shots_and_sources(scores, chosen, shots):
    (row,) = derive_language(scores, MODELS, TASKS)
    assert (row["score_percent"], row["shots"], row["n_scores"]) == (chosen, shots, str(len(scores)))


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.sampled_from(["", "few", "0", "1", "5", "25"])),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_order_of_scores_does_not_matter_and_the_choice_was_reported(reported, random):
    scores = [_score(percent, shots, str(place)) for place, (percent, shots) in enumerate(reported)]
    rows = derive_language(scores, MODELS, TASKS)
    random.shuffle(scores)
    assert derive_language(scores, MODELS, TASKS) == rows
    assert len(rows) == any(percent for percent, _ in reported)
    for row in rows:
        assert (int(row["score_percent"]), row["shots"]) in reported
        above = [percent for percent, _ in reported if percent]
        assert float(row["score_spread"]) == max(above) - min(above)


def test_a_score_of_nothing_known_is_refused():
    with pytest.raises(DataError, match="no other table") as caught:
        derive_language([_score(30, "5") | {"system": "nobody"}], MODELS, TASKS)
    assert caught.value.problems[0].row == 2
    with pytest.raises(OptionError, match="no family of tasks 'vision'; there are five_tasks, language"):
        load_systems(family="vision")


def test_committed_rows_follow_from_the_hand_kept_tables():
    assert language_rows(DATA) == read_cells(DATA / "language_systems.csv")


def test_every_system_is_drawn(language):
    drawn = language[language["task"].isin(["anli", "mock_aime"])]
    figure = plot_systems(drawn)
    panels = [ax for ax in figure.axes if ax.collections and ax.get_title(loc="left")]
    assert [len(ax.collections[0].get_offsets()) for ax in panels] == [9, 20]
    faint = sum((ax.collections[0].get_facecolor()[:, 3] < 0.5).sum() for ax in panels)
    assert faint == drawn["compute_in_doubt"].sum()
