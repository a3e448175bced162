"""A form read field by field: the values, and what is wrong with which field, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from holdfast.access.visit import Form, Visit
from holdfast.kernel.errors import Refusal

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_AMOUNT: Final = re.compile(r"-?(\d{1,20}|\d{1,3}(,\d{3})+)(\.\d{1,20})?", re.ASCII)


@dataclass(slots=True)
class TypedForm:
    """Every reader answers None for an empty field; ``required`` says that this is wrong."""

    visit: Visit
    form: Form
    wrong: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def texts(self) -> dict[str, str]:
        """What was typed, to bring a refused form back as it was."""
        return {name: self.form.text(name) for name in self.form.fields if name != "csrf"}

    def text(self, name: str, most: int, *, required: bool = False) -> str | None:
        text = self.form.text(name)
        if len(text) > most:
            said = self.visit.words.gettext("At most %(most)s characters.", most=self.visit.formats.number(most))
            self.wrong[name] = said
        elif _CONTROL.search(text):
            self.wrong[name] = self.visit.words.gettext("This has characters that cannot be printed.")
        return self._filled(name, text, required=required)

    def matching(self, name: str, pattern: str, sentence: str, *, most: int, required: bool = False) -> str | None:
        """``sentence`` is what to type instead, translated."""
        text = self.text(name, most, required=required)
        if text is not None and not re.fullmatch(pattern, text):
            self.wrong.setdefault(name, sentence)
        return text

    def among(self, name: str, known: Collection[str], otherwise: str) -> str:
        """A choice; a value that no option has is as good as none."""
        chosen = self.form.text(name)
        return chosen if chosen in known else otherwise

    def whole(self, name: str, least: int, most: int, *, required: bool = False) -> int | None:
        text = self._filled(name, self.form.text(name), required=required)
        if text is None:
            return None
        number = self.form.whole(name)
        if number is None or not least <= number <= most:
            formats = self.visit.formats
            self.wrong[name] = self.visit.words.gettext(
                "Type a whole number from %(least)s to %(most)s.",
                least=formats.number(least),
                most=formats.number(most),
            )
        return number

    def amount(
        self, name: str, least: str, most: str, *, decimals: int, above: bool = False, required: bool = False
    ) -> Decimal | None:
        """A number with a point, as ``12.50``; ``above``: more than ``least``."""
        text = self._filled(name, self.form.text(name), required=required)
        words = self.visit.words
        if text is None:
            return None
        if not _AMOUNT.fullmatch(text):
            # 1,5 is half of three to one reader and fifteen to another.
            self.wrong[name] = words.gettext("Type a number with a point, such as 12.50.")
            return None
        number, low = Decimal(text.replace(",", "")), Decimal(least)
        if above and not low < number <= Decimal(most):
            said = words.gettext("Type a number above %(least)s, at most %(most)s.", least=least, most=most)
            self.wrong[name] = said
        elif not low <= number <= Decimal(most):
            self.wrong[name] = words.gettext("Type a number from %(least)s to %(most)s.", least=least, most=most)
        elif number != round(number, decimals):
            self.wrong[name] = words.gettext("At most %(count)s digits after the point.", count=decimals)
        return number

    def day(self, name: str) -> date | None:
        text = self.form.text(name)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.wrong[name] = self.visit.words.gettext("Type a day such as 2026-12-24.")
            return None

    def refused(self, refusal: Refusal, *, fields: Collection[str]) -> None:
        """What the rules say stands beside the field it is about, and over the form when it is about none."""
        for error in refusal.errors:
            named = [str(part) for part in error.get("loc", ()) if str(part) in fields]
            self.wrong.setdefault(named[0] if named else "form", str(error.get("message") or refusal.detail))
        if not refusal.errors:
            self.wrong.setdefault("form", refusal.detail)

    def _filled(self, name: str, text: str, *, required: bool) -> str | None:
        if required and not text:
            self.wrong[name] = self.visit.words.gettext("This cannot be empty.")
        return text or None
