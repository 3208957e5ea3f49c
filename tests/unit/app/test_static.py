"""What the content security policy and the promise of small pages demand of the files themselves."""

import re

import pytest

from exponential.app.core.rendering import STATIC

TEMPLATES = STATIC.parent / "templates"


def test_all_scripts_together_stay_under_30_kilobytes() -> None:
    assert sum(path.stat().st_size for path in STATIC.glob("*.js")) <= 30_000


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style(path: object) -> None:
    text = (TEMPLATES / str(path)).read_text(encoding="utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize("path", sorted([*STATIC.iterdir(), *TEMPLATES.iterdir()]), ids=lambda path: path.name)
def test_pages_ask_nobody_else_for_anything(path: object) -> None:
    text = (STATIC / str(path)).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//cdn", re.sub(r"<a [^>]*>", "", text))  # a link may lead there
