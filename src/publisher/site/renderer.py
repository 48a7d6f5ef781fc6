"""Turning pages into files with the theme's templates."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from markupsafe import Markup

from publisher import paths, regions
from publisher.errors import RenderFailed
from publisher.log import Signer, load_key
from publisher.log.seal import signature
from publisher.site.install import File
from publisher.site.job import Job
from publisher.site.views import Page

_Words = TypeVar("_Words", bound=str)
_UNLIKE = (KeyError, TypeError)  # a record is not as the quick environment takes it to be
_MISTAKES = (jinja2.TemplateError, TypeError, KeyError, AttributeError)  # of a theme


class Renderer:
    """Turns pages into files with the theme's templates."""

    def __init__(self, job: Job, quick: jinja2.Environment, careful: jinja2.Environment) -> None:
        """``careful`` renders what ``quick`` cannot, which says so by a KeyError or TypeError."""
        self._job, self._quick, self._careful = job, quick, careful
        self.slow: set[str] = set()  # what was left to the careful environment
        self._given = {"portal": _portal(job), "url": self._url(job), "asset": self._asset(job)}
        self._around: dict[tuple[str, bool], dict[str, Any]] = {}
        self._macros: dict[tuple[jinja2.Environment, str], Callable[..., Markup]] = {}

    def file(self, page: Page) -> File:
        """Return the rendered page.

        Raises :class:`RenderFailed` naming the template and the page.
        """
        return self._finished(page, self._words(page))

    def files(self, pages: Sequence[Page]) -> list[File]:
        """Return the rendered pages, as :meth:`file` does: what a step takes stays at hand while it is done for all."""
        words = [self._words(page) for page in pages]
        return [self._finished(*one) for one in zip(pages, words, strict=True)]

    def _words(self, page: Page) -> str:
        name = page.template
        try:
            given = self._frame(page.context["view"]) | page.context
            return self._by_either(name, lambda environment: environment.get_template(name).render(given))
        except _MISTAKES as error:
            raise RenderFailed(f"theme template {name}, page {page.address}: {error}") from error

    def _finished(self, page: Page, words: str) -> File:
        content = words.encode() + (page.proof or b"")
        seen = hashlib.sha256(content)
        if page.proof is not None:
            signed = signature(self._signer, page.address, seen.digest())
            seen.update(signed)
            content += signed
        return File(page.address, content, known=(seen.hexdigest(), len(content)))

    def read_all(self) -> None:
        """Read all templates of pages now, for processes that will share them."""
        for name in self._quick.list_templates(filter_func=lambda name: "/" not in name):
            self._quick.get_template(name)

    def draw(self, component: str, *given: Any) -> Markup:
        """Return the markup of a component of the theme, which depends on nothing but what it is given.

        Raises :class:`RenderFailed` naming the component.
        """
        try:
            return self._by_either(component, lambda environment: self._macro(environment, component)(*given))
        except _MISTAKES as error:
            raise RenderFailed(f"theme component {component}: {error}") from error

    @cached_property
    def _signer(self) -> Signer:
        return load_key(self._job.log_key, self._job.base_url)

    def _frame(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every page is given; its head and foot are the same on all but a section's own page."""
        key = (view["section"], view["path"] == f"/{view['section']}/")
        if key not in self._around:
            portal, url, asset = (self._given[name] for name in ("portal", "url", "asset"))
            self._around[key] = self._given | {
                "masthead": self.draw("header", portal, view, url, asset),
                "colophon": self.draw("footer", portal, url),
            }
        return self._around[key]

    def _by_either(self, name: str, drawn: Callable[[jinja2.Environment], _Words]) -> _Words:
        """Return what the quick environment makes of a template or component; from where it cannot, the careful one."""
        if name not in self.slow:
            try:
                return drawn(self._quick)
            except _UNLIKE:
                self.slow.add(name)
        return drawn(self._careful)

    def _macro(self, environment: jinja2.Environment, name: str) -> Callable[..., Markup]:
        found = self._macros.get((environment, name))
        if found is None:
            found = getattr(environment.get_template(f"components/{name}.html").module, name)
            self._macros[environment, name] = found
        return found

    @staticmethod
    def _url(job: Job) -> Callable[[str], str]:
        return lambda address: job.root + address

    @staticmethod
    def _asset(job: Job) -> Callable[[str], str]:
        found = {}
        for file in static_files(job.theme):
            name = file.relative_to(job.theme / "static").as_posix()
            found[name] = f"{job.root}{paths.STATIC}{name}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"
        return found.__getitem__


def _portal(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "base_url": job.base_url,
        "root": job.root,
        "region_name": regions.name(job.region_code) or job.region_code,
        "demo": job.demo,
        "demo_note": "演示数据：本站全部企业、人员和检查结果均为虚构" if job.demo else None,
        "profile_title": job.profile_title,
        "theme_version": job.look[:8],
    }


def static_files(theme: Path) -> list[Path]:
    """Return the theme's static files, in the order of their names."""
    return sorted(file for file in (theme / "static").rglob("*") if file.is_file())
