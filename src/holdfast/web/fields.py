"""What fields of JSON bodies have in common. Whole numbers are written so: ``true``, ``"5"`` and ``5.0`` are none."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from holdfast.kernel.page import BIGINT_MAX
from holdfast.kernel.quantity import QUANTITY_MAX


def filled(longest: int) -> StringConstraints:
    """Text of at most so many characters, the blanks around it left out: they say as little as nothing (S1-29)."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Reason = Annotated[str, filled(500)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]
# Of what may be nothing: what was found, what shall be there.
Count = Annotated[int, Field(strict=True, ge=0, le=QUANTITY_MAX)]
# A level may have grown beyond what one line may bring.
Expected = Annotated[int, Field(strict=True, ge=0, le=BIGINT_MAX)]
Version = Annotated[int, Field(strict=True, ge=0, le=BIGINT_MAX)]
