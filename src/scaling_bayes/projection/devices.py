"""Which device a run is on: one that is named, or in each draw one of those in use in its year."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.options import check_choice
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.equations import HEADROOM_YEAR, saturating
from scaling_bayes.hardware.points import decimal_year, known_devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.conversion import trend_path

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Columns of the accelerators table with the dense peak rate of a precision, the first known one counts.
PRECISIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bf16": ("peak_flop_per_s_fp16_bf16_tensor",),
        "fp16": ("peak_flop_per_s_fp16_bf16_tensor", "peak_flop_per_s_fp16"),
        "tf32": ("peak_flop_per_s_tf32_tensor",),
        "fp32": ("peak_flop_per_s_fp32",),
        "int8": ("peak_op_per_s_int8",),
    }
)
#: What counts where no precision is given: the matrix rate in 16 bits, or FP32 of devices without.
_USUAL = ("peak_flop_per_s_fp16_bf16_tensor", "peak_flop_per_s_fp32")
#: What a count of devices or of device-hours may be of.
COUNTED = ("boards", "chips", "cores", "nodes")
#: Cores of a TPU chip: Google Cloud, TPU system architecture and the page of each version.
TPU_CORES: Mapping[str, int] = MappingProxyType(
    {f"Google TPU {version}": cores for version, cores in (("v2", 2), ("v3", 2), ("v4", 2), ("v5p", 2))}
    | {f"Google TPU {version}": 1 for version in ("v5e", "v6e Trillium")}
)
#: Systems nearest in time whose devices are those in use.
_NEAREST = 30
_MAKERS = re.compile(r"\b(nvidia|google|amd|tesla|radeon|instinct|geforce|intel)\b|[^a-z0-9]+")
#: Nodes: makers' servers and the clouds' instances.
_NODE = re.compile(
    r"\b([dh]gx|node|server|(super)?pod|rack|nvl\d\d|p\d\w*\.\w*xlarge|g\d\w*\.\w*xlarge|a[23]-\w+-\w+)\b"
    r"|\b(standard_)?n[cdv]\d+\w*_v\d\b",
    re.IGNORECASE,
)
_SLICE = re.compile(r"\bv(\d)(p|e|litepod)?-(\d+)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\s*(?:(?P<n>\d+)\s*(?:[x×*]\s*|\s)(?P<of>[a-z].*)"
    r"|(?P<before>.+?)\s*(?:(?<![a-z])[x×*]\s*(?P<times>\d+)|\((?P<in>\d+)\)))\s*",
    re.IGNORECASE,
)
_PART = re.compile(r"\b(core|gcd|die|chiplet|tile)s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Devices:
    """The device of each draw; arrays of shape (draw,)."""

    #: For readers.
    label: str
    device_class: str
    #: Name of each draw's device in the accelerators table, empty for an own one.
    names: NDArray[np.object_]
    #: Peak rate at the run's precision, FLOP/s, log10.
    log10_peak: Floats
    #: Peak rate as hardware burdens count it, FLOP/s, log10: FP32 of GPUs, 16 bits of TPUs.
    log10_burden_peak: Floats
    #: Rated power of the board, W.
    board_watt: Floats
    #: Release, decimal year.
    release: Floats


@cache
def _rates() -> pd.DataFrame:
    """Dense peak rates and chips of the known devices, by name."""
    table = load_table("accelerators", usable=True).set_index("name")
    columns = dict.fromkeys(name for names in PRECISIONS.values() for name in names)
    return table.loc[list(known_devices()), [*columns, "chips_on_board", "aliases"]]


def dense_peaks() -> pd.DataFrame:
    """Dense peak rates of the known devices at every precision, FLOP/s, by name and column."""
    return _rates().drop(columns=["chips_on_board", "aliases"])


def find_device(name: str) -> str:
    """Name in the accelerators table of a device that a reader names in his own way.

    Parameters
    ----------
    name : str
        Name, alias, or part of a name that leaves no doubt; makers' names may be left out.

    Raises
    ------
    OptionError
        If it names a node, a slice of a TPU pod or several devices, nothing known, or more than one device.
    """
    table, wanted = _rates(), _words(name)
    parts = {str(device): _words(str(device)) for device in table.index}
    found = [device for device in parts if name.strip().lower() == device.lower()]
    found = found or [device for device, words in parts.items() if wanted == words]
    found = found or [device for device in parts if wanted in map(_words, _aliases(device))]
    if not found:
        _refuse_several(name)
    if not found and len("".join(wanted)) > 1:
        found = [device for device, words in parts.items() if set(wanted) <= set(words)]
        found = found or [device for device, words in parts.items() if _begins(wanted, words)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise OptionError(
            f"device={name!r} could be {_listed(found)}, which differ in rate or power; give one of them."
        )
    near = difflib.get_close_matches(name, list(table.index), 3, 0.4)
    raise OptionError(
        f"device={name!r} is not an accelerator with known date, rate and power"
        f"{f'; nearest are {_listed(near)}' if near else ''}."
    )


def _words(name: str) -> list[str]:
    """Words of a name without its maker; ``80 GB`` is one."""
    return re.sub(r"(\d) gb\b", r"\1gb", _MAKERS.sub(" ", name.lower())).split()


def _begins(wanted: list[str], words: list[str]) -> bool:
    return all(any(word.startswith(each) for word in words) for each in wanted)


def _aliases(device: str) -> list[str]:
    return [alias for alias in str(_rates().loc[device, "aliases"]).split("; ") if alias]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(map(str, names[:6])) + more


def _refuse_several(name: str) -> None:
    """Refuse names of several devices, each with the way to count them."""
    if several := _SEVERAL.fullmatch(name):
        count = several["n"] or several["times"] or several["in"]
        one = (several["of"] or several["before"]).strip()
        raise OptionError(f"device={name!r} names {count} devices; give device={one!r} and devices={count}.")
    if _PART.search(name):
        raise OptionError(
            f"device={name!r} names a part of a device; give the device, and counted='cores' (of a TPU) or "
            "counted='chips'."
        )
    if part := _SLICE.search(name):
        version, size = f"v{part[1]}{(part[2] or '').replace('litepod', 'e')}", int(part[3])
        of_cores = version in ("v2", "v3", "v4", "v5p")
        chips = size // 2 if of_cores else size
        raise OptionError(
            f"device={name!r} names a slice of {f'{size} cores, which are ' if of_cores else ''}{chips} "
            f"chips; give device='Google TPU {version}' and devices={chips}."
        )
    if re.match(r"\s*cloud tpu", name, re.IGNORECASE):
        raise OptionError(
            f"device={name!r} is a board of four chips; give the chip, such as 'Google TPU v3', and count "
            "chips."
        )
    if _NODE.search(name):
        raise OptionError(
            f"device={name!r} is a node of several devices; give the device inside, such as "
            "'NVIDIA A100 SXM4 80 GB', and devices = nodes x devices per node."
        )


def boards_per(counted: str, device: str | None) -> float:
    """Boards of the accelerators table in one of what was counted.

    Raises
    ------
    OptionError
        For nodes, cores of anything but a TPU, and chips or cores where no device is named.
    """
    check_choice("counted", counted, COUNTED)
    if counted == "boards":
        return 1.0
    if counted == "nodes":
        raise OptionError(
            "counted='nodes': a node holds several devices and the number differs; give devices = nodes x "
            "devices per node, such as 16 x 8 = 128, counted as boards."
        )
    if device is None:
        raise OptionError(
            f"counted={counted!r} needs the device, which says how many make a board; give device."
        )
    if counted == "chips":
        return 1.0 / float(_rates()["chips_on_board"][device])
    if device not in TPU_CORES:
        raise OptionError(
            f"counted='cores': cores are counted of TPUs only; a {device} is one device, however many cores "
            "it has. Count boards."
        )
    return 1.0 / TPU_CORES[device]


def _peak(rates: pd.DataFrame, precision: str | None) -> pd.Series[float]:
    """Peak at a precision, NaN where unknown."""
    first, *others = _USUAL if precision is None else PRECISIONS[precision]
    peak = rates[first]
    for column in others:
        peak = peak.fillna(rates[column])
    return peak


def dense_peak(name: str) -> float:
    """Usual dense peak rate of a device of the accelerators table, FLOP/s."""
    return float(_peak(_rates().loc[[name]], None).iloc[0])


def named_device(name: str, precision: str | None, n: int) -> Devices:
    """A device of the accelerators table, the same in every draw.

    Raises
    ------
    OptionError
        If its rate at the precision is not in the table.
    """
    row = known_devices()[name]
    peak = float(_peak(_rates().loc[[name]], precision).iloc[0])
    if not np.isfinite(peak):
        raise OptionError(
            f"the table has no {precision} rate of {name}; give another precision, or the dense rate itself "
            "as peak_flop_per_s (FLOP/s)."
        )
    values = (np.log10(peak), np.log10(row["peak_flop_per_s"]), row["board_power_watt"], row["year"])
    names = np.full(n, name, dtype=object)
    return Devices(name, str(row["device_class"]), names, *(np.full(n, float(each)) for each in values))


def devices_in_use(
    device_class: str,
    precision: str | None,
    year: float,
    n: int,
    rng: np.random.Generator,
    energy: Any,
    log10_headroom: Floats,
    without: Collection[str] = (),
) -> Devices:
    """Draw the device of each draw from the training runs published nearest to a year.

    A year after the last of them has devices as much later released, whose FLOP per joule goes on along the
    trend of the class, at the same power.

    Parameters
    ----------
    device_class : str
        One of `DEVICE_CLASSES`.
    precision : str, optional
        One of `PRECISIONS`; by default 16-bit matrix rates, FP32 of devices without.
    year : float
    energy : TrendDraws
        Trend of energy efficiency of the class.
    log10_headroom : ndarray, shape (draw,)
    without : collection of str
        Systems to leave out, so that none is predicted from itself.

    Raises
    ------
    OptionError
        If no run on such a device is known.
    """
    nearest = runs_near(device_class, precision, year, without)
    last = float(_runs(device_class, precision)["published"].max())
    chosen = nearest.iloc[rng.integers(len(nearest), size=n)]
    release = chosen["year"].to_numpy(float)
    later = release + max(year - last, 0.0)
    gain = _efficiency(energy, log10_headroom, later) - _efficiency(energy, log10_headroom, release)
    return Devices(
        f"{DEVICE_CLASSES[device_class].label} in use",
        device_class,
        chosen["device"].to_numpy(dtype=object),
        np.log10(chosen["peak"].to_numpy(float)) + gain,
        np.log10(chosen["peak_flop_per_s"].to_numpy(float)) + gain,
        chosen["board_power_watt"].to_numpy(float),
        later,
    )


def runs_near(
    device_class: str, precision: str | None, year: float, without: Collection[str] = ()
) -> pd.DataFrame:
    """Training runs published nearest to a year, on devices released by its end; the last after them.

    Raises
    ------
    OptionError
        If no run on such a device is known.
    """
    return _runs(device_class, precision).iloc[places_near(device_class, precision, year, without)]


def places_near(
    device_class: str, precision: str | None, year: float, without: Collection[str] = ()
) -> NDArray[np.intp]:
    """Rows of the runs of `runs_near` among all on devices of the class."""
    runs = _runs(device_class, precision)
    known = runs["year"].to_numpy() < np.floor(year) + 1
    if without:
        known &= ~runs["system"].isin(without).to_numpy()
    rows = np.flatnonzero(known)
    if not rows.size:
        label = DEVICE_CLASSES[device_class].label
        raise OptionError(
            f"no {label} of the tables were released by {year:.0f}; give another year or class."
        )
    published = runs["published"].to_numpy()[rows]
    distance = np.abs(published - min(year, float(published.max())))
    return rows[np.argsort(distance, kind="stable")[:_NEAREST]]


@cache
def matrix_gains(device_class: str) -> Floats:
    """log10 of the usual dense peak rate over the rate of burdens, of the device of each run of a class."""
    runs = _runs(device_class, None)
    return np.log10((runs["peak"] / runs["peak_flop_per_s"]).to_numpy(float))


@cache
def _runs(device_class: str, precision: str | None) -> pd.DataFrame:
    """Training runs on one kind of device of a class, with its rates, power and release."""
    import pandas as pd

    check_choice("device_class", device_class, tuple(DEVICE_CLASSES))
    runs = load_table("ml_systems", usable=True).rename(columns={"training_hardware": "device"})
    runs["published"] = decimal_year(runs["publication_date"])
    known = pd.DataFrame.from_dict(dict(known_devices()), orient="index")
    known["peak"] = _peak(_rates(), precision)
    known = known[(known["device_class"] == device_class) & known["peak"].notna()]
    found = runs[["system", "device", "published"]].merge(known, left_on="device", right_index=True)
    found = found[found["published"].notna()]
    if found.empty:
        label = DEVICE_CLASSES[device_class].label
        raise OptionError(
            f"no training run on {label} with a known {precision} rate is known; name a device."
        )
    return found


def _efficiency(energy: Any, log10_headroom: Floats, release: Floats) -> Floats:
    """log10 FLOP per joule by the trend, up to its ceiling, shape (draw,)."""
    path, chips = (
        trend_path(energy, at) for at in (release[:, None], np.full((len(release), 1), HEADROOM_YEAR))
    )
    found: Floats = saturating(path, chips + log10_headroom[:, None])[:, 0]
    return found
