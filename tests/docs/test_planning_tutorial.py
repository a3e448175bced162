"""The planner's tutorial calls everything on the screen by the words that are there, in both languages."""

from __future__ import annotations

import re

import pytest
from tests.console.test_words import chinese
from tests.docs.test_tutorial import DOCS

PLACES = re.compile(r"%\(\w+\)s.*|（.*| \(.*")


def _said(page: str) -> set[str]:
    text = (DOCS / page).read_text(encoding="utf-8").replace("\n", " ")
    return set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text))


@pytest.mark.parametrize("page", ["tutorial-planning.md", "tutorial-planning.zh.md"])
def test_every_label_of_the_planners_tutorial_is_on_the_screen(page: str) -> None:
    """A name may stand where the screen puts one, as in "Send to Fernleigh"."""
    words = {key if isinstance(key, str) else key[0]: text for key, text in chinese().items()}
    spoken = set(words) if page == "tutorial-planning.md" else set(words.values())
    begins = {word.split("%(")[0] for word in spoken if "%(" in word and len(word.split("%(")[0]) > 2}
    shown = {PLACES.sub("", word) for word in spoken} | spoken
    names = {"Fernleigh Paper & Card"}
    missing = {
        label for label in _said(page) - names if label not in shown and not any(label.startswith(b) for b in begins)
    }
    assert missing == set()
    assert len(_said(page)) > 20
