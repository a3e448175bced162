# Only what holdfast.demand uses; LightGBM's own types leave much unknown.
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Dataset:
    def __init__(
        self,
        data: NDArray[Any],
        label: NDArray[Any],
        *,
        weight: NDArray[Any],
        params: dict[str, Any],
        free_raw_data: bool,
    ) -> None: ...

class Booster:
    def __init__(self, *, model_str: str) -> None: ...
    def predict(self, data: NDArray[Any], *, num_threads: int) -> NDArray[np.float64]: ...
    def model_to_string(self) -> str: ...

def train(params: dict[str, Any], train_set: Dataset, num_boost_round: int) -> Booster: ...
