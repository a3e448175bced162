"""Small parts of the pages that are plain arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from holdfast.web.address import Address
from holdfast.web.formats import Formats
from holdfast.web.i18n import CHINESE, ENGLISH, choose_language, words_in
from holdfast.web.pictures import segments, sparkline


def test_a_sparkline_steps_through_the_past_and_slopes_into_the_future() -> None:
    drawn = sparkline([10, 10, 0], [5], limit=5, width=40, height=24)
    assert drawn.past == "M0.0 2.0H10.0V2.0H20.0V22.0H30.0"
    assert drawn.coming == "M30.0 22.0L40.0 12.0"
    assert drawn.limit == 12.0


@pytest.mark.parametrize(
    ("parts", "whole", "laid"),
    [
        ([60, 20, 20], 100, [(0, 60, 0), (60, 20, 1), (80, 20, 2)]),
        ([0, 50], 100, [(0, 50, 1)]),
        ([1, 0, 0], 10_000, [(0, 0.8, 0)]),  # too small to see would read as nothing there
        ([5, 5], 0, []),
    ],
)
def test_a_bar_shows_every_part_that_is_not_zero(
    parts: list[float], whole: float, laid: list[tuple[float, float, int]]
) -> None:
    assert [(s.start, s.length, s.tone) for s in segments(parts, whole)] == laid


def test_an_address_keeps_the_filters_and_forgets_the_page() -> None:
    here = Address.of("/stock", q="tea", status="low", sort="name", cursor="abc")
    assert here.having(status="") == "/stock?q=tea&sort=name"
    assert here.having(cursor="def") == "/stock?q=tea&status=low&sort=name&cursor=def"
    assert here.sorted_by("name") == "/stock?q=tea&status=low&sort=-name"
    assert here.direction("name") == "ascending"
    assert here.is_filtered
    assert not Address.of("/stock", sort="name").is_filtered


def test_figures_are_written_as_each_language_writes_them() -> None:
    english = Formats(ENGLISH.locale, ZoneInfo("Asia/Shanghai"))
    chinese = Formats(CHINESE.locale, UTC)
    said = [
        english.number(1234567),
        english.number(Decimal("6.10"), 1),
        english.signed(-96),
        english.money(Decimal("1176.5"), "GBP"),
        english.money(Decimal("18420.4"), "GBP", whole=True),
        english.day(date(2026, 12, 12)),
        english.moment(datetime(2026, 11, 21, 16, 30, tzinfo=UTC)),
        english.number(None),
        chinese.money(Decimal("99"), "CNY"),
        chinese.day(date(2026, 12, 12)),
        chinese.percent(0.97),
    ]
    assert said == [
        "1,234,567", "6.1", "− 96", "£1,176.50", "£18,420", "12 Dec", "22 Nov, 00:30", "–", "¥99.00",
        "12月12日", "97%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("zh", "en-GB,en;q=0.9", "zh"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "fr-FR,en;q=0.5", "en"),
        ("klingon", "", "en"),
        (None, None, "en"),
        (None, "*", "en"),
    ],
)
def test_the_choice_of_a_person_comes_before_the_browser(
    chosen: str | None, accepted: str | None, language: str
) -> None:
    assert choose_language(chosen=chosen, accepted=accepted).code == language


def test_words_fill_their_places_in_both_languages() -> None:
    assert words_in("zh").gettext("Next page") == "下一页"
    assert words_in("en").ngettext("%(num)s line", "%(num)s lines", 2) == "2 lines"
