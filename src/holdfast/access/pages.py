"""Signing in and out, and what every person may set for themselves."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from holdfast.access import people
from holdfast.access.visit import (
    SESSION_COOKIE,
    VISITOR_COOKIE,
    OpenPageRoute,
    PageRoute,
    Signed,
    Visit,
    own_path,
)
from holdfast.kernel.errors import Invalid
from holdfast.web.i18n import LANGUAGES
from holdfast.web.shell import LANGUAGE_COOKIE, THEME_COOKIE, theme_of

router = APIRouter(include_in_schema=False, route_class=OpenPageRoute)
signed_router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class SignInView:
    email: str = ""
    next: str = "/"
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class LinkView:
    """A one-time link: whom it signs in, or nobody."""

    token: str
    name: str | None


@dataclass(frozen=True, slots=True)
class AccountView:
    name: str
    email: str
    role: str
    length_min: int
    wrong: str = ""


@router.get("/sign-in")
async def sign_in_page(visit: Signed) -> Response:
    wanted = own_path(visit.asked("next") or "/")
    if visit.person is not None:
        return visit.redirect(wanted)
    return visit.page("access/sign_in.html", SignInView(next=wanted))


@router.post("/sign-in")
async def sign_in(visit: Signed) -> Response:
    form = await visit.form()
    wanted, email = own_path(form.text("next") or "/"), form.text("email")
    address = visit.request.client.host if visit.request.client else ""
    password = next(iter(form.every("password")), "")
    found = await people.check_password(visit.tx, email=email, password=password, address=address)
    if isinstance(found, people.Account):
        return await _signed_in(visit, found, wanted)
    if found == "throttled":
        wrong = visit.words.gettext(
            "Too many attempts. Wait %(minutes)s minutes, then try again.", minutes=people.ATTEMPT_MINUTES
        )
        return visit.page("access/sign_in.html", SignInView(email, wanted, wrong), status=429)
    wrong = visit.words.gettext("E-mail or password is wrong.")
    return visit.page("access/sign_in.html", SignInView(email, wanted, wrong), status=422)


@router.get("/sign-in/{token}")
async def link_page(token: str, visit: Signed) -> Response:
    """Opening the address does not use the link up: mail scanners and previews open addresses too."""
    account = await people.account_of_link(visit.tx, token)
    view = LinkView(token, account.name if account else None)
    return visit.page("access/link.html", view, status=200 if account else 404)


@router.post("/sign-in/{token}")
async def use_link(token: str, visit: Signed) -> Response:
    await visit.form()
    account = await people.account_of_link(visit.tx, token)
    if account is None or await people.use_link(visit.tx, token) is None:
        return visit.page("access/link.html", LinkView(token, None), status=404)
    return await _signed_in(visit, account, "/")


async def _signed_in(visit: Visit, account: people.Account, wanted: str) -> Response:
    visit.cookies[SESSION_COOKIE] = await people.start_session(visit.tx, account.id)
    visit.cookies[VISITOR_COOKIE] = None
    if account.password_hash is None:
        say = visit.words.gettext("Welcome. Choose a password under your name before you sign out.")
        return visit.redirect(wanted, say=say)
    return visit.redirect(wanted)


@router.post("/preferences")
async def preferences(visit: Signed) -> Response:
    """Language and theme are cookies, so that they hold before signing in; messages follow the language."""
    form = await visit.form()
    if form.text("language") in LANGUAGES:
        visit.cookies[LANGUAGE_COOKIE] = form.text("language")
        if visit.person is not None:
            await people.remember_language(visit.tx, user_id=visit.person.id, language=form.text("language"))
    if form.text("theme"):
        visit.cookies[THEME_COOKIE] = theme_of(form.text("theme"))
    return visit.redirect(form.text("next") or "/")


@signed_router.post("/sign-out")
async def sign_out(visit: Signed) -> Response:
    await visit.form()
    await people.end_session(visit.tx, visit.request.cookies.get(SESSION_COOKIE, ""))
    visit.cookies[SESSION_COOKIE] = None
    return visit.redirect("/sign-in")


@signed_router.get("/account")
async def account_page(visit: Signed) -> Response:
    return visit.page("access/account.html", _account(visit))


@signed_router.post("/account")
async def change_password(visit: Signed) -> Response:
    password = next(iter((await visit.form()).every("password")), "")
    try:
        await people.change_password(
            visit.tx,
            user_id=visit.signed.id,
            password=password,
            session_token=visit.request.cookies.get(SESSION_COOKIE, ""),
        )
    except Invalid:
        wrong = visit.words.gettext("A password has at least %(least)s characters.", least=people.PASSWORD_LENGTH_MIN)
        return visit.page("access/account.html", _account(visit, wrong), status=422)
    return visit.redirect("/account", say=visit.words.gettext("Password changed. Other browsers are signed out."))


def _account(visit: Visit, wrong: str = "") -> AccountView:
    who = visit.signed
    return AccountView(who.name, who.email, who.role, people.PASSWORD_LENGTH_MIN, wrong)
