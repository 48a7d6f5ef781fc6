"""Take pictures of a built site, to be looked at: `make screenshots`, or `python tests/screenshots.py --output DIR`.

Every page on a phone and at a desk, light and dark; two of them in large type, one printed, one without scripts. They
are put into tests/artifacts/, which git ignores.
"""

import argparse
import re
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from publisher.desk.serve import Server

HERE = Path(__file__).resolve().parent
SIZES = {"phone": {"width": 360, "height": 780}, "desktop": {"width": 1280, "height": 900}}
TALLEST = 6000  # pixels; what lies below is cut, so that a picture can be looked at


def fullest(output: Path, pattern: str, name: str = "") -> str:
    """Return the address of the largest page that matches, and whose name matches ``name``."""
    found = [page for page in output.glob(pattern) if re.fullmatch(name or ".*", page.stem)]
    if not found:
        raise SystemExit(f"{output} holds no {pattern}; build the demo first: make run")
    page = max(found, key=lambda page: (page.stat().st_size, page.as_posix()))
    return "/" + page.relative_to(output).as_posix().removesuffix("index.html")


def addresses(output: Path) -> dict[str, str]:
    """Return the pages that are taken, by the names of their pictures."""
    return {
        "home": "/",
        "plan": fullest(output, "plans/[0-9]*/*/index.html"),
        "task": fullest(output, "plans/[0-9]*/*/[!i]*.html"),
        "subject": fullest(output, "subjects/*/*.html", r"[0-9A-Z]{18}|[0-9a-f]{32}"),
        "search": "/search/?q=%E6%9C%89%E9%99%90",
        "indicators": "/indicators/",
        "results": "/results/",
        "results-month": fullest(output, "results/[0-9]*/[0-9][0-9]/index.html"),
        "data": "/data/",
    }


def take(page: Page, address: str, file: Path) -> None:
    """Take one page from its top, down to its end or ``TALLEST``."""
    page.goto(address)
    if "?q=" in address:
        page.locator("[data-total]").wait_for(timeout=10_000)
    tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    width = page.viewport_size["width"] if page.viewport_size else 1280
    page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": tall})
    print(file.name)


def take_all(browser: Browser, site: str, pages: dict[str, str], target: Path) -> None:
    """Take every picture."""
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport=viewport, color_scheme=scheme, locale="zh-CN")
            page = context.new_page()
            for name, address in pages.items():
                take(page, site + address, target / f"{name}-{size}-{scheme}.png")
            context.close()
        context = browser.new_context(viewport=viewport, locale="zh-CN")
        context.add_init_script("localStorage.setItem('reading', 'large')")
        page = context.new_page()
        for name in ("subject", "indicators"):
            take(page, site + pages[name], target / f"{name}-{size}-large.png")
        context.close()
    context = browser.new_context(viewport=SIZES["phone"], java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(site + pages["subject"])
    page.screenshot(path=target / "subject-phone-no-script.png")
    context.close()
    context = browser.new_context(viewport={"width": 794, "height": 1123}, locale="zh-CN")
    page = context.new_page()
    page.emulate_media(media="print")
    for name in ("subject", "indicators"):
        take(page, site + pages[name], target / f"{name}-print.png")
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("output"), help="the built site (default: output)")
    parser.add_argument("--target", type=Path, default=HERE / "artifacts", help="where the pictures go")
    asked = parser.parse_args()
    browser_file = shutil.which("chromium")
    if browser_file is None:
        raise SystemExit("Chromium is missing; tests/browser.sh says how to install it")
    pages = addresses(asked.output)
    asked.target.mkdir(parents=True, exist_ok=True)
    with Server(asked.output) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_file, args=["--no-sandbox", "--disable-gpu"])
        take_all(browser, server.url, pages, asked.target)
        browser.close()
    print(f"pictures are in {asked.target}")


if __name__ == "__main__":
    main()
