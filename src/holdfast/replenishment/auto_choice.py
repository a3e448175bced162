"""Which covered suggestions need nobody: the most pressing first, as far as every limit reaches. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from holdfast.replenishment.grouping_store import Head
from holdfast.replenishment.order_limits import OrderLimit

Key = tuple[UUID, UUID, str]


@dataclass(frozen=True, slots=True)
class Covered:
    """A pending suggestion, the rule that covers it, and what it takes of a limit.

    ``value`` is what the rule counts, ``money`` what the order costs at the terms of today.
    """

    id: UUID
    version: int
    supplier_id: UUID
    warehouse_id: UUID
    currency: str
    value: Decimal
    rule_id: UUID
    daily_max_value: Decimal
    money: Decimal
    volume_l: Decimal
    weight_kg: Decimal
    pallets: Decimal

    @property
    def key(self) -> Key:
        return self.supplier_id, self.warehouse_id, self.currency


def within_limits(
    ones: Sequence[Covered], days: Mapping[UUID, Decimal], heads: Mapping[Key, Head], limits: Sequence[OrderLimit]
) -> list[Covered]:
    """Those of ``ones`` that fit, in their order. ``days``: money left today, by rule.

    An order that would stay below its minimum is left for people, who fill it up. Of several such the least pressing is
    given up first: what it would have taken may bring another over its minimum.
    """
    left_out: set[Key] = set()
    while True:
        chosen = list(_fitting([one for one in ones if one.key not in left_out], days, heads, limits))
        worth: dict[Key, Decimal] = {}
        for one in chosen:
            worth[one.key] = worth.get(one.key, heads[one.key].money) + one.money
        short = [key for key, money in worth.items() if money < (heads[key].minimum_order_value or 0)]
        if not short:
            return chosen
        left_out.add(short[-1])


def _fitting(
    ones: Sequence[Covered], days: Mapping[UUID, Decimal], heads: Mapping[Key, Head], limits: Sequence[OrderLimit]
) -> Iterator[Covered]:
    """One after another, each that leaves no limit overdrawn."""
    left: dict[object, Decimal] = {**days}
    for one in ones:
        head = heads[one.key]
        takes: dict[object, Decimal] = {one.rule_id: one.value}
        for limit in limits:
            if limit.covers(*one.key):
                of = limit.id if limit.per != "order" else (limit.id, one.key)
                before = limit.used if limit.per != "order" else getattr(head, limit.measure)
                left.setdefault(of, limit.most - before)
                takes[of] = getattr(one, limit.measure)
        for measure, most in (("volume_l", head.truck_volume_l), ("weight_kg", head.truck_weight_kg)):
            if most is not None:
                left.setdefault((measure, one.key), most - getattr(head, measure))
                takes[measure, one.key] = getattr(one, measure)
        if all(amount <= left[of] for of, amount in takes.items() if amount):
            for of, amount in takes.items():
                left[of] -= amount
            yield one
