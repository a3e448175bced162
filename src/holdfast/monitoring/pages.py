"""Is everything all right? What the doctor last found, the seals, the commits that wait, and the cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed, Visit
from holdfast.monitoring import reconciling
from holdfast.monitoring.metrics import exposition
from holdfast.monitoring.reconciling import DoctorRun
from holdfast.settings import Settings
from holdfast.stock import seals
from holdfast.stock.seals import Seal
from holdfast.web.i18n import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

RUNS: Final = 10
# What the checks of each promise look at, for somebody who runs a shop. Says no more than they see: that a commit
# survives a crash, or that two buyers never get one unit, is shown by tests and the self-test, not by a look at rows.
PROMISES: Final = {
    "P1": N_("Nothing is promised that is not there"),
    "P2": N_("The books balance"),
    "P3": N_("Holds and their lines agree"),
    "P4": N_("Commits wait for their confirmation, where a second machine is set up"),
    "P5": N_("Every stored key has its first answer"),
    "P6": N_("The ledger is guarded against rewriting"),
    "P7": N_("Holds end on time"),
    "P8": N_("Every change was told"),
    "—": N_("Order in the house"),
}
_LOOKS: Final = "holdfast_cache_looks_total"
_CONNECTED: Final = "holdfast_cache_connected"
_CONFIRMATION: LiteralString = (
    "select standby_names, commits_waiting, seconds_waiting::float8, standbys_attached from commit_confirmation()"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One check that found something; `sentence` is the doctor's own, for whoever repairs."""

    promise: str
    sentence: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commits:
    standbys: str
    waiting: int
    seconds: float
    attached: int | None
    is_refused: bool


@dataclass(frozen=True, slots=True)
class CacheState:
    """`share` of looks answered by Redis since the start, None when nobody looked."""

    is_used: bool
    is_up: bool
    looks: int
    share: float | None


@dataclass(frozen=True, slots=True)
class SealLook:
    """What the last look compared: the chain of all seals, and `entries` under the `newest` of them.

    `last_no` is the newest seal there was; `entries` is None when an older version looked and did not say.
    """

    is_intact: bool
    entries: int | None
    newest: int
    last_no: int


@dataclass(frozen=True, slots=True)
class HealthView:
    last: DoctorRun | None
    found: tuple[Found, ...]
    promises: tuple[tuple[str, bool], ...]
    runs: tuple[DoctorRun, ...]
    seal: Seal | None
    seals: SealLook | None
    sealed_at: datetime | None
    commits: Commits
    cache: CacheState
    may_look: bool

    @property
    def is_broken(self) -> bool:
        return bool(self.found) or (self.seals is not None and not self.seals.is_intact)


@router.get("/health")
async def health(visit: Signed) -> Response:
    """Three statements; the doctor itself looks by night, or when told."""
    return visit.page("monitoring/health.html", await _view(visit), active="health")


@router.post("/health/look")
async def look(visit: Signed) -> Response:
    """Recompute every promise now."""
    await visit.form()
    visit.require("admin")
    run = await reconciling.run(visit.tx, started_by=visit.actor)
    words = visit.words
    say = (
        words.gettext("Looked: nothing wrong was found.")
        if run.is_healthy
        else words.gettext("Looked: something is wrong.")
    )
    return visit.redirect("/health", say=say, bad=not run.is_healthy)


async def _view(visit: Visit) -> HealthView:
    runs = await reconciling.list_runs(visit.tx, before=None, limit=RUNS)
    last = runs[0] if runs else None
    found = tuple(_found(visit, finding) for finding in last.findings) if last else ()
    broken = {finding["promise"] for finding in last.findings} if last else set[str]()
    seal = await seals.last_seal(visit.tx)
    return HealthView(
        last=last,
        found=found,
        promises=tuple((visit.words.gettext(text), key not in broken) for key, text in PROMISES.items()),
        runs=tuple(runs[:RUNS]),
        seal=seal,
        seals=_seal_look(last),
        sealed_at=seal.sealed_at if seal else None,
        commits=await _commits(visit),
        cache=_cache(visit),
        may_look=visit.may("admin"),
    )


def _seal_look(last: DoctorRun | None) -> SealLook | None:
    """None when nobody looked, or nothing was sealed when somebody did."""
    noted = str(last.seals.get("last") or "") if last else ""
    if last is None or not (noted or last.seals.get("chain_broken")):
        return None
    number = noted.partition(":")[0]
    return SealLook(
        bool(last.seals.get("is_intact")),
        last.seals.get("entries"),
        int(last.seals.get("newest") or reconciling.SEALS_NEWEST),
        int(number) if number.isdigit() else 0,
    )


def _found(visit: Visit, finding: dict[str, Any]) -> Found:
    examples: Iterable[dict[str, str]] = finding.get("violations", [])[:3]
    promise = PROMISES.get(finding["promise"])
    return Found(
        promise=visit.words.gettext(promise) if promise else str(finding["promise"]),
        sentence=str(finding["sentence"]),
        count=int(finding["count"]),
        examples=tuple(f"{v['subject']}: {v['found']} ≠ {v['expected']}" for v in examples),
    )


async def _commits(visit: Visit) -> Commits:
    row = await (await visit.tx.connection.execute(_CONFIRMATION)).fetchone()
    assert row is not None, "the function always answers one row"
    refused: bool = visit.request.app.state.database.gate.is_closed
    return Commits(row[0] or "", row[1], row[2], row[3], refused)


def _cache(visit: Visit) -> CacheState:
    """From the figures of all processes, so that it is true whichever of them answers."""
    settings: Settings = visit.request.app.state.settings
    figures: dict[str, float] = {}
    for line in exposition().decode().splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith((_LOOKS, _CONNECTED)):
            figures[name] = float(value)
    looks = sum(value for name, value in figures.items() if name.startswith(_LOOKS))
    hits = figures.get(f'{_LOOKS}{{result="hit"}}', 0.0)
    return CacheState(
        is_used=bool(settings.redis_url),
        is_up=figures.get(_CONNECTED, 0.0) > 0,
        looks=int(looks),
        share=hits / looks if looks else None,
    )
