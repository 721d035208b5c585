"""How far the price of a device lies from the trend of its class, by the offers of that very device."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scaling_bayes.hardware.points import cloud_offers, trend_points
from scaling_bayes.hardware.trends import COMMITMENTS
from scaling_bayes.projection.conversion import trend_path
from scaling_bayes.projection.scenario_draws import paired

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def price_residual(
    names: NDArray[np.object_],
    label: str,
    hardware: xr.DataTree,
    inputs: dict[str, Any],
    rng: np.random.Generator,
) -> Floats:
    """Residual of each draw's device around its price trend, log10, shape (draw,).

    Given the parameters of the hardware model, an offer is the trend at the device's release, plus the
    residual of the device, plus those of provider and offer, all normal. So the residual given the offers of
    the device is normal: precisions add, ``1 / device_sd^2`` and, for each provider with m offers,
    ``1 / (provider_sd^2 + offer_sd^2 / m)``. What other devices say of a provider is left out. A purchase
    price at release is the residual itself. A device of which no price is known keeps the residual of
    `inputs`, any device's.

    Parameters
    ----------
    names : ndarray of str, shape (draw,)
        Device of each draw.
    label : str
        Price trend: ``cloud gpu_datacenter`` or ``purchase gpu_datacenter``.
    inputs : dict
        From `draw_inputs`.
    """
    residual: Floats = np.array(inputs["price_residual"])
    n = len(residual)
    posterior = paired(hardware, n)
    of_provider, of_offer = (posterior[f"{each}_sd"].values.astype(float) for each in ("provider", "offer"))
    gain = {kind: posterior["commitment_gain"].sel(commitment=kind).values for kind in COMMITMENTS}
    fresh = rng.standard_normal(n)
    prices = _prices(label)
    for name in set(names) & set(prices):
        own, (year, by_provider) = names == name, prices[name]
        draws = inputs["price"]
        path = trend_path(draws, np.full((n, 1), year))[:, 0]
        if label.startswith("purchase"):
            values = [offer.log10_value for offers in by_provider for offer in offers]
            residual[own] = (float(np.median(values)) - path)[own]
            continue
        precision, weighted = draws.device_sd**-2, np.zeros(n)
        for offers in by_provider:
            found = [
                offer.log10_value - inputs["age_gain"] * offer.age - gain.get(offer.kind, 0.0) - path
                for offer in offers
            ]
            variance = of_provider**2 + of_offer**2 / len(found)
            precision = precision + 1 / variance
            weighted = weighted + np.mean(found, axis=0) / variance
        residual[own] = (weighted / precision + fresh / np.sqrt(precision))[own]
    return residual


class _Offer(NamedTuple):
    log10_value: float
    age: float
    kind: str


@cache
def _prices(label: str) -> dict[str, tuple[float, list[list[_Offer]]]]:
    """Of each device behind a price trend, its release and its offers, those of one provider together."""
    table = trend_points() if label.startswith("purchase") else cloud_offers()
    table = table[table["trend"] == label].reindex(
        columns=["device", "year", "provider", "log10_value", "age", "kind"]
    )
    return {
        str(device): (
            float(offers["year"].iloc[0]),
            [
                [_Offer(*row) for row in of_one[list(_Offer._fields)].itertuples(index=False)]
                for _, of_one in offers.groupby("provider", dropna=False)
            ],
        )
        for device, offers in table.groupby("device")
    }
