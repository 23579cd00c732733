"""Check pages with axe-core, in light and in dark: the report given, sheets, hand-outs, hand-backs.

python scripts/check_accessibility.py report/report.html

A page of steps is checked at its last step, folded and unfolded; every part that opens is open.
axe-core comes with axe-playwright-python, and runs in Debian's Chromium.
"""

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import handout_page, mark, marked_page, read_sheet, sheet_page
from tinygrad_hw.worksheet.sheet.model import Answers

OPEN = "for (const part of document.querySelectorAll('details')) part.open = true"


def pages(folder: Path) -> Iterator[Path]:
    """Write the page of a marked sheet and of a blank one, and hand-backs, into a folder."""
    sheet = read_sheet(sheet_path("q1a"))
    blank = dataclasses.replace(sheet, answers=Answers())
    texts = {"page": sheet_page(sheet), "blank": sheet_page(blank)}
    texts |= {f"handback-{hints}": marked_page(mark(sheet), hints, "3 of 4") for hints in (1, 3)}
    texts["handout"] = handout_page([sheet, sheet])
    for name, text in texts.items():
        path = folder / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        yield path


def faults(page: Page, path: Path) -> Iterator[str]:
    """Open a file and return what axe-core finds in it."""
    page.goto(path.resolve().as_uri())
    page.evaluate(OPEN)
    steps = page.locator("#position")
    if steps.count():
        page.keyboard.press("End")
        yield from found(page)
        page.locator("#fold").click()
        page.keyboard.press("End")
    yield from found(page)


def found(page: Page) -> Iterator[str]:
    """Run axe-core; return each rule that is broken, with an element that breaks it."""
    response: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    for rule in response["violations"]:
        first = rule["nodes"][0]["html"][:200]
        yield f"{rule['id']} ({rule['help']}), {len(rule['nodes'])} times, as in {first}"


def main(reports: list[Path]) -> int:
    """Check all pages; print what is wrong, and return the exit status."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for path in [*reports, *pages(Path(folder))]:
            for scheme in ("light", "dark"):
                # the pages' policy lets no script in, which is what axe-core is
                page = browser.new_page(color_scheme=scheme, bypass_csp=True)
                wrong += [f"{path.name}, {scheme}: {fault}" for fault in faults(page, path)]
                page.close()
        browser.close()
    print("\n".join(wrong), file=sys.stderr, end="\n" * bool(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
