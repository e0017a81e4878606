"""The page of lines to correct in a real browser: what it saves is what a person confirmed."""

import shutil

import pytest
import torch

from isotrope.data.cutting import Outline
from isotrope.data.lines import LabeledLines
from isotrope.training.review.choosing import ReadLine
from isotrope.training.review.listing import Listed
from isotrope.training.review.sheet import Sheet

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")


def sheet(folder, texts):
    lines = [
        Listed(Outline(folder / "page.png", ()), f"l{n}", ReadLine(text, 1.0, 1.0, 4.0))
        for n, text in enumerate(texts)
    ]
    Sheet(folder).write(lines, [torch.rand(3, 20, 80) for _ in lines])
    return (folder / "index.html").as_uri()


def test_confirmed_lines_are_saved_and_outlast_the_page(tmp_path):
    address = sheet(tmp_path, ["brovvn", "right", "never confirmed", "changed"])
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = browser.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        fields, count = page.locator("input"), page.locator("#count")
        fields.nth(0).fill(" brown\tfox ")
        fields.nth(0).press("Enter")
        page.keyboard.press("Enter")  # the next field has the focus
        fields.nth(3).press("Enter")
        page.reload()
        assert count.inner_text() == "3 of 4 confirmed"
        fields.nth(3).fill("changed after it was confirmed")
        assert count.inner_text() == "2 of 4 confirmed"
        with page.expect_download() as saved:
            page.click("#save")
        saved.value.save_as(tmp_path / saved.value.suggested_filename)
        page.goto(sheet(tmp_path, ["another", "text"]))  # a second round
        assert count.inner_text() == "2 of 4 confirmed"
        assert [field.input_value() for field in fields.all()][2:] == ["brown fox", "right"]
        page.goto(sheet(tmp_path / "other", ["another", "text"]))  # other lines, the same names
        assert count.inner_text() == "0 of 2 confirmed"
        browser.close()
    assert problems == []
    assert LabeledLines(tmp_path).items == [("001.png", "brown fox"), ("002.png", "right")]
