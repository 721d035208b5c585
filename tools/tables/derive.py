"""From the hand-kept reported facts to the derived table: error, burden, corrected burden, date and flags."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.editions import FROZEN_EDITIONS, LATEST_EDITION
from scaling_bayes.systems.flags import FLAGS, split_flags
from tools.tables.cells import number
from tools.tables.counts import (
    ARITHMETIC_BASES,
    EVALUATION_MEANINGS,
    FORWARD_PASSES_PER_STEP,
    OPERATIONS_PER_UNIT,
    SCOPES,
    TRAINING_EXAMPLES,
    arithmetic_of,
    burden_count,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = dict[str, str]

_JUDGED_FLAGS = {flag.name for flag in FLAGS if flag.kind == "judged"}

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
    "since_edition",
    "compute_count",
    "scope_of_compute",
    "arithmetic_flop",
    "arithmetic_basis",
    "precision",
    "extra_data",
    "evaluation",
    "verified",
)

#: Day of the month given to dates known to the month only.
MIDDLE_OF_MONTH = 15
#: Relative difference between two burdens above which they count as different.
RATE_TOLERANCE = 0.05
#: Relative difference below which two burdens of a paper are one, rounding apart.
SHARED_TOLERANCE = 0.01
#: Relative difference below which a corrected burden is the reported one, rounding apart.
CORRECTION_TOLERANCE = 0.02
#: From this month on, "Titan X" without a generation is likelier the Pascal card than the Maxwell one.
PASCAL_LIKELIER_FROM = "2017-07"

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{2})(\d{2})\.\d{4,5}")
_ENSEMBLE = re.compile(r"ensemble|\b\d+ ?cnns\b|\b\d+ convnets\b", re.IGNORECASE)
_VOCABULARIES: dict[str, Sequence[str]] = {
    "scope_of_compute": tuple(SCOPES),
    "evaluation": tuple(EVALUATION_MEANINGS),
    "operations_counted_as": tuple(OPERATIONS_PER_UNIT),
    "precision": ("fp32", "mixed", "bf16"),
}
_COMPUTE_CORRECTIONS = (
    "corrected_device",
    "corrected_device_count",
    "corrected_training_seconds",
    "corrected_models",
    "corrected_pretraining_device",
)
#: Columns with a name of ``devices.csv``.
_DEVICE_COLUMNS = ("device", "corrected_device", "pretraining_device", "corrected_pretraining_device")


@dataclass(frozen=True, slots=True)
class Device:
    """One line of ``devices.csv``; peak in FLOP/s, release as ``YYYY-MM``."""

    device_class: str
    peak: float
    precision: str
    release_month: str
    ambiguous: bool
    tensor_peak: float | None


def devices_from(rows: Sequence[Mapping[str, str]]) -> dict[str, Device]:
    """Devices by name."""
    return {
        row["device"]: Device(
            row["device_class"],
            float(row["corrected_peak_flop_per_s"] or row["peak_flop_per_s"]),
            row["precision"],
            row["release_month"],
            row["ambiguous"] == "yes",
            number(row["tensor_peak_flop_per_s"]),
        )
        for row in rows
    }


def derive(
    reported: Sequence[Mapping[str, str]],
    devices: Mapping[str, Device],
    added: Sequence[Mapping[str, str]] = (),
) -> list[Row]:
    """The derived table.

    Parameters
    ----------
    reported : sequence of mapping
        Rows of ``systems_reported.csv`` as text cells.
    devices : mapping
        Devices by name, as `devices_from` gives them.
    added : sequence of mapping
        Rows of ``systems_added.csv`` as text cells, which have no corrections.

    Returns
    -------
    list of dict
        One row per hand-kept row, in the same order, the added last, with the columns `COLUMNS` as text
        cells. Burdens in FLOP: the one published with the 2020 regressions where there is one, else peak rate
        x count x seconds, pre-training included where the row gives it; without a burden, the operations
        done. Dates are the 15th of the first arXiv version's month, or of the venue's.

    Raises
    ------
    DataError
        If a device, a flag or another word is not of its vocabulary, or a correction gives no reason.
    """
    _check(reported, devices, "systems_reported.csv")
    _check(added, devices, "systems_added.csv")
    entries = [*_Entry.all(reported, FROZEN_EDITIONS[0]), *_Entry.all(added, LATEST_EDITION)]
    for name, times in Counter(entry["system_id"] for entry in entries).items():
        if times > 1:
            problem = Problem(None, "system_id", f"{name!r} {times} times", "each identifier once")
            raise DataError("the hand-kept tables of systems cannot be derived from", [problem])
    rows = [_row(entry, devices) for entry in entries]
    among = _Neighbours(rows)
    for row, entry in zip(rows, entries, strict=True):
        flags = _rule_flags(row, entry, devices, among) | set(split_flags(entry["judged_flags"]))
        row["flags"] = ";".join(sorted(flags))
    return rows


class _Entry(dict[str, str]):
    """A hand-kept row; a column its table does not have is empty."""

    def __missing__(self, column: str) -> str:
        return ""

    @classmethod
    def all(cls, rows: Sequence[Mapping[str, str]], edition: str) -> list[_Entry]:
        return [cls(row, since_edition=edition) for row in rows]


def _check(table: Sequence[Mapping[str, str]], devices: Mapping[str, Device], source: str) -> None:
    problems = []
    for line, entry in enumerate((_Entry(row) for row in table), start=2):
        for column in _DEVICE_COLUMNS:
            if entry[column] and entry[column] not in devices:
                problems.append(Problem(line, column, repr(entry[column]), "a device of devices.csv"))
        problems += [
            Problem(line, "judged_flags", repr(name), "a judged flag of systems/flags.csv")
            for name in split_flags(entry["judged_flags"])
            if name not in _JUDGED_FLAGS
        ]
        for column, words in _VOCABULARIES.items():
            problems += [
                Problem(line, column, repr(word), f"one of {', '.join(words)}")
                for word in split_flags(entry[column])
                if word not in words
            ]
        if _is_corrected(entry) and not entry["correction_reason"]:
            problems.append(
                Problem(line, "correction_reason", "nothing", "the reason for the corrections of this row")
            )
        basis = entry["arithmetic_basis"]
        if entry["arithmetic_flop"] and basis.partition(": ")[0] not in ARITHMETIC_BASES:
            expected = f"where the figure is from, after one of {', '.join(ARITHMETIC_BASES)} and a colon"
            problems.append(Problem(line, "arithmetic_basis", repr(basis), expected))
    if problems:
        raise DataError(f"{source} cannot be derived from", problems)


def _is_corrected(entry: Mapping[str, str]) -> bool:
    return any(cell for column, cell in entry.items() if column.startswith("corrected_"))


def _row(entry: Mapping[str, str], devices: Mapping[str, Device]) -> Row:
    def best(column: str) -> str:
        return entry[f"corrected_{column}"] or entry[column]

    device = devices.get(entry["device"])
    burden, method = _burden(entry, devices)
    arithmetic, basis = arithmetic_of(entry)
    compute, method = (burden, method) if burden is not None else (arithmetic, "arithmetic" if basis else "")
    corrected = _corrected_burden(entry, devices)
    if (
        corrected is not None
        and burden is not None
        and math.isclose(corrected, burden, rel_tol=CORRECTION_TOLERANCE)
    ):
        corrected = None
    date = publication_date(best("paper_url"), entry["publication_month"])
    return {
        "system_id": entry["system_id"],
        "task": entry["task"],
        "system": best("system"),
        "paper": best("paper"),
        "paper_url": best("paper_url"),
        "year": entry["year"] if "year" in entry else date[:4],
        "publication_date": date,
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
        "training_compute_flop": "" if compute is None else repr(compute),
        "compute_method": method,
        "training_compute_corrected_flop": "" if corrected is None else repr(corrected),
        "in_thompson2020": "true" if entry["thompson2020_burden_flop"] else "false",
        "flags": "",
        "correction_reason": entry["correction_reason"],
        "remark": entry["remark"],
        "since_edition": entry["since_edition"],
        "compute_count": _count(entry, devices, method),
        "scope_of_compute": entry["scope_of_compute"],
        "arithmetic_flop": "" if arithmetic is None else repr(arithmetic),
        "arithmetic_basis": basis,
        "precision": entry["precision"],
        "extra_data": entry["extra_data"],
        "evaluation": entry["evaluation"],
        "verified": entry["verified"],
    }


def _count(entry: Mapping[str, str], devices: Mapping[str, Device], method: str) -> str:
    """How the compute was counted; of two stages on two kinds of device, as the larger was."""
    if not method or method == "arithmetic":
        return method
    stages = [
        (_product(devices, entry, prefix) or 0.0, devices[entry[f"{prefix}device"]])
        for prefix in ("", "pretraining_", "corrected_pretraining_")
        if entry[f"{prefix}device"]
    ]
    if not stages:
        return "burden_fp32"
    _, device = max(stages, key=lambda stage: stage[0])
    return burden_count(device.device_class, device.precision)


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


def _product(
    devices: Mapping[str, Device], entry: Mapping[str, str], prefix: str = "", *, corrected: bool = False
) -> float | None:
    """Peak rate x count x seconds of one stage; of its corrected facts, each where there is one."""

    def fact(column: str) -> str:
        name = f"{prefix}{column}"
        return (entry[f"corrected_{name}"] if corrected else "") or entry[name]

    device, seconds = devices.get(fact("device")), f"{'' if prefix else 'training_'}seconds"
    count, time = number(fact("device_count")), number(fact(seconds))
    if device is None or count is None or time is None:
        return None
    return device.peak * count * time


def _burden(entry: Mapping[str, str], devices: Mapping[str, Device]) -> tuple[float | None, str]:
    published = number(entry["thompson2020_burden_flop"])
    if published is not None:
        return published, "thompson2020_burden"
    stated = number(entry["stated_burden_flop"])
    if stated is not None:
        return stated, "stated_burden"
    computed = _product(devices, entry)
    if computed is None:
        return None, ""
    return computed + (_product(devices, entry, "pretraining_") or 0.0), "peak_rate_x_time"


def _corrected_burden(entry: Mapping[str, str], devices: Mapping[str, Device]) -> float | None:
    if not any(entry[column] for column in _COMPUTE_CORRECTIONS):
        return None
    one = _product(devices, entry, corrected=True)
    if one is None:
        return None
    before = _product(devices, entry, "pretraining_", corrected=True) or 0.0
    return one * (number(entry["corrected_models"]) or 1.0) + before


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
    burden = None if row["compute_method"] == "arithmetic" else number(row["training_compute_flop"])
    computed = _product(devices, entry)
    date = row["publication_date"]
    is_old = date[:7] < PASCAL_LIKELIER_FROM
    is_ambiguous = device is not None and device.ambiguous and not entry["corrected_device"]
    is_below = burden is not None and computed is not None and burden < computed / (1 + RATE_TOLERANCE)
    rules: dict[str, Callable[[], bool]] = {
        "no_compute": lambda: not row["training_compute_flop"],
        "no_metric": lambda: not row["value"],
        "no_publication_date": lambda: not date,
        "ensemble": lambda: _ENSEMBLE.search(row["system"]) is not None,
        "shared_compute": lambda: among.share_burden(row),
        "compute_rate_mismatch": lambda: (
            burden is not None
            and computed is not None
            and not entry["pretraining_device"]
            and not math.isclose(burden, computed, rel_tol=RATE_TOLERANCE)
        ),
        "listed_rate_mismatch": lambda: _listed_rate_differs(entry, device),
        "below_operation_count": lambda: _is_below_operation_count(entry, burden),
        "year_date_mismatch": lambda: bool(date and row["year"]) and date[:4] != row["year"],
        "duplicate": lambda: among.repeat(row),
        "ambiguous_device": lambda: is_ambiguous,
        "pascal_likelier": lambda: (
            is_ambiguous and is_below and not is_old and entry["device"] == "GeForce Titan X"
        ),
        "tensor_cores_at_fp32": lambda: (
            row["compute_count"] == "burden_fp32" and device is not None and device.tensor_peak is not None
        ),
        "device_postdates_paper": lambda: (
            device is not None and bool(date) and date[:7] < device.release_month
        ),
        "corrected_compute": lambda: bool(row["training_compute_corrected_flop"]),
    }
    return {name for name, holds in rules.items() if holds()}
