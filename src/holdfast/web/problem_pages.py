"""What a person sees instead of a problem document: one sentence and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from holdfast.web.i18n import N_, choose_language, words_in
from holdfast.web.rendering import page_response
from holdfast.web.shell import LANGUAGE_COOKIE, THEME_COOKIE, Shell, theme_of

SENTENCES: Final = {
    404: (N_("Not found"), N_("There is no such page. It may have moved, or the address is mistyped.")),
    429: (N_("Try again in a moment"), N_("Too many requests at once.")),
    500: (N_("Something broke on our side"), N_("It was logged. Nothing you sent was half done.")),
    503: (N_("Try again in a moment"), N_("The database is away or busy; nothing was changed.")),
}
# A path part that is no id, or a method no page has: for a person that is simply not there.
AS_NOT_FOUND: Final = frozenset({400, 405, 422})


@dataclass(frozen=True, slots=True)
class ProblemView:
    title: str
    detail: str
    code: str


def wants_page(request: Request) -> bool:
    """A browser that navigates; programs and the API get problem documents."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def problem_page(request: Request, status: int) -> Response | None:
    """The page for a status, or None when the caller is a program."""
    if not wants_page(request):
        return None
    shown = 404 if status in AS_NOT_FOUND else status
    title, detail = SENTENCES.get(shown, SENTENCES[500])
    language = choose_language(
        chosen=request.cookies.get(LANGUAGE_COOKIE), accepted=request.headers.get("accept-language")
    )
    words = words_in(language.code)
    shell = Shell(path=request.url.path, language=language, theme=theme_of(request.cookies.get(THEME_COOKIE)))
    view = ProblemView(words.gettext(title), words.gettext(detail), str(shown))
    return page_response(request, "web/problem.html", view=view, shell=shell, status=shown)
