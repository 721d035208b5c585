"""From the hand-kept reported facts to the derived table: error, burden, corrected burden, date and flags."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.flags import JUDGED_FLAGS, join_flags, split_flags
from tools.tables.cells import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = dict[str, str]

COLUMNS = (
    "system_id",
    "task",
    "system",
    "paper",
    "paper_url",
    "year",
    "publication_date",
    "metric",
    "value",
    "error",
    "value_corrected",
    "error_corrected",
    "device",
    "device_class",
    "device_count",
    "device_peak_flop_per_s",
    "training_seconds",
    "training_compute_flop",
    "compute_method",
    "training_compute_corrected_flop",
    "in_thompson2020",
    "flags",
    "correction_reason",
    "remark",
)

#: Day of the month given to dates known to the month only.
MIDDLE_OF_MONTH = 15
#: Relative difference between two burdens above which they count as different.
RATE_TOLERANCE = 0.05
#: Relative difference below which two burdens of a paper are one, rounding apart.
SHARED_TOLERANCE = 0.01
#: Relative difference below which a corrected burden is the reported one, rounding apart.
CORRECTION_TOLERANCE = 0.02

#: Examples in the training set, in the unit `flop_per_pass` counts: images of ILSVRC 2012 and of COCO
#: train2017, words of CoNLL 2003.
TRAINING_EXAMPLES = {"imagenet": 1_281_167, "ms_coco": 118_287, "conll_2003": 203_621}
#: Operations of a training step, forward and backward, in those of a forward pass.
FORWARD_PASSES_PER_STEP = 3

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{2})(\d{2})\.\d{4,5}")
_ENSEMBLE = re.compile(r"ensemble|\b\d+ ?cnns\b|\b\d+ convnets\b", re.IGNORECASE)
_COMPUTE_CORRECTIONS = (
    "corrected_device",
    "corrected_device_count",
    "corrected_training_seconds",
    "corrected_models",
)


@dataclass(frozen=True, slots=True)
class Device:
    """One line of ``devices.csv``; peak in FLOP/s, release as ``YYYY-MM``."""

    device_class: str
    peak: float
    release_month: str
    ambiguous: bool


def devices_from(rows: Sequence[Mapping[str, str]]) -> dict[str, Device]:
    """Devices by name."""
    return {
        row["device"]: Device(
            row["device_class"],
            float(row["peak_flop_per_s"]),
            row["release_month"],
            row["ambiguous"] == "yes",
        )
        for row in rows
    }


def derive(reported: Sequence[Mapping[str, str]], devices: Mapping[str, Device]) -> list[Row]:
    """The derived table.

    Parameters
    ----------
    reported : sequence of mapping
        Rows of ``systems_reported.csv`` as text cells.
    devices : mapping
        Devices by name, as `devices_from` gives them.

    Returns
    -------
    list of dict
        One row per reported row, in the same order, with the columns `COLUMNS` as text cells. Burdens in
        FLOP: the one published with the 2020 regressions where there is one, else peak rate x count x
        seconds. Dates are the 15th of the first arXiv version's month, or of the venue's.

    Raises
    ------
    DataError
        If a device or a judged flag is not in its vocabulary, or a correction gives no reason.
    """
    _check(reported, devices)
    rows = [_row(entry, devices) for entry in reported]
    among = _Neighbours(rows)
    for row, entry in zip(rows, reported, strict=True):
        row["flags"] = join_flags(
            _rule_flags(row, entry, devices, among) | set(split_flags(entry["judged_flags"]))
        )
    return rows


def _check(reported: Sequence[Mapping[str, str]], devices: Mapping[str, Device]) -> None:
    problems = []
    for line, entry in enumerate(reported, start=2):
        for column in ("device", "corrected_device"):
            if entry[column] and entry[column] not in devices:
                problems.append(Problem(line, column, repr(entry[column]), "a device of devices.csv"))
        problems += [
            Problem(line, "judged_flags", repr(name), "a judged flag of systems/flags.py")
            for name in split_flags(entry["judged_flags"])
            if name not in JUDGED_FLAGS
        ]
        if _is_corrected(entry) and not entry["correction_reason"]:
            problems.append(
                Problem(line, "correction_reason", "nothing", "the reason for the corrections of this row")
            )
    for name, times in Counter(entry["system_id"] for entry in reported).items():
        if times > 1:
            problems.append(Problem(None, "system_id", f"{name!r} {times} times", "each identifier once"))
    if problems:
        raise DataError("systems_reported.csv cannot be derived from", problems)


def _is_corrected(entry: Mapping[str, str]) -> bool:
    return any(cell for column, cell in entry.items() if column.startswith("corrected_"))


def _row(entry: Mapping[str, str], devices: Mapping[str, Device]) -> Row:
    def best(column: str) -> str:
        return entry[f"corrected_{column}"] or entry[column]

    device = devices.get(entry["device"])
    burden, method = _burden(entry, device)
    corrected = _corrected_burden(entry, devices)
    if (
        corrected is not None
        and burden is not None
        and math.isclose(corrected, burden, rel_tol=CORRECTION_TOLERANCE)
    ):
        corrected = None
    return {
        "system_id": entry["system_id"],
        "task": entry["task"],
        "system": best("system"),
        "paper": best("paper"),
        "paper_url": best("paper_url"),
        "year": entry["year"],
        "publication_date": publication_date(best("paper_url"), entry["publication_month"]),
        "metric": entry["metric"],
        "value": entry["value"],
        "error": error_of(entry["value"]),
        "value_corrected": entry["corrected_value"],
        "error_corrected": error_of(entry["corrected_value"]),
        "device": entry["device"],
        "device_class": device.device_class if device else "",
        "device_count": entry["device_count"],
        "device_peak_flop_per_s": repr(device.peak) if device else "",
        "training_seconds": entry["training_seconds"],
        "training_compute_flop": "" if burden is None else repr(burden),
        "compute_method": method,
        "training_compute_corrected_flop": "" if corrected is None else repr(corrected),
        "in_thompson2020": "true" if entry["thompson2020_burden_flop"] else "false",
        "flags": "",
        "correction_reason": entry["correction_reason"],
        "remark": entry["remark"],
    }


def error_of(value: str) -> str:
    """Error, 1 minus the performance as a fraction, of a performance in percent; exact in decimal."""
    return repr(float(1 - Decimal(value) / 100)) if value else ""


def publication_date(paper_url: str, month: str) -> str:
    """ISO date of the first public version, to the month, the day set to the 15th.

    Parameters
    ----------
    paper_url : str
        An arXiv address carries its month: 1611.05431 is of November 2016.
    month : str
        ``YYYY-MM`` of the venue, used when the address is not arXiv's; may be empty.
    """
    found = _ARXIV.search(paper_url)
    if found:
        month = f"20{found[1]}-{found[2]}"
    return f"{month}-{MIDDLE_OF_MONTH}" if month else ""


def _product(device: Device | None, entry: Mapping[str, str]) -> float | None:
    count, seconds = number(entry["device_count"]), number(entry["training_seconds"])
    if device is None or count is None or seconds is None:
        return None
    return device.peak * count * seconds


def _burden(entry: Mapping[str, str], device: Device | None) -> tuple[float | None, str]:
    published = number(entry["thompson2020_burden_flop"])
    if published is not None:
        return published, "thompson2020_burden"
    computed = _product(device, entry)
    return computed, "" if computed is None else "peak_rate_x_time"


def _corrected_burden(entry: Mapping[str, str], devices: Mapping[str, Device]) -> float | None:
    if not any(entry[column] for column in _COMPUTE_CORRECTIONS):
        return None
    facts = {
        column: entry[f"corrected_{column}"] or entry[column]
        for column in ("device", "device_count", "training_seconds")
    }
    one = _product(devices.get(facts["device"]), facts)
    return None if one is None else one * (number(entry["corrected_models"]) or 1.0)


def _listed_rate_differs(entry: Mapping[str, str], device: Device | None) -> bool:
    listed, count = number(entry["listed_rate_flop_per_s"]), number(entry["device_count"])
    if device is None or listed is None or count is None:
        return False
    return not math.isclose(listed, device.peak * count, rel_tol=RATE_TOLERANCE)


def _is_below_operation_count(entry: Mapping[str, str], burden: float | None) -> bool:
    """Whether the burden is below the operations of the reported epochs, of one where none are reported."""
    operations, examples = number(entry["flop_per_pass"]), TRAINING_EXAMPLES.get(entry["task"])
    if burden is None or operations is None or examples is None:
        return False
    return burden < FORWARD_PASSES_PER_STEP * operations * examples * (number(entry["epochs"]) or 1.0)


def _bare_name(system: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", system.lower()))


class _Neighbours:
    """What can be said of a row only next to the others of its task."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._burdens: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in rows:
            if row["training_compute_flop"]:
                self._burdens[row["task"], row["paper"]].append(float(row["training_compute_flop"]))
        self._scores = Counter(self._score_key(row) for row in rows)

    @staticmethod
    def _score_key(row: Row) -> tuple[str, str, str]:
        return row["task"], _bare_name(row["system"]), row["value"]

    def share_burden(self, row: Row) -> bool:
        burden = number(row["training_compute_flop"])
        if burden is None:
            return False
        of_paper = self._burdens[row["task"], row["paper"]]
        return sum(math.isclose(burden, other, rel_tol=SHARED_TOLERANCE) for other in of_paper) > 1

    def repeat(self, row: Row) -> bool:
        return bool(row["value"]) and self._scores[self._score_key(row)] > 1


