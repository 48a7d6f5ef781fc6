"""Turning pages into files with the theme's templates."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from publisher import paths, regions
from publisher.errors import RenderFailed
from publisher.log import Signer, load_key
from publisher.log.seal import signature
from publisher.site.install import File
from publisher.site.job import Job
from publisher.site.views import Page


class Renderer:
    """Turns pages into files with the theme's templates."""

    def __init__(self, job: Job, environment: jinja2.Environment) -> None:
        self._job, self._environment = job, environment
        self._given = {"portal": _portal(job), "url": self._url(job), "asset": self._asset(job)}
        self._around: dict[tuple[str, bool], dict[str, Any]] = {}
        self._templates: dict[str, jinja2.Template] = {}

    def file(self, page: Page) -> File:
        """Return the rendered page.

        Raises :class:`RenderFailed` naming the template and the page.
        """
        try:
            words = self._template(page.template).render(self._frame(page.context["view"]) | page.context)
        except (jinja2.TemplateError, TypeError, KeyError, AttributeError) as error:
            raise RenderFailed(f"theme template {page.template}, page {page.address}: {error}") from error
        content = words.encode() + (page.proof or b"")
        seen = hashlib.sha256(content)
        if page.proof is not None:
            signed = signature(self._signer, page.address, seen.digest())
            seen.update(signed)
            content += signed
        return File(page.address, content, known=(seen.hexdigest(), len(content)))

    def read_all(self) -> None:
        """Read all templates of pages now, for processes that will share them."""
        for name in self._environment.list_templates(filter_func=lambda name: "/" not in name):
            self._template(name)

    def line(self, row: Mapping[str, Any]) -> Markup:
        """Return a ``result_row`` as a row of a table."""
        return self._line(row)

    @cached_property
    def _line(self) -> Callable[..., Markup]:
        return self._macro("result_line")

    @cached_property
    def _signer(self) -> Signer:
        return load_key(self._job.log_key, self._job.base_url)

    def _template(self, name: str) -> jinja2.Template:
        if name not in self._templates:
            self._templates[name] = self._environment.get_template(name)
        return self._templates[name]

    def _frame(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every page is given; its head and foot are the same on all but a section's own page."""
        key = (view["section"], view["path"] == f"/{view['section']}/")
        if key not in self._around:
            portal, url, asset = (self._given[name] for name in ("portal", "url", "asset"))
            self._around[key] = self._given | {
                "masthead": self._macro("header")(portal, view, url, asset),
                "colophon": self._macro("footer")(portal, url),
            }
        return self._around[key]

    def _macro(self, name: str) -> Callable[..., Markup]:
        component = self._environment.get_template(f"components/{name}.html").module
        macro: Callable[..., Markup] = getattr(component, name)
        return macro

    @staticmethod
    def _url(job: Job) -> Callable[[str], str]:
        return lambda address: job.root + address

    @staticmethod
    def _asset(job: Job) -> Callable[[str], str]:
        digests = {
            file.relative_to(job.theme / "static").as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:8]
            for file in static_files(job.theme)
        }
        return lambda name: f"{job.root}{paths.STATIC}{name}?v={digests[name]}"


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
