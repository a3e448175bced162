"""What ``holdfast doctor`` does, by its options."""

from __future__ import annotations

import getpass

from rich.console import Console
from rich.markup import escape

from holdfast.db import Tx
from holdfast.db.database import in_one_transaction
from holdfast.monitoring import doctor, reconciling, seals


async def consult(
    url: str, screen: Console, *, seals: bool = False, expect: str | None = None, repair: str | None = None
) -> bool:
    """Repair when told, then examine; or, with ``seals``, only hash the ledger again. Answers whether all is well."""
    if repair is not None:
        await in_one_transaction(url, lambda tx: _repair(tx, repair, screen))
    if seals:
        return await in_one_transaction(url, lambda tx: _seals(tx, expect, screen))
    return await doctor.visit(url, screen)


async def _repair(tx: Tx, reason: str, screen: Console) -> None:
    found = await reconciling.repair(tx, reason=reason, actor=f"command:{getpass.getuser()}")
    for level in found:
        says = "repaired" if level.outcome == "repaired" else "[red]left alone: more is promised than is there[/]"
        changed = ", ".join(
            f"{name} {level.before[name]} → {level.after[name]}"
            for name in level.after
            if level.before[name] != level.after[name]
        )
        screen.print(f"{escape(f'{level.sku_code}@{level.warehouse_code}')} {says}: {changed}", soft_wrap=True)
    if not found:
        screen.print("No level is damaged; nothing was repaired.")


async def _seals(tx: Tx, expected: str | None, screen: Console) -> bool:
    await tx.connection.execute(doctor.NO_TIME_LIMIT)
    report = await seals.check(tx, expected=expected)
    await seals.show(tx, report, screen)
    return report.is_intact