def _rule_flags(
    row: Row, entry: Mapping[str, str], devices: Mapping[str, Device], among: _Neighbours
) -> set[str]:
    device = devices.get(entry["device"])
    burden, computed = number(row["training_compute_flop"]), _product(device, entry)
    date = row["publication_date"]
    rules: dict[str, Callable[[], bool]] = {
        "no_compute": lambda: burden is None,
        "no_metric": lambda: not row["value"],
        "no_publication_date": lambda: not date,
        "ensemble": lambda: _ENSEMBLE.search(row["system"]) is not None,
        "shared_compute": lambda: among.share_burden(row),
        "compute_rate_mismatch": lambda: (
            burden is not None
            and computed is not None
            and not math.isclose(burden, computed, rel_tol=RATE_TOLERANCE)
        ),
        "listed_rate_mismatch": lambda: _listed_rate_differs(entry, device),
        "below_operation_count": lambda: _is_below_operation_count(entry, burden),
        "year_date_mismatch": lambda: bool(date and row["year"]) and date[:4] != row["year"],
        "duplicate": lambda: among.repeat(row),
        "ambiguous_device": lambda: device is not None and device.ambiguous,
        "device_postdates_paper": lambda: (
            device is not None and bool(date) and date[:7] < device.release_month
        ),
        "corrected_compute": lambda: bool(row["training_compute_corrected_flop"]),
    }
    return {name for name, holds in rules.items() if holds()}
