"""The report's section on the 2020 paper: every cell, its reproduction and this fit's."""

from __future__ import annotations

import pytest
import xarray as xr
from tests.synthetic import synthetic_fit

from scaling_bayes.report.blocks import Details, PowerInterval, Table
from scaling_bayes.report.build import build_report
from scaling_bayes.thompson2020.comparison import side_by_side

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unplotted")]

PAPER_TASKS = ("imagenet", "ms_coco", "squad_1_1", "conll_2003", "wmt14_en_fr")


def tables(idata: xr.DataTree) -> list[Table]:
    section = next((s for s in build_report(idata).annex if s.anchor == "thompson2020"), None)
    if section is None:
        return []
    parts = [part for part in section.parts if isinstance(part, Table)]
    for part in section.parts:
        if isinstance(part, Details):
            parts[1:1] = [inner for inner in part.parts if isinstance(inner, Table)]
    return parts


@pytest.fixture(scope="module")
def idata() -> xr.DataTree:
    return synthetic_fit(tasks=PAPER_TASKS, seed=4)


def test_every_cell_of_the_paper_is_there(idata: xr.DataTree) -> None:
    compute, cost, carbon, slopes = tables(idata)
    assert [len(table.rows) for table in (compute, cost, carbon, slopes)] == [15, 15, 15, 5]
    five_percent = compute.rows[1]
    assert five_percent[1:4] == ("5 %", "10^28", "10^36")
    assert cost.rows[1][2:4] == ("10^11", "10^19")
    assert carbon.rows[1][2:4] == ("10^10", "10^19")


def test_this_fits_numbers_are_those_of_the_comparison(idata: xr.DataTree) -> None:
    cells = side_by_side(idata)
    polynomial = cells[(cells["form"] == "polynomial") & (cells["quantity"] == "compute")]
    found = [row[-1] for row in tables(idata)[0].rows]
    for cell, (_, row) in zip(found, polynomial.iterrows(), strict=True):
        assert isinstance(cell, PowerInterval)
        assert cell.median == pytest.approx(row["bayes_median"] + 9)
        assert cell.upper == pytest.approx(row["bayes_upper_90"] + 9)


def test_no_section_for_tasks_the_paper_does_not_have() -> None:
    assert tables(synthetic_fit(tasks=("mine", "yours"))) == []
