"""The publication log of the demo, checked over HTTP by the command and on the page by a reader's own browser."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from publisher.desk.serve import Server


@pytest.fixture
def altered(demo_copy: Any) -> Iterator[tuple[Any, str]]:
    """A copy of the demo that is served and may be changed."""
    with Server(demo_copy.output) as server:
        yield demo_copy, server.url


def told(page: Page, address: str) -> str:
    """Press the button of a page and return the verdict."""
    page.goto(address)
    page.get_by_role("button", name="核验本页").click()
    verdict = page.locator("#check-result p")
    expect(verdict).not_to_have_text("正在核验……")
    return verdict.inner_text()


@pytest.mark.browser
def test_the_browser_proves_the_pages_of_subjects(watched: Any, templates: Mapping[str, str]) -> None:
    page = watched.context.new_page()
    for name in ("subject", "subject with problems", "subject with a reply", "subject without a code"):
        assert told(page, watched.site + templates[name]) == "核验通过"
    said = page.locator("#check-result li").all_inner_texts()
    assert any("没有改动" in one for one in said)
    assert any("登记在日志里" in one for one in said)
    assert any("上次核验过的部分" in one for one in said)


@pytest.mark.browser
def test_the_browser_tells_an_altered_page_and_a_forked_log(
    altered: tuple[Any, str], chromium: Any, templates: Mapping[str, str]
) -> None:
    portal, site = altered
    file = portal.output / templates["subject"].lstrip("/")
    whole = file.read_text("utf-8")
    page = chromium.new_page()
    try:
        assert told(page, site + templates["subject"]) == "核验通过"
        file.unlink()
        file.write_text(whole.replace("未发现问题", "不合格"), "utf-8")
        assert told(page, site + templates["subject"]).startswith("核验不通过：本页内容与签名不符")
        file.write_text(whole, "utf-8")
        checkpoint = portal.output / "log/checkpoint"
        note = checkpoint.read_text("utf-8")
        checkpoint.unlink()
        checkpoint.write_text(note.replace("\n3", "\n4", 1), "utf-8")
        assert told(page, site + templates["subject"]) == "核验不通过：日志的检查点没有有效签名"
        checkpoint.write_text(note, "utf-8")
        for tile in (portal.output / "log/tile/0").rglob("*"):
            if tile.is_file():
                content = tile.read_bytes()
                tile.unlink()
                tile.write_bytes(bytes(32) + content[32:])
        assert told(page, site + templates["subject"]).startswith("核验不通过：")
        shutil.rmtree(portal.output / "log/tile")
        assert told(page, site + templates["subject"]).startswith("核验不通过：取不到")
    finally:
        page.close()


@pytest.mark.browser
def test_a_browser_without_ed25519_says_what_it_did_not_check(watched: Any, templates: Mapping[str, str]) -> None:
    watched.context.add_init_script(
        "const real = globalThis.crypto?.subtle?.importKey.bind(crypto.subtle);"
        "if (real) crypto.subtle.importKey = (format, key, kind, ...more) => kind.name === 'Ed25519'"
        " ? Promise.reject(new DOMException('x', 'NotSupportedError')) : real(format, key, kind, ...more);"
    )
    page = watched.context.new_page()
    assert told(page, watched.site + templates["subject"]) == "核验完成，但没有核对签名"


def test_a_stranger_checks_one_page_over_http(
    demo: Any, site: str, templates: Mapping[str, str], tmp_path: Path
) -> None:
    asked = ("verify", "--json", "--memory", str(tmp_path), site + templates["subject with problems"])
    for _ in range(2):
        found = json.loads(demo.portal.publisher(*asked))
        assert (found["pages"], found["faults"]) == (1, [])
        assert found["records"] >= 1


def test_a_stranger_checks_the_whole_site_in_a_folder(demo: Any, tmp_path: Path) -> None:
    found = json.loads(demo.portal.publisher("verify", "--json", "--memory", str(tmp_path)))
    assert found["faults"] == []
    assert found["records"] == demo.summary["states"]["published"]
    missing = demo.portal.publisher("verify", "--memory", str(tmp_path), "http://127.0.0.1:1/", expect=6)
    assert "faults" not in missing
