"""Where postcodes are, from a file: country, prefix, coordinates. A known prefix gets its new place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from holdfast.access import audit
from holdfast.allocation.postcodes import Postcode, known_postcodes, set_postcodes
from holdfast.db import Tx
from holdfast.importing.model import Change, Column, Plan, Row, duplicates

# One statement takes so many; the file is one transaction anyway.
GROUP = 10_000


def _country(cell: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", cell):
        raise ValueError("is not a country code such as GB")
    return cell.upper()


def _prefix(cell: str) -> str:
    plain = re.sub(r"[\s-]+", "", cell).upper()
    if not re.fullmatch(r"[0-9A-Z]{1,20}", plain):
        raise ValueError("is not the beginning of a postcode: letters and digits")
    return plain


def _degrees(most: float) -> Callable[[str], float]:
    def read(cell: str) -> float:
        if not re.fullmatch(r"[+-]?\d{1,3}(\.\d{1,15})?", cell) or abs(float(cell)) > most:
            raise ValueError(f"is not degrees between -{most:.0f} and {most:.0f}")
        return float(cell)

    return read


COLUMNS = (
    Column("country", _country, ("country_code", "国家", "国家代码"), True),
    Column("prefix", _prefix, ("postcode", "postal_code", "zip", "zip_code", "邮编", "邮政编码"), True),
    Column("latitude", _degrees(90), ("lat", "纬度"), True),
    Column("longitude", _degrees(180), ("lon", "lng", "long", "经度"), True),
)


async def plan_postcodes(tx: Tx, rows: Sequence[Row]) -> Plan:
    """What applying the rows would do. Nothing is written."""
    plan = Plan(work=[])
    plan.problems += duplicates(rows, ("country", "prefix"), "the same postcode is given twice")
    bad = {problem.row for problem in plan.problems}
    read = [(row.number, Postcode(**row.values)) for row in rows if row.number not in bad]
    known = await known_postcodes(tx, [(postcode.country, postcode.prefix) for _, postcode in read])
    for number, postcode in read:
        before = known.get((postcode.country, postcode.prefix))
        if before == postcode:
            plan.unchanged += 1
            continue
        plan.work.append(postcode)
        if before is None:
            plan.new += 1
        else:
            where = ((before.latitude, before.longitude), (postcode.latitude, postcode.longitude))
            plan.changes.append(Change(number, f"{postcode.country} {postcode.prefix}", {"place": where}))
    return plan


async def apply_postcodes(tx: Tx, plan: Plan, *, actor: str, reference: str) -> None:
    for start in range(0, len(plan.work), GROUP):
        await set_postcodes(tx, plan.work[start : start + GROUP])
    await audit.record(
        tx,
        actor=actor,
        action="allocation.postcodes_imported",
        subject="postcodes",
        reference=reference,
        rows=len(plan.work),
    )
