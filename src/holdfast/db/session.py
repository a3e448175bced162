"""What every connection of ours is opened with."""

from __future__ import annotations

from typing import Any, LiteralString

# The role is assumed at connection time, so that even a statement of ours cannot write the stock tables directly
# (docs/decisions/0005).
APPLICATION_OPTIONS: LiteralString = (
    "-c role=holdfast_app -c timezone=UTC -c statement_timeout=30000 -c lock_timeout=10000"
)

# A machine that vanished without a word is noticed within half a minute, not after the two hours of the system.
KEEPALIVE: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
