"""The languages of the console and of everything Holdfast writes to people.

The English text in the source is the message id; `locale/<language>.po` holds the other languages.
Catalogues are read from their text form at first use, so there is no compiled file that could be stale.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from typing import Final

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


@dataclass(frozen=True, slots=True)
class Language:
    """One language people can choose: `code` is what the cookie holds, `tag` what HTML and Intl want."""

    code: str
    tag: str
    locale_name: str
    own_name: str

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.locale_name)


# en_GB because day-before-month dates with a named month read the same everywhere.
ENGLISH: Final = Language("en", "en-GB", "en_GB", "English")
CHINESE: Final = Language("zh", "zh-CN", "zh_Hans_CN", "简体中文")
LANGUAGES: Final[Mapping[str, Language]] = {language.code: language for language in (ENGLISH, CHINESE)}


def N_(text: str) -> str:  # the name gettext tools look for
    """Mark a constant for translation where it is defined; translate it where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """Translates message ids into one language. `%(name)s` places are filled from the keyword arguments."""

    language: Language
    catalogue: NullTranslations

    def gettext(self, text: str, **facts: object) -> str:
        return self.catalogue.gettext(text) % facts

    def ngettext(self, one: str, many: str, n: int, **facts: object) -> str:
        """`%(num)s` is filled with `n` unless a formatted `num` is given."""
        return self.catalogue.ngettext(one, many, n) % {"num": n, **facts}


@cache
def words_in(code: str) -> Words:
    """The words of a known language code; English for any other: a stale cookie is no reason to fail."""
    language = LANGUAGES.get(code, ENGLISH)
    if language is ENGLISH:
        return Words(ENGLISH, NullTranslations())
    text = resources.files("holdfast.web").joinpath("locale", f"{language.code}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), locale=language.locale_name))
    compiled.seek(0)
    return Words(language, GNUTranslations(compiled))


def choose_language(*, chosen: str | None, accepted: str | None) -> Language:
    """What the person chose, else the best match of the browser's Accept-Language, else English."""
    if chosen in LANGUAGES:
        return LANGUAGES[chosen]
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in (accepted or "").split(",")]
    found = negotiate_locale([w.split("_")[0] for w in wanted if w], list(LANGUAGES))
    return LANGUAGES[found] if found else ENGLISH
