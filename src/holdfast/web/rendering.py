"""Templates become pages: autoescaped, strict about missing names, one environment per language.

A page is one template. htmx is answered with one named block of the same template, so a page and its fragment
cannot differ. Nothing is inlined that a strict Content-Security-Policy would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from importlib import resources
from types import SimpleNamespace
from typing import Any, Final

from jinja2 import BaseLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from jinja2.runtime import Macro
from starlette.requests import Request
from starlette.responses import HTMLResponse

from holdfast.web.assets import asset_url
from holdfast.web.formats import Formats
from holdfast.web.i18n import LANGUAGES, Language, words_in
from holdfast.web.pictures import segments, sparkline
from holdfast.web.shell import Shell

# `data:` images are the arrows Tabler draws in selects. Nothing inline, nothing from elsewhere, no framing.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "HX-Request, Cookie, Accept-Language",
}


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a table column. `hide` is "s" (dropped on phones) or "m" (dropped below 1100 px)."""

    label: str
    end: bool = False
    hide: str = ""
    sort: str = ""
    tight: bool = False

    @property
    def css(self) -> str:
        names = {"end": self.end, f"hide-{self.hide}": bool(self.hide), "tight": self.tight}
        return " ".join(name for name, wanted in names.items() if wanted)


def _templates_of_features() -> dict[str, BaseLoader]:
    """Every package of ours with a `templates` folder, by its own name: `stock/levels.html`."""
    return {
        package.name: PackageLoader(f"holdfast.{package.name}")
        for package in resources.files("holdfast").iterdir()
        if package.is_dir() and package.joinpath("templates").is_dir()
    }


@cache
def environment(language_code: str) -> Environment:
    """The templates in one language."""
    words = words_in(language_code)
    env = Environment(
        loader=PrefixLoader(_templates_of_features()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    env.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
    ui = SimpleNamespace()
    env.globals.update(  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType]
        ui=ui,
        asset=asset_url,
        column=Column,
        languages=LANGUAGES,
        sparkline_of=sparkline,
        segments_of=segments,
    )
    _fill_with_macros(env, ui)
    return env


def _fill_with_macros(env: Environment, ui: SimpleNamespace) -> None:
    """Every macro of `web/templates/ui/` as `ui.name`: a block rendered alone has no imports of its own.

    The namespace is a global before it is filled, so macros of different files reach each other.
    """
    for name in env.list_templates(filter_func=lambda name: name.startswith("web/ui/")):
        for key, macro in vars(env.get_template(name).module).items():
            if isinstance(macro, Macro):
                assert not hasattr(ui, key), f"two macros are called {key}"
                setattr(ui, key, macro)


@cache
def formats_for(language: Language, time_zone: tzinfo) -> Formats:
    return Formats(language.locale, time_zone)


def render(template: str, *, view: object, shell: Shell, block: str | None = None) -> str:
    """The whole page, or only the named block of it."""
    formats = formats_for(shell.language, shell.time_zone)
    names: dict[str, Any] = {"view": view, "shell": shell, "formats": formats}
    page = environment(shell.language.code).get_template(template)
    if block is None:
        return page.render(names)
    return "".join(page.blocks[block](page.new_context(names)))


def wants_fragment(request: Request) -> bool:
    """htmx says `partial` when the answer replaces a part of the page, `full` when it replaces the page."""
    return request.headers.get("hx-request-type") == "partial"


def page_response(
    request: Request,
    template: str,
    *,
    view: object,
    shell: Shell,
    block: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    """A page; for htmx only `block` of it, when the page has named one."""
    only = block if block is not None and wants_fragment(request) else None
    html = render(template, view=view, shell=shell, block=only)
    return HTMLResponse(html, status_code=status, headers=dict(PAGE_HEADERS))
