"""The console brings everything it needs itself, and what it brings is what its page of origin says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from holdfast.web.assets import asset

WEB = Path(__file__).parents[2] / "src/holdfast/web"
VENDOR = WEB / "static/vendor"
SOURCES = [*WEB.parent.glob("*/templates/**/*.html"), *WEB.glob("static/*.css"), *WEB.glob("static/*.js")]


def test_vendored_files_are_the_ones_named_with_their_sums() -> None:
    listed = re.findall(r"^([0-9a-f]{64}) +(\S+)$", (VENDOR / "README.md").read_text(), re.M)
    named = {name: digest for digest, name in listed}
    present = {str(p.relative_to(VENDOR)): p for p in VENDOR.rglob("*") if p.suffix in {".js", ".css"}}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in present.items()} == named


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_no_page_loads_from_elsewhere_or_inlines_what_the_policy_refuses(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    outside = re.findall(r"""(?:src|href|url|@import)\W{1,3}(?:https?:)?//[^\s"')]+""", text)
    inline = re.findall(r"""\sstyle=["']|\son\w+=["']|<style|hx-on""", text) if source.suffix == ".html" else []
    scripts = [s for s in re.findall(r"<script([^>]*)>", text) if "src=" not in s and "application/json" not in s]
    assert (outside, inline, scripts) == ([], [], [])


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (WEB / "static/icons.svg").read_text()))
    python = [p for name in ("pages.py", "shell.py") for p in WEB.parent.rglob(name)]
    text = "".join(p.read_text(encoding="utf-8") for p in [*SOURCES, *python])
    named = set(re.findall(r"""(?:ui\.icon\(|ui\.empty\(|mark=|icon=)["']([\w-]+)["']""", text))
    assert named - drawn == set()


@pytest.mark.parametrize(
    "path", ["../rendering.py", "console.css/../../i18n.py", "", "vendor", "vendor/README.md", "/etc/x.css"]
)
def test_only_files_of_the_static_folder_are_served(path: str) -> None:
    with pytest.raises(KeyError):
        asset(path)
