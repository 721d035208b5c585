"""Counts of training compute: operations done, or what devices could have done in the time they ran."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scaling_bayes.systems.units import slug

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: Operations done: the unit of the model.
ARITHMETIC = "arithmetic"
#: Median and standard deviation of log10 of a burden (devices x time x peak rate) over the operations done,
#: by how the burden is counted.
#: ``burden_fp32``, GPUs at FP32 peak and run in it, is minus log10 of the utilisation: 0.31 and 0.45 in
#: AlexNet and DeepSpeech2 (``utilisation.csv``), so 0.35 to 0.5; of 18 systems of ``systems.csv`` with both
#: counts the middle half has 0.3 to 0.6.
#: ``burden_tpu``, TPUs at bf16 peak, and GPUs at that of their matrix units (``burden_tensor``): 0.22 to 0.55
#: in 15 runs of ``utilisation.csv``, 0.31 to 0.72 in 11 systems.
#: ``burden_mixed``, GPUs counted at FP32 peak and run in 16 bits where they can. Their matrix rate is 8 (on a
#: V100) to 16 (A100) times as high (``accelerators.csv``); language models use 0.2 to 0.5 of it, which gives
#: -0.2 to -0.8, detectors far less, which can be above 0.
OFFSETS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"burden_fp32": (0.4, 0.2), "burden_mixed": (-0.2, 0.35), "burden_tpu": (0.43, 0.15)}
)
#: All counts; a row's is given by its position.
COUNTS = (ARITHMETIC, *OFFSETS)
#: What a table may state.
NAMED_COUNTS = (*COUNTS, "burden_tensor")
#: In which count a fit takes compute: operations done, or whatever the table states.
TAKEN = (ARITHMETIC, "stated")


#: Words for the precision of a training, as `slug` writes them, by whether it ran in 16 bits where it can.
_PRECISIONS = {
    "": False,
    **dict.fromkeys(("fp32", "float32"), False),
    **dict.fromkeys(("mixed", "mixed_precision", "fp16", "float16", "bf16", "bfloat16"), True),
}
#: The words, as messages name them.
NAMED_PRECISIONS = ("fp32", "mixed", "fp16", "bf16")


def in_16_bits(systems: pd.DataFrame) -> pd.Series[Any]:
    """Whether each row's ``precision`` is one of 16 bits, mixed with others or not; missing if unknown."""
    return systems["precision"].astype("string").fillna("").astype(object).map(slug).map(_PRECISIONS)


def in_arithmetic(systems: pd.DataFrame) -> pd.DataFrame:
    """Convert a table's compute to operations done, as far as it says how it was counted.

    Parameters
    ----------
    systems : DataFrame
        With ``training_compute_flop`` and, where known, ``compute_count``, one of `NAMED_COUNTS`
        or empty; ``precision``, one of `NAMED_PRECISIONS`, of which one of 16 bits makes a ``burden_fp32`` a
        ``burden_mixed``; and ``arithmetic_flop``, the operations done, which is then taken. A row without a
        count stands as it is.

    Returns
    -------
    DataFrame
        The same table if it has no ``compute_count``. Else a copy with the converted compute, its
        ``compute_count`` that of the row before an offset was taken off.
    """
    if "compute_count" not in systems:
        return systems
    count = systems["compute_count"].fillna("").astype(str).to_numpy(dtype=object, copy=True)
    if "precision" in systems:
        mixed = in_16_bits(systems).eq(True).to_numpy()
        count[mixed & (count == "burden_fp32")] = "burden_mixed"
    count[count == "burden_tensor"] = "burden_tpu"
    compute = systems["training_compute_flop"].to_numpy(dtype=float, copy=True)
    if "arithmetic_flop" in systems:
        done = systems["arithmetic_flop"].to_numpy(dtype=float)
        known = done > 0
        compute[known], count[known] = done[known], ARITHMETIC
    for name, (median, _) in OFFSETS.items():
        compute[count == name] /= 10.0**median
    return systems.assign(training_compute_flop=compute, compute_count=count)


def count_index(systems: pd.DataFrame) -> NDArray[np.intp]:
    """Position in `COUNTS` of each row's count, 0 where none is given, shape (row,)."""
    import numpy as np  # not above: the command line needs the names alone

    if "compute_count" not in systems:
        return np.zeros(len(systems), dtype=np.intp)
    counts = systems["compute_count"].astype(str)
    number = counts.map({name: number for number, name in enumerate(COUNTS)})
    return number.fillna(0).to_numpy().astype(np.intp)
