"""Quantiles against sums and closed forms anyone can redo."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.demand import negbin_cdf, negbin_quantile


def summed_negbin_quantile(level: float, mean: float, variance: float) -> int:
    """By adding up the probability mass term by term."""
    r, p = mean**2 / (variance - mean), mean / variance
    term, total, k = p**r, p**r, 0
    while total < level:
        term *= (k + r) / (k + 1) * (1 - p)
        k += 1
        total += term
    return k


def summed_poisson_quantile(level: float, mean: float) -> int:
    term, total, k = math.exp(-mean), math.exp(-mean), 0
    while total < level:
        k += 1
        term *= mean / k
        total += term
    return k


@pytest.mark.parametrize("level", [0.05, 0.5, 0.8, 0.95, 0.975, 0.999])
@pytest.mark.parametrize(("mean", "variance"), [(0.02, 0.05), (0.4, 3.0), (3.0, 3.5), (12, 90), (300, 9000)])
def test_negbin_quantile_is_the_one_found_by_adding_up_the_mass(level: float, mean: float, variance: float) -> None:
    assert negbin_quantile(level, mean, variance) == summed_negbin_quantile(level, mean, variance)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("mean", [0.01, 0.7, 6.0, 50.0, 400.0])
def test_demand_no_more_spread_than_chance_is_poisson(level: float, mean: float) -> None:
    expected = summed_poisson_quantile(level, mean)
    assert negbin_quantile(level, mean, mean) == expected
    assert negbin_quantile(level, mean, 0.0) == expected, "too little spread is never believed"


def test_the_poisson_newsvendor_of_the_textbook() -> None:
    """Mean 50, one unit over costs 0.18, one short 0.70: order the 0.70 / 0.88 quantile, 56 units.

    Snyder & Shen, *Fundamentals of Supply Chain Theory*, example 4.7.
    """
    assert negbin_quantile(0.70 / 0.88, 50.0, 50.0) == 56


def test_large_demand_approaches_the_normal_newsvendor() -> None:
    """Mean 100,000, sd 1,000: the 97.5 % point of the normal is mean + 1.959964 sd."""
    assert negbin_quantile(0.975, 100_000.0, 1_000.0**2) == pytest.approx(100_000 + 1_959.964, abs=25)


@given(
    level=st.floats(0.0, 0.9999),
    mean=st.floats(0.0, 1e6),
    dispersion=st.floats(0.2, 500.0),
)
def test_a_quantile_is_the_first_count_that_reaches_its_level(level: float, mean: float, dispersion: float) -> None:
    quantile = int(negbin_quantile(level, mean, mean * dispersion))
    assert negbin_cdf(quantile, mean, mean * dispersion) >= level
    assert negbin_cdf(quantile - 1, mean, mean * dispersion) < level or quantile == 0


@pytest.mark.parametrize("mean", [5e-324, 1e-300, 1e-20, 1e-6])
@pytest.mark.parametrize("variance", [0.0, 5e-324, 1.0, 1e9])
def test_demand_of_next_to_nothing_is_answered_at_once(mean: float, variance: float) -> None:
    assert negbin_quantile(0.995, mean, variance) == 0


def test_no_demand_has_quantile_zero_and_shapes_broadcast() -> None:
    assert negbin_quantile(0.99, 0.0, 0.0) == 0
    answer = negbin_quantile(np.array([[0.5], [0.9]]), np.array([1.0, 20.0, 0.0]), 30.0)
    assert answer.shape == (2, 3)
    assert answer[1, 1] == negbin_quantile(0.9, 20.0, 30.0)
