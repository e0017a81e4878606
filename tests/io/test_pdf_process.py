"""A PDF that breaks pdfium, or keeps it busy, is one error, and other files are drawn."""

import multiprocessing
import os
import signal
import threading

import numpy as np
import pytest

from isotrope.io import pdf_process as module
from isotrope.io.errors import ImageError
from isotrope.io.pdf_process import PdfApart, pdf_pages
from isotrope.io.sheets import page_images

SQUARE = "0 0 9 9 re f"


@pytest.fixture
def drawer(monkeypatch):
    """A process for this test alone, which computes nothing for longer than a second."""
    fresh = module._Drawer()
    monkeypatch.setattr(module, "_drawer", fresh)
    monkeypatch.setattr(module, "SECONDS", 1)
    monkeypatch.setattr(module, "_CLOCK", 60)  # by the clock a minute, in which it also starts
    yield fresh
    fresh.stop()


@pytest.fixture
def endless(tmp_path):
    """A PDF whose form draws a form that draws a form, each many times; after a sound page."""
    forms = "".join(
        f"{number} 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<<"
        f"/X {number + 1} 0 R>>>>/Length 120>>stream\n{'/X Do ' * 20}\nendstream endobj "
        for number in range(6, 30)
    )
    (tmp_path / "endless.pdf").write_text(
        "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R "
        "4 0 R 4 0 R 4 0 R 4 0 R 3 0 R]/Count 6>>endobj 3 0 obj<</Type/Page/Parent 2 0 R"
        "/MediaBox[0 0 9 9]>>endobj 4 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]"
        "/Resources<</XObject<</X 6 0 R>>>>/Contents 5 0 R>>endobj 5 0 obj<</Length 5>>stream\n"
        f"/X Do\nendstream endobj {forms}30 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]"
        "/Length 12>>stream\n0 0 9 9 re f\nendstream endobj trailer<</Root 1 0 R>>"
    )
    return tmp_path / "endless.pdf"


def test_a_page_that_takes_too_long_is_one_error(drawer, endless):
    pages = list(page_images(endless))
    assert [isinstance(page, ImageError) for page in pages] == [False, *[True] * 5]
    assert "endless.pdf#2: takes more than 1 s to draw" in str(pages[1]) or (
        "endless.pdf#2: breaks the program" in str(pages[1])  # it may run out of memory first
    )
    assert "endless.pdf#5: not drawn, since 3 other pages of this file could not be" in str(
        pages[4]
    )


def test_other_files_go_on(drawer, endless, write_pdf):
    sound = page_images(write_pdf("a.pdf", SQUARE, SQUARE))
    first, bad = next(sound), page_images(endless)
    assert not isinstance(next(bad), ImageError)
    assert isinstance(next(bad), ImageError)
    second = next(sound)
    assert np.array_equal(first.pixels, second.pixels)


def test_a_process_that_dies_is_replaced(drawer, write_pdf):
    pages = pdf_pages(write_pdf("a.pdf", SQUARE, SQUARE))
    os.kill(drawer.process.pid, signal.SIGSEGV)
    drawer.process.wait()
    with pytest.raises(ImageError, match="breaks the program that draws PDF files, or takes all"):
        pages.draw(0)
    assert pages.draw(0)[0].shape == pages.draw(1)[0].shape
    pages.close()


def test_a_process_that_does_not_answer_is_ended(drawer, write_pdf, monkeypatch):
    pages = pdf_pages(write_pdf("a.pdf", SQUARE))
    monkeypatch.setattr(module, "_CLOCK", 0.2)
    os.kill(drawer.process.pid, signal.SIGSTOP)
    with pytest.raises(ImageError, match="takes more than 1 s to draw; simplify it"):
        pages.draw(0)


def test_an_interrupt_leaves_no_answer_behind(drawer, write_pdf, monkeypatch):
    pages = pdf_pages(write_pdf("a.pdf", SQUARE, ""))
    receive = module.receive

    def interrupted(pipe):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pages.draw(0)
    monkeypatch.setattr(module, "receive", receive)
    assert pages.draw(1)[0].min() == 255
    assert pages.draw(0)[0].min() == 0


def test_errors_are_those_of_the_pages(drawer, write_pdf):
    with pytest.raises(ImageError, match=r"^a PDF without pages"):
        PdfApart(write_pdf("a.pdf"))
    pages = PdfApart(write_pdf("b.pdf", SQUARE, "", broken=[1]).read_bytes())
    assert len(pages) == 2
    with pytest.raises(ImageError, match=r"^a broken page"):
        pages.draw(1)
    assert pages.draw(0)[1] == pytest.approx(240)
    assert not pages.has_text(0)


def _draw(path, pipe):
    pipe.send(next(iter(page_images(path))).pixels.sum())


def test_a_forked_process_has_its_own(drawer, write_pdf):
    path = write_pdf("a.pdf", SQUARE, SQUARE)
    pages = page_images(path)
    expected = next(pages).pixels.sum()
    context = multiprocessing.get_context("fork")
    end, start = context.Pipe()
    forked = context.Process(target=_draw, args=(path, start))
    forked.start()
    assert end.recv() == expected
    forked.join()
    assert next(pages).pixels.sum() == expected


def test_threads_share_it(drawer, write_pdf):
    path = write_pdf("a.pdf", SQUARE, "", SQUARE)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append([p.pixels.min() for p in page_images(path)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[0, 255, 0]] * 4


def test_without_an_interpreter_to_start_it_draws_itself(write_pdf, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", "")
    pages = pdf_pages(write_pdf("a.pdf", SQUARE))
    assert not isinstance(pages, PdfApart)
    pages.close()
