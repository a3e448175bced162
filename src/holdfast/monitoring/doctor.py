"""``holdfast doctor``: recompute every promise from the rows and name what does not hold.

Each check is one set-based statement, hence one snapshot, so it is exact on a running system too. It answers the
violations as (subject, expected, found); none is the good answer. Nothing is repaired here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.db import Statement, Tx, statements
from holdfast.db.database import in_one_transaction

sql = statements("holdfast.monitoring")
units = statements("holdfast.monitoring", "units.sql")
demand = statements("holdfast.monitoring", "demand.sql")
purchases = statements("holdfast.monitoring", "purchases.sql")
told = statements("holdfast.monitoring", "told.sql")
pools = statements("holdfast.monitoring", "pools.sql")
approvals = statements("holdfast.monitoring", "approvals.sql")

# The sweeper runs every ten seconds; a hold this long past its deadline says that it does not.
LEAK_GRACE_MINUTES = 15
SHOWN_MAX = 50
# A ledger of ten million entries takes longer than a request may.
NO_TIME_LIMIT: LiteralString = "set local statement_timeout = 0"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as promised, such as a level, with what should be and what is."""

    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Check:
    """A promise (design: P1 … P8, or the house) and the statement that looks for violations of it."""

    promise: str
    sentence: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    violations: list[Violation]


CHECKS = (
    Check("P1", "no quantity is negative", sql.quantities_not_negative),
    Check("P1", "the constraints against overselling are in force", sql.constraints_in_force),
    Check("P2", "on hand is the sum of its movements", sql.on_hand_is_its_movements),
    Check("P2", "reserved is the sum of its active lines", sql.reserved_is_its_lines),
    Check("P2", "in transit is the sum of open order and transfer lines", sql.in_transit_is_open_lines),
    Check("P2", "backordered is the sum of lines that wait, for want of stock", sql.backordered_is_its_lines),
    Check("P2", "what levels keep is what is left of their pools", pools.pooled_is_its_pools),
    Check("P2", "what pools lent is in their lines and sales", pools.pools_are_their_lines),
    Check("P2", "lines of pools are of their level and channel", pools.pool_lines_are_of_their_channel),
    Check("P2", "bundles consist of parts and have no stock", sql.bundles_are_their_parts),
    Check("P2", "offers of the waiting list have their hold", sql.offers_have_their_hold),
    Check("P2", "what orders received is the sum of their receipts", purchases.purchases_add_up),
    Check("P2", "what was paid abroad is what the ledger has", told.foreign_costs_fit),
    Check("P2", "what was told of full warehouses is so", told.fills_are_their_levels),
    Check("P2", "what was told of being in stock is so", told.states_are_as_told),
    Check("P2", "what a transfer took is on its way, arrived or lost", sql.transfers_add_up),
    Check("P2", "what returns brought back is in the ledger", sql.returns_were_posted),
    Check("P2", "what stock counts adjusted is in the ledger", sql.counts_were_posted),
    Check("P2", "the ledger's balances chain", sql.balances_chain),
    Check("P2", "batches add up to what is on hand", units.batches_add_up),
    Check("P2", "units with a serial number add up to what is on hand", units.serials_add_up),
    Check("P2", "states add up to what is unsellable", units.states_add_up),
    Check("P2", "a batch is the sum of its movements", units.batches_are_their_movements),
    Check("P2", "a unit is where its last entry says", units.serials_follow_their_entries),
    Check("P2", "usability follows the dates", units.usability_follows_dates),
    Check("P7", "nothing past its use stays available", units.leaked_batches),
    Check("P2", "the moving average is the one the ledger left", sql.cost_is_the_newest),
    Check("P2", "what undoes an entry is its opposite, once", sql.undone_is_opposite),
    Check("P6", "the seals of the ledger join one another", sql.seals_chain),
    Check("P3", "reservations fit their lines", sql.headers_fit_lines),
    Check("P4", "commits are confirmed by the synchronous standby", sql.commits_are_confirmed),
    Check("P5", "every stored key has its first answer", sql.answers_are_complete),
    Check("P6", "the application cannot write stock tables", sql.stock_has_one_way_in),
    Check("P6", "the ledger refuses to be rewritten", sql.history_is_guarded),
    Check("P6", "posting functions fix their search path", sql.functions_are_sealed),
    Check("P7", "no hold outlives its deadline", sql.leaked_holds),
    Check("P8", "every step of a reservation was told", sql.reservations_were_told),
    Check("P8", "every movement was told", sql.movements_were_told),
    Check("P10", "demand is what ledger and reservations say", demand.demand_is_its_sources),
    Check("X-21", "a suggestion is ordered once", approvals.suggestions_are_ordered_once),
    Check("X-23", "rules count what they approved", approvals.rules_count_what_they_approved),
    Check("X-21", "placed groupings are on their orders", approvals.groupings_are_placed),
    Check("P10", "what was refused is what its attempts were short of", demand.refused_is_its_attempts),
    Check("P10", "the accuracy of forecasts is that of their grades", demand.accuracy_is_its_grades),
    Check("—", "nothing points nowhere", sql.nothing_points_nowhere),
    Check("—", "the business clock is not shifted", sql.clock_is_not_shifted),
)


async def examine(tx: Tx) -> list[Finding]:
    """Run every check; one finding each, in order, with its violations (none when the promise holds)."""
    await tx.connection.execute(NO_TIME_LIMIT)
    return [
        Finding(check, await tx.all(check.statement, Violation, grace_minutes=LEAK_GRACE_MINUTES)) for check in CHECKS
    ]


async def visit(url: str, screen: Console) -> bool:
    """Examine the database at ``url`` and print the findings; answers whether every promise holds."""
    findings = await in_one_transaction(url, examine)
    report(findings, screen)
    return not any(finding.violations for finding in findings)


def report(findings: list[Finding], screen: Console) -> None:
    table = Table("", "Promise", "Violations", box=None, header_style="dim", pad_edge=False)
    for finding in findings:
        count = len(finding.violations)
        table.add_row(
            finding.check.promise, finding.check.sentence, f"[bold red]{count}[/]" if count else "[green]none[/]"
        )
    screen.print(table)
    for finding in findings:
        for violation in finding.violations[:SHOWN_MAX]:
            screen.print(
                f"[red]{finding.check.promise}[/] {finding.check.sentence}: [bold]{escape(violation.subject)}[/] "
                f"expected {escape(violation.expected)}, found {escape(violation.found)}",
                soft_wrap=True,
            )
        if len(finding.violations) > SHOWN_MAX:
            screen.print(f"   … and {len(finding.violations) - SHOWN_MAX} more of these")
