"""The edge of the console: one transaction per request, who is signed in, forms that only our pages can send.

    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/holds")
    async def holds(visit: Signed) -> Response:
        return visit.page("stock/holds.html", await holds_view(visit), active="holds", block="results")

The transaction is committed before the answer is sent and rolled back when the handler raises.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from holdfast.access.people import SESSION_DAYS, Person, person_of
from holdfast.db import Database, Statement, Tx
from holdfast.kernel.errors import Denied, Refusal
from holdfast.web.address import Address
from holdfast.web.formats import Formats
from holdfast.web.i18n import ENGLISH, Words, choose_language, words_in
from holdfast.web.problem import status_of
from holdfast.web.problem_pages import ProblemView
from holdfast.web.rendering import formats_for, page_response
from holdfast.web.shell import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    Flash,
    RailCount,
    RailEntry,
    Shell,
    theme_of,
)

SESSION_COOKIE: Final = "holdfast_session"
VISITOR_COOKIE: Final = "holdfast_visitor"
FLASH_COOKIE: Final = "holdfast_flash"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the frame of every page shows and no single feature knows: counts in the rail, time zone, live shop."""

    counts: tuple[tuple[str, RailCount], ...]
    time_zone: tzinfo
    is_live: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """Wired by the composition root: the rail and the one statement that fills it."""

    rail: Callable[[Person], tuple[RailEntry, ...]]
    read: Callable[[Tx], Awaitable[Surroundings]]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a posted form, all text."""

    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        return next(iter(self.fields.get(name, ())), "").strip()

    def every(self, name: str) -> tuple[str, ...]:
        return self.fields.get(name, ())

    def whole(self, name: str) -> int | None:
        """A whole number as people type it (`1 200`, `1,200`), or None."""
        digits = self.text(name).replace(",", "").replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None


@dataclass(frozen=True, slots=True)
class _Choice:
    value: str
    label: str


@dataclass(slots=True)
class Visit:
    """One request of one person, with everything a page needs."""

    request: Request
    tx: Tx
    shell: Shell
    words: Words
    formats: Formats
    person: Person | None = None
    cookies: dict[str, str | None] = field(default_factory=dict[str, str | None])

    @property
    def actor(self) -> str:
        return self.signed.principal.actor

    @property
    def signed(self) -> Person:
        assert self.person is not None, "only an OpenPageRoute is reached without signing in"
        return self.person

    def may(self, scope: str) -> bool:
        return self.person is not None and self.person.may(scope)

    def require(self, scope: str) -> None:
        """Raises Denied unless the person has the scope."""
        if not self.may(scope):
            raise Denied("missing_scope", self.words.gettext("Your role does not allow this."))

    def asked(self, name: str, *, among: tuple[str, ...] | None = None) -> str:
        """A value of the query; one that is not `among` the known is as good as none."""
        value = self.request.query_params.get(name, "").strip()[:200]
        return value if among is None or value in among else ""

    def savepoint(self) -> AbstractAsyncContextManager[Any]:
        """For a change that may be refused while the page still answers."""
        return self.tx.connection.transaction()

    async def form(self) -> Form:
        """The posted fields. Raises Denied when another site could have sent them."""
        sent = await self.request.form()
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in sent.multi_items():
            if isinstance(value, str):
                fields[name] = (*fields.get(name, ()), value)
        token = next(iter(fields.get("csrf", ())), "")
        if not self.shell.csrf or not secrets.compare_digest(token.encode(), self.shell.csrf.encode()):
            raise Denied(
                "csrf", self.words.gettext("This form is too old. Go back, reload the page and send it again.")
            )
        return Form(fields)

    def page(
        self, template: str, view: object, *, active: str = "", block: str | None = None, status: int = 200
    ) -> Response:
        shell = replace(self.shell, active=active)
        answer = page_response(self.request, template, view=view, shell=shell, block=block, status=status)
        address = getattr(view, "address", None)
        if isinstance(address, Address):
            # What htmx puts into the address bar after a filter: without the empty choices of the form.
            answer.headers["HX-Push-Url"] = str(address)
        return answer

    async def choices(self, offered: Statement) -> tuple[tuple[str, str], ...]:
        """(value, label) of what a form or a filter offers; the statement selects just these two."""
        return tuple((c.value, c.label) for c in await self.tx.all(offered, _Choice))

    def redirect(self, path: str, *, say: str = "", bad: bool = False) -> Response:
        """After a form: see the result at `path`, which is always one of ours, with one message."""
        if say:
            text = json.dumps([say, bad], ensure_ascii=False).encode()
            self.cookies[FLASH_COOKIE] = base64.urlsafe_b64encode(text).decode()
        return RedirectResponse(own_path(path), HTTPStatus.SEE_OTHER)


def own_path(path: str) -> str:
    """A path on this server, or `/`: a `next` field must not send people elsewhere."""
    parts = urlsplit(path)
    harmless = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path
    return path if harmless and not parts.scheme and not parts.netloc else "/"


def _visit(request: Request) -> Visit:
    return request.state.visit


Signed = Annotated[Visit, Depends(_visit)]


class OpenPageRoute(APIRoute):
    """A page anyone may open: signing in, and choosing a language before that."""

    needs_person = False

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def in_transaction(request: Request) -> Response:
            database: Database = request.app.state.database
            answer: Response
            visit: Visit | None = None
            try:
                async with database.transaction() as tx:
                    visit = request.state.visit = await _arrive(request, tx)
                    if self.needs_person and visit.person is None:
                        return _to_sign_in(request)
                    _refuse_other_sites(request)
                    answer = await handle(request)
            except Refusal as refusal:
                if visit is None:
                    raise
                answer = _problem_page(visit, refusal)
            _set_cookies(visit, request, answer)
            return answer

        return in_transaction


class PageRoute(OpenPageRoute):
    """A page for people who are signed in; everyone else is sent to sign in first."""

    needs_person = True


async def _arrive(request: Request, tx: Tx) -> Visit:
    token = request.cookies.get(SESSION_COOKIE)
    person = await person_of(tx, token) if token else None
    # English is what people get who never chose, so only another language counts as their choice.
    known = person.language if person is not None and person.language != ENGLISH.code else None
    language = choose_language(
        chosen=request.cookies.get(LANGUAGE_COOKIE) or known,
        accepted=request.headers.get("accept-language"),
    )
    cookies: dict[str, str | None] = {}
    visitor = request.cookies.get(VISITOR_COOKIE, "")
    if person is None and len(visitor) < 20:
        visitor = cookies[VISITOR_COOKIE] = secrets.token_urlsafe(24)
    shell = Shell(
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        language=language,
        theme=theme_of(request.cookies.get(THEME_COOKIE)),
        csrf=person.csrf_token if person else visitor,
        flashes=_flashes(request),
    )
    if shell.flashes:
        cookies[FLASH_COOKIE] = None
    frame: Frame | None = getattr(request.app.state, "frame", None)
    if person is not None and frame is not None:
        around = await frame.read(tx)
        shell = replace(
            shell,
            rail=frame.rail(person),
            person=person.name or person.email,
            counts=around.counts,
            time_zone=around.time_zone,
            is_live=around.is_live,
        )
    formats = formats_for(language, shell.time_zone)
    return Visit(request, tx, shell, words_in(language.code), formats, person, cookies)


def _flashes(request: Request) -> tuple[Flash, ...]:
    kept = request.cookies.get(FLASH_COOKIE)
    if not kept or request.method != "GET":
        return ()
    try:
        text, bad = json.loads(base64.urlsafe_b64decode(kept))
    except ValueError:
        return ()
    return (Flash(str(text), bool(bad)),)


def _refuse_other_sites(request: Request) -> None:
    """Browsers say where a form came from; one from elsewhere is refused before its token is looked at."""
    if request.method in ("GET", "HEAD"):
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Denied("cross_site", "This form was sent by another site.")
    origin = request.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
        raise Denied("cross_site", "This form was sent by another site.")


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    path = "/sign-in" if request.method != "GET" or wanted == "/" else f"/sign-in?next={quote(wanted)}"
    if request.headers.get("hx-request"):
        # A fragment must not show the sign-in page inside a table: htmx takes the whole window there.
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": path})
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def _problem_page(visit: Visit, refusal: Refusal) -> Response:
    titles = {
        HTTPStatus.FORBIDDEN: visit.words.gettext("Not allowed"),
        HTTPStatus.NOT_FOUND: visit.words.gettext("Not found"),
        HTTPStatus.SERVICE_UNAVAILABLE: visit.words.gettext("Try again in a moment"),
    }
    status = status_of(refusal)
    title = titles.get(HTTPStatus(status), visit.words.gettext("This could not be done"))
    return visit.page("web/problem.html", ProblemView(title, refusal.detail, refusal.code), status=status)


def _set_cookies(visit: Visit, request: Request, answer: Response) -> None:
    """All our cookies are HttpOnly and SameSite=Lax; Secure whenever the page came over https."""
    secure = request.url.scheme == "https"
    days = {LANGUAGE_COOKIE: 400, THEME_COOKIE: 400, SESSION_COOKIE: SESSION_DAYS}
    for name, value in visit.cookies.items():
        if value is None:
            answer.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=secure)
        else:
            age = days[name] * 86_400 if name in days else None
            answer.set_cookie(name, value, max_age=age, path="/", httponly=True, samesite="lax", secure=secure)
