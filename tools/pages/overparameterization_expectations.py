"""What is known exactly of the experiment: expected excess risks, and where the expert stops."""

from __future__ import annotations

import math

__all__ = ["expected_excess_risk", "expert_limit"]


def expected_excess_risk(
    n: int, q: int, *, noise_sd: float, signal: float = 0.0, omitted: float = 0.0
) -> float:
    """Expected ``|b_hat - b|²`` of least squares on q standard normal features.

    With the right features among the q, ``E tr (X'X)⁻¹ = q / (n - q - 1)`` for the inverse Wishart matrix,
    so the risk is ``noise_sd² q / (n - q - 1)`` for n > q + 1. Features left out act as more noise, of
    variance `omitted`, and their own coefficients are lost besides: ``omitted + (noise_sd² + omitted) q / (n
    - q - 1)``.

    Below interpolation, n < q - 1, the minimum-norm solution is the projection of the truth on n random
    directions plus noise: ``(1 - n/q) signal + (noise_sd² + omitted) n / (q - n - 1) + omitted`` (Belkin,
    Hsu & Xu 2020, SIAM Journal on Mathematics of Data Science 2, theorem 1).

    Parameters
    ----------
    n, q : int
        Observations and features.
    noise_sd : float
    signal : float
        Sum of squares of the true coefficients among the q features.
    omitted : float
        Sum of squares of those that are not.

    Returns
    -------
    float
        ``inf`` for q - 1 <= n <= q + 1, where the mean does not exist (its logarithm has one).
    """
    noise = noise_sd**2 + omitted
    if n > q + 1:
        return omitted + noise * q / (n - q - 1)
    if n < q - 1:
        return omitted + (1 - n / q) * signal + noise * n / (q - n - 1)
    return math.inf


def expert_limit(signal: float, omitted: float) -> float:
    """Performance (`excess`) that the expert never passes: ``-log10(omitted / signal)``.

    As n grows its coefficients reach the best ones for its features, the truth among them and zero
    elsewhere, and what remains is the sum of squares it left out. With s equal coefficients of which w are
    lacking: ``log10(s / w)``.
    """
    return -math.log10(omitted / signal) if omitted else math.inf
