"""How a row's compute was counted, what is in it, and how its score was taken: fixed words and the rules."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tools.tables.cells import number

#: Values of ``compute_count``. A burden is devices x peak rate x seconds, whatever share was reached.
COMPUTE_COUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "burden_fp32": "device-seconds x FP32 peak of a GPU or processor, as in the 2020 paper",
        "burden_tensor": "device-seconds x peak of a GPU's tensor cores at 16 bit",
        "burden_tpu": "device-seconds x bf16 peak of a TPU, as in the 2020 paper",
        "arithmetic": "operations done, a multiplication and an addition being two",
    }
)

#: Values of ``scope_of_compute``: what the compute that is given holds, after corrections.
SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "training": "all training of the system, from random weights",
        "training+pretraining": "training on the task and the pre-training before it",
        "pretraining": "the pre-training; training on the task, small beside it, is left out",
        "fine-tuning": "training on the task only, from weights whose cost is left out",
        "search": "an architecture search; training the network found is left out",
        "ensemble": "training of all members of an ensemble",
        "ensemble_member": "training of one member of the ensemble that has the score",
        "stage": "one stage of several",
        "other_system": "not this system's: another model's, another task's, or no training time at all",
    }
)

#: Words of ``evaluation``: the data scored on, then how, separated by semicolons.
EVALUATION_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "test": "the task's test set",
        "test-dev": "COCO test-dev",
        "val2017": "COCO val2017, 5,000 images; minival of 2014 is the same images",
        "validation": "ImageNet's validation set, which stands in for a test set everywhere",
        "dev": "the development set of a task that has a test set",
        "newstest2014": "the test set of WMT14",
        "unstated": "not established",
        "single-crop": "one crop of each image",
        "dense": "one scale, the network applied to the whole image",
        "multi-crop": "the mean of several crops",
        "single-scale": "one scale of each image",
        "multi-scale": "several scales of each image",
        "flip": "the mean of an image and its mirror image",
        "ensemble": "several networks together",
        "linear-probe": "a linear classifier on frozen features",
        "few-shot": "a language model prompted with examples",
    }
)

#: Values of ``extra_data`` that do not make a score incomparable: nothing known or none, what every detector
#: of the task starts from, word vectors, and a task set without parallel text.
NO_EXTRA_DATA: Final = ("", "none", "ImageNet-1k", "word vectors", "monolingual text only")

#: First words of ``arithmetic_basis``, before a colon: counted from the network and the data, stated by the
#: authors, or a burden times a utilisation somebody assumed, which says nothing about utilisation.
ARITHMETIC_BASES: Final = ("counted", "stated", "assumed utilisation")
#: Operations in the unit that ``flop_per_pass`` counts, by ``operations_counted_as``.
OPERATIONS_PER_UNIT: Final[Mapping[str, int]] = MappingProxyType({"multiply_add": 2, "operation": 1})
#: Examples in the training set, in the unit `flop_per_pass` counts: images of ILSVRC 2012 and of COCO
#: train2017, words of CoNLL 2003.
TRAINING_EXAMPLES: Final[Mapping[str, int]] = MappingProxyType(
    {"imagenet": 1_281_167, "ms_coco": 118_287, "conll_2003": 203_621}
)
#: Operations of a training step, forward and backward, in those of a forward pass.
FORWARD_PASSES_PER_STEP: Final = 3


def burden_count(device_class: str, precision: str) -> str:
    """The ``compute_count`` of a burden priced at the peak of a device.

    Parameters
    ----------
    device_class : {"gpu", "tpu", "cpu"}
        Class of the device.
    precision : str
        Precision its peak is stated at.
    """
    if device_class == "tpu":
        return "burden_tpu"
    return "burden_fp32" if precision == "fp32" else "burden_tensor"


def arithmetic_of(entry: Mapping[str, str]) -> tuple[float | None, str]:
    """Operations a training did, and how that was found.

    Parameters
    ----------
    entry : mapping
        A hand-kept row as text cells.

    Returns
    -------
    flop : float or None
        What a source states; else 3 x operations of a pass x examples x epochs where all are known: a step
        takes a forward and a backward pass, and the backward pass twice the operations (Kaplan et al. 2020).
    basis : str
        Where it is from; empty without a figure.
    """
    stated = number(entry["arithmetic_flop"])
    if stated is not None:
        return stated, entry["arithmetic_basis"]
    per_pass, epochs = number(entry["flop_per_pass"]), number(entry["epochs"])
    unit = OPERATIONS_PER_UNIT.get(entry["operations_counted_as"])
    examples = TRAINING_EXAMPLES.get(entry["task"])
    if per_pass is None or epochs is None or unit is None or examples is None:
        return None, ""
    return (
        FORWARD_PASSES_PER_STEP * unit * per_pass * examples * epochs,
        "counted: operations of a pass x epochs",
    )
