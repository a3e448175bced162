"""Numbers, money and times as people of a language write them. An absent value is a dash, never a zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

ABSENT = "–"
MINUS = "−"  # U+2212: as wide as the digits, so columns of figures line up


@dataclass(frozen=True, slots=True)
class Formats:
    locale: Locale
    time_zone: tzinfo

    def number(self, value: float | Decimal | None, digits: int = 0) -> str:
        """At most `digits` decimals; trailing zeros are dropped."""
        if value is None:
            return ABSENT
        pattern = "#,##0" + ("." + "#" * digits if digits else "")
        return format_decimal(value, format=pattern, locale=self.locale).replace("-", MINUS)

    def signed(self, value: float | Decimal | None) -> str:
        """With its sign and a thin space between, as in a column of additions: `+ 214`, `− 96`."""
        if value is None:
            return ABSENT
        return f"{'+' if value >= 0 else MINUS} {self.number(abs(value))}"

    def money(self, amount: Decimal | None, currency: str, *, whole: bool = False) -> str:
        """`whole` drops the minor units, for sums that are compared, not paid."""
        if amount is None:
            return ABSENT
        digits = 0 if whole else get_currency_precision(currency)
        pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
        text = format_currency(amount, currency, format=pattern, locale=self.locale, currency_digits=False)
        return text.replace("-", MINUS)

    def exact(self, amount: Decimal, currency: str) -> str:
        """Money with all its decimals, six at most: half a cent per unit is money on a thousand units."""
        digits = get_currency_precision(currency)
        pattern = "¤#,##0." + "0" * digits + "#" * (6 - digits)
        return format_currency(amount, currency, format=pattern, locale=self.locale, currency_digits=False)

    def percent(self, share: float | Decimal | None) -> str:
        return ABSENT if share is None else format_percent(share, locale=self.locale)

    def day(self, value: date | datetime | None, *, year: bool = False) -> str:
        """`12 Dec`, with the year only where asked for."""
        if value is None:
            return ABSENT
        local = self._local(value)
        if year:
            return format_date(local, "medium", locale=self.locale)
        return format_skeleton("MMMd", local, locale=self.locale)

    def month(self, value: date) -> str:
        """`Dec`, for the columns of a year."""
        return format_skeleton("MMM", value, locale=self.locale)

    def moment(self, value: datetime | None) -> str:
        """`12 Dec, 09:30` in the display time zone."""
        if value is None:
            return ABSENT
        between = " " if self.locale.language == "zh" else ", "
        return f"{self.day(value)}{between}{self.clock(value)}"

    def clock(self, value: datetime | None) -> str:
        if value is None:
            return ABSENT
        return format_time(value.astimezone(self.time_zone), "HH:mm", locale=self.locale)

    def full(self, value: datetime | None) -> str:
        """Everything, for the title of a shortened time."""
        return ABSENT if value is None else format_datetime(self._local(value), "long", locale=self.locale)

    @staticmethod
    def who(actor: str) -> str:
        """The name inside an actor such as `user:anna@shop.example` or `key:till 3`."""
        kind, colon, name = actor.partition(":")
        return name if colon and kind in ("user", "key") else actor

    def _local(self, value: date | datetime) -> date | datetime:
        return value.astimezone(self.time_zone) if isinstance(value, datetime) else value
