"""The same work in this process, in others and on Ray."""

from collections.abc import Iterator

import numpy as np
import pytest

from holdfast.demand import DemandHistory, in_chunks
from holdfast.demand.forecast_file import Forecaster
from holdfast.demand.selection import METHODS


def chunks(count: int = 4) -> list[DemandHistory]:
    quantity = np.random.default_rng(41).poisson(1.5, (count * 30, 90)).astype(np.int32)
    return [DemandHistory(part, np.ones(part.shape, bool)) for part in np.split(quantity, count)]


WORK = Forecaster(METHODS["ses-negbin"], 14, 1.0)


@pytest.mark.parametrize("where", ["processes", "ray"])
def test_a_chunk_forecast_elsewhere_is_the_same_chunk_in_the_same_place(where: str) -> None:
    here = list(in_chunks(WORK, chunks()))
    if where == "ray":
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            there = list(in_chunks(WORK, chunks(), on_ray=True))
        finally:
            ray.shutdown()
    else:
        there = list(in_chunks(WORK, chunks(), processes=2))
    assert len(there) == len(here)
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.quantiles, other.quantiles)
        assert one.methods.tolist() == other.methods.tolist()


def test_chunks_are_made_as_they_are_needed() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    results = in_chunks(str, source())
    assert next(results) == "0"
    assert made == [0]
