"""A plain reference of the heart: dictionaries and loops, no SQL and no sets. Slow and obvious on purpose.

Time is whole minutes. Quantities are whole units. Names of SKUs and warehouses are what the test calls them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

EXTENSION_MAX = 60
Place = tuple[str, str]


@dataclass
class Line:
    sku: str
    warehouse: str
    quantity: int
    outcome: str = "active"


@dataclass
class Hold:
    lines: list[Line]
    deadline: int | None
    reference: tuple[str, str]
    extended: int = 0
    last_outcome: str = ""

    @property
    def status(self) -> str:
        outcomes = {line.outcome for line in self.lines}
        if "active" in outcomes:
            return "active"
        return "consumed" if "consumed" in outcomes else self.last_outcome

    def open_lines(self) -> list[Line]:
        return [line for line in self.lines if line.outcome == "active"]

    def close(self, line: Line, quantity: int, outcome: str) -> None:
        if quantity < line.quantity:
            line.quantity -= quantity
            self.lines.append(Line(line.sku, line.warehouse, quantity, outcome))
        else:
            line.outcome = outcome
        self.last_outcome = outcome


@dataclass
class Book:
    skus: list[str]
    warehouses: list[str]
    now: int = 0
    sellable: Counter[Place] = field(default_factory=Counter)
    unsellable: Counter[Place] = field(default_factory=Counter)
    known: set[Place] = field(default_factory=set)
    holds: dict[str, Hold] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)

    # -- reading --------------------------------------------------------------------------------------------------

    def reserved(self, place: Place) -> int:
        lines = (line for hold in self.holds.values() for line in hold.open_lines())
        return sum(line.quantity for line in lines if (line.sku, line.warehouse) == place)

    def available(self, place: Place) -> int:
        return self.sellable[place] - self.reserved(place)

    def overdue(self, hold: Hold) -> bool:
        return hold.status == "active" and hold.deadline is not None and hold.deadline <= self.now

    def promisable(self, sku: str, warehouse: str) -> int:
        """What a question about availability answers: holds whose time is over no longer count."""
        late = [line for hold in self.holds.values() if self.overdue(hold) for line in hold.open_lines()]
        freed = sum(line.quantity for line in late if (line.sku, line.warehouse) == (sku, warehouse))
        return 0 if warehouse in self.closed else self.available((sku, warehouse)) + freed

    # -- expiry ---------------------------------------------------------------------------------------------------

    def expire(self, holds: Iterable[Hold]) -> int:
        count = 0
        for hold in holds:
            if self.overdue(hold):
                for line in hold.open_lines():
                    hold.close(line, line.quantity, "expired")
                self.events["reservation_expired"] += 1
                count += 1
        return count

    def expire_touching(self, skus: Iterable[str]) -> None:
        """A change that names a SKU first releases the overdue holds of it."""
        named = set(skus)
        self.expire([h for h in self.holds.values() if any(line.sku in named for line in h.open_lines())])

    # -- reserving ------------------------------------------------------------------------------------------------

    def hold(self, reservation_id: str, lines: list[Line], minutes: int | None, reference: tuple[str, str]) -> None:
        self.holds[reservation_id] = Hold(lines, None if minutes is None else self.now + minutes, reference)
        self.events["reserved"] += 1

    def why_not(self, items: list[dict[str, Any]], left: dict[Place, int]) -> str | None:
        """Why these items cannot be held, or None when they can. ``left`` is what each open place still has."""
        asked: Counter[tuple[str, str | None]] = Counter()
        for item in items:
            asked[item["sku"], item["warehouse"]] += item["quantity"]
        rest = dict(left)
        short: list[tuple[str, str | None]] = []
        for (sku, warehouse), quantity in asked.items():
            if warehouse is not None:
                if rest.get((sku, warehouse), -1) < quantity:
                    short.append((sku, warehouse))
                else:
                    rest[sku, warehouse] -= quantity
        for (sku, warehouse), quantity in asked.items():
            if warehouse is None and sum(q for (s, _), q in rest.items() if s == sku) < quantity:
                short.append((sku, warehouse))
        return self._code(short)

    def _code(self, short: list[tuple[str, str | None]]) -> str | None:
        if not short:
            return None
        if any(sku not in self.skus for sku, _ in short):
            return "unknown_sku"
        if any(warehouse is not None and warehouse not in self.warehouses for _, warehouse in short):
            return "unknown_warehouse"
        if any(sku in self.archived for sku, _ in short):
            return "sku_archived"
        if any(warehouse in self.closed for _, warehouse in short):
            return "warehouse_inactive"
        return "insufficient_stock"

    def left(self) -> dict[Place, int]:
        return {
            (sku, warehouse): self.available((sku, warehouse))
            for sku, warehouse in self.known
            if sku not in self.archived and warehouse not in self.closed
        }

    # -- resolving ------------------------------------------------------------------------------------------------

    def resolve(self, reservation_id: str, action: str, items: list[dict[str, Any]] | None) -> str:
        hold = self.holds.get(reservation_id)
        if hold is None:
            return "reservation_not_found"
        done = self._done_already(hold, action)
        if done:
            return done
        takes = self._takes(hold, items)
        if takes is None:
            return "exceeds_reservation"
        for line, quantity in takes:
            if action == "consume":
                self.sellable[line.sku, line.warehouse] -= quantity
            hold.close(line, quantity, "consumed" if action == "consume" else "cancelled")
        self.events["reservation_consumed" if action == "consume" else "reservation_released"] += 1
        return "consumed" if action == "consume" else "released"

    def _done_already(self, hold: Hold, action: str) -> str | None:
        match hold.status, action:
            case "active", _:
                return None
            case "consumed", "consume":
                return "consumed"
            case "consumed", _ if hold.last_outcome != "cancelled":
                return "already_consumed"
            case _, "release":
                return "released"
            case "expired", _:
                return "reservation_expired"
            case _:
                return "already_cancelled"

    def _takes(self, hold: Hold, items: list[dict[str, Any]] | None) -> list[tuple[Line, int]] | None:
        """Which units of which line; None when more is asked than is open. Named warehouses are served first."""
        lines = hold.open_lines()
        if items is None:
            return [(line, line.quantity) for line in lines]
        taken: dict[int, int] = defaultdict(int)
        for item in sorted(items, key=lambda i: i["warehouse"] is None):
            wanted = item["quantity"]
            for n, line in enumerate(lines):
                if line.sku == item["sku"] and item["warehouse"] in (None, line.warehouse):
                    take = min(wanted, line.quantity - taken[n])
                    taken[n] += take
                    wanted -= take
            if wanted:
                return None
        return [(lines[n], quantity) for n, quantity in taken.items() if quantity]

    # -- prolonging -----------------------------------------------------------------------------------------------

    def prolong(self, reservation_id: str, action: str, minutes: int | None, reference: tuple[str, str]) -> str:
        hold = self.holds.get(reservation_id)
        if hold is None:
            return "reservation_not_found"
        if hold.status in ("consumed", "cancelled"):
            return f"already_{hold.status}"
        if hold.status == "expired" or self.overdue(hold):
            return "reservation_expired"
        if action == "convert":
            hold.deadline, hold.reference = None if minutes is None else self.now + minutes, reference
            hold.extended = 0
            self.events["reservation_converted"] += 1
            return "converted"
        if hold.deadline is None:
            return "does_not_expire"
        assert minutes is not None
        if hold.extended + minutes > EXTENSION_MAX:
            return "extension_limit_reached"
        hold.deadline += minutes
        hold.extended += minutes
        self.events["reservation_extended"] += 1
        return "extended"

    # -- moving ---------------------------------------------------------------------------------------------------

    def move(self, event: str, items: list[dict[str, Any]]) -> str:
        """All or nothing. An item has ``quantity`` (signed), or ``set_to`` with ``expected_quantity``."""
        refusal = self._move_refusal(items)
        if refusal:
            return refusal
        for item in items:
            place = (item["sku"], item["warehouse"])
            counted = self.unsellable if item["bucket"] == "unsellable" else self.sellable
            if item.get("set_to") is not None:
                counted[place] = item["set_to"]
            else:
                counted[place] += item["quantity"]
        self.events[event] += 1
        return "moved"

    def _move_refusal(self, items: list[dict[str, Any]]) -> str | None:
        change: Counter[tuple[str, str, str]] = Counter()
        for item in items:
            change[item["sku"], item["warehouse"], item["bucket"]] += item["quantity"] or 0
        found = [rank for item in items if (rank := self._item_refusal(item, change)) is not None]
        order = ("unknown_sku", "unknown_warehouse", "sku_archived", "version_conflict", "below_reserved")
        return min(found, key=[*order, "insufficient_stock"].index) if found else None

    def _item_refusal(self, item: dict[str, Any], change: Counter[tuple[str, str, str]]) -> str | None:
        sku, warehouse, bucket = item["sku"], item["warehouse"], item["bucket"]
        place, target = (sku, warehouse), item.get("set_to")
        physical = self.unsellable[place] if bucket == "unsellable" else self.sellable[place]
        spare = physical if bucket == "unsellable" else self.available(place)
        if sku not in self.skus:
            return "unknown_sku"
        if warehouse not in self.warehouses:
            return "unknown_warehouse"
        if sku in self.archived and (item["quantity"] if target is None else target) > 0:
            return "sku_archived"
        if target is not None:
            if item["expected_quantity"] != physical:
                return "version_conflict"
            return "below_reserved" if bucket == "sellable" and target < self.reserved(place) else None
        return "insufficient_stock" if spare + change[sku, warehouse, bucket] < 0 else None
