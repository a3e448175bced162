"""Every word people see exists in both languages; no template says what cannot be translated."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment

SRC = Path(__file__).parents[2] / "src"
METHODS = [("holdfast/**.py", "python"), ("holdfast/**/templates/**.html", "jinja2")]
OPTIONS = {"holdfast/**/templates/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
OWN_NAMES = {"Holdfast", "·"}
SPOKEN_ATTRIBUTES = {"placeholder", "title", "alt", "aria-label", "data-tick-label", "data-label-money"}
PLACES = re.compile(r"%\((\w+)\)s")


def messages_in_source() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(str(SRC), METHODS, OPTIONS, KEYWORDS)
    return {message for _, _, message, _, _ in found if message}


def chinese() -> dict[str | tuple[str, ...], str]:
    text = (SRC / "holdfast/web/locale/zh.po").read_bytes()
    catalogue = read_po(io.BytesIO(text), locale="zh_Hans_CN")
    entries: dict[str | tuple[str, ...], str] = {}
    for message in catalogue:
        if message.id:
            key = tuple(message.id) if isinstance(message.id, list | tuple) else message.id
            text_of = message.string
            entries[key] = text_of if isinstance(text_of, str) else (text_of or ("",))[0]
    return entries


def test_every_message_has_chinese_words_and_no_word_is_left_over() -> None:
    used, translated = messages_in_source(), chinese()
    assert used - translated.keys() == set(), "add these to locale/zh.po"
    assert translated.keys() - used == set(), "nobody says these any more"
    assert [key for key, text in translated.items() if not text.strip()] == []


def test_no_message_hides_in_an_f_string() -> None:
    """Nobody extracts it from there, so nobody would translate it."""
    hidden = [
        f"{file}:{node.lineno}"
        for file in SRC.rglob("*.py")
        for text in ast.walk(ast.parse(file.read_text()))
        if isinstance(text, ast.JoinedStr)
        for node in ast.walk(text)
        if isinstance(node, ast.Attribute) and node.attr in ("gettext", "ngettext")
    ]
    assert hidden == []


def test_a_translation_fills_the_same_places_as_the_message() -> None:
    wrong = [
        (key, text)
        for key, text in chinese().items()
        if set(PLACES.findall(text))
        != set().union(*(PLACES.findall(k) for k in (key if isinstance(key, tuple) else (key,))))
    ]
    assert wrong == []


class SpokenText(HTMLParser):
    """Collects what a person would read or hear: text, and the attributes that are spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style"}
        self.said += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(data)


def spoken_words(source: str) -> Iterator[str]:
    """Literal words of a template: everything Jinja would print unchanged, minus markup."""
    skeleton = "".join(value if kind == "data" else " " for _, kind, value in Environment(autoescape=True).lex(source))
    parser = SpokenText()
    parser.feed(skeleton)
    for said in parser.said:
        for word in said.split():
            if re.search(r"[^\W\d_]{2}", word) and word.strip(".,:;") not in OWN_NAMES:
                yield word


TEMPLATES = sorted(SRC.glob("holdfast/*/templates/**/*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(SRC / "holdfast")))
def test_no_text_of_a_template_is_left_unmarked(template: Path) -> None:
    assert list(spoken_words(template.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("<p>{{ _('Stock') }}</p>", []),
        ("<p>Stock</p>", ["Stock"]),
        ("<p>{{ _('Stock') }} 缺货</p>", ["缺货"]),
        ("<input placeholder='Search'>", ["Search"]),
        ("<input placeholder=\"{{ _('Search') }}\" name='search'>", []),
        ("<h1>Holdfast</h1>{# a remark #}", []),
    ],
)
def test_the_search_for_unmarked_text_finds_it(source: str, left: list[str]) -> None:
    assert list(spoken_words(source)) == left
