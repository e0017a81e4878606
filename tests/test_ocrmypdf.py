"""OCRmyPDF reads pages by isotrope."""

import io
import json
import pickle
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from isotrope.io.resize import turn
from isotrope.ocr.document import Line, Page, Region
from isotrope.ocr.formats.pages.pdf import pdf_pages

pytest.importorskip("ocrmypdf", reason="needs the extra `ocrmypdf`")
pdfium = pytest.importorskip("pypdfium2")
plugin = pytest.importorskip("isotrope.ocrmypdf")

OPTIONS = SimpleNamespace(jobs=2, languages=["eng"], pdf_renderer="auto")
TEXT = """The house by the river
stood empty for three winters
before anyone asked why.
A lamp burned in the attic
every night until morning,
and nobody saw who lit it."""


def line(text, orientation, top):
    square = ((10.0, top), (10.0 + 12 * len(text), top), (10.0 + 12 * len(text), top + 24))
    square += ((10.0, top + 24),)
    below = ((10.0, top + 18), (10.0 + 12 * len(text), top + 18))
    return Line(text, 0.9, orientation, square, below)


def page_of(*lines, **values):
    regions = (Region(lines, ((0, 0), (300, 0), (300, 200), (0, 200))),) if lines else ()
    return Page(300, 200, regions, resolution=150.0, **values)


@pytest.fixture
def engine(monkeypatch):
    """The engine with a reader that has read `engine.page`."""
    engine = plugin.get_ocr_engine(None)
    engine.threads = []

    def reader(threads):
        engine.threads.append(threads)
        return SimpleNamespace(read_pages=lambda file: iter([engine.page]))

    monkeypatch.setattr(plugin, "_reader", reader)
    return engine


@pytest.mark.parametrize(("orientation", "clockwise"), [(0, 0), (90, 270), (180, 180), (270, 90)])
def test_orientation(engine, orientation, clockwise):
    engine.page = page_of(line("most of it", orientation, 10), orientation=orientation)
    assert engine.get_orientation("a.png", OPTIONS) == (clockwise, 30.0)


@pytest.mark.parametrize(("others", "rotated"), [(6, True), (7, False)])
def test_pages_with_text_in_several_directions(engine, others, rotated):
    lines = line("x" * 10, 90, 10), line("y" * others, 0, 50)
    engine.page = page_of(*lines, orientation=90)
    _, confidence = engine.get_orientation("a.png", OPTIONS)
    assert (confidence >= 14) == rotated  # OCRmyPDF's threshold


def test_deskew(engine):
    engine.page = page_of(line("slanted", 0, 10), slant=2.5)
    assert engine.get_deskew("a.png", OPTIONS) == -2.5


def test_hocr(engine, tmp_path):
    engine.page = page_of(line("some text", 0, 10))
    engine.generate_hocr("a.png", tmp_path / "a.hocr", tmp_path / "a.txt", OPTIONS)
    assert "some text</span>" in (tmp_path / "a.hocr").read_text()
    assert (tmp_path / "a.txt").read_text() == "some text\n"


def test_pdf(engine, tmp_path):
    engine.page = page_of(line("some text", 0, 10))
    engine.generate_pdf("a.png", tmp_path / "a.pdf", tmp_path / "a.txt", OPTIONS)
    with pikepdf.open(tmp_path / "a.pdf") as document:
        [page] = document.pages
        assert [float(side) for side in page.mediabox] == [0, 0, 144, 96]
        assert list(page.Resources.Font) == ["/F1"]  # where OCRmyPDF looks for it
        assert b"TJ" in page.Contents.read_bytes()
        assert document.check_pdf_syntax() == []
    assert texts_of(tmp_path / "a.pdf") == ["some text"]
    assert (tmp_path / "a.txt").read_text() == "some text\n"


def test_a_page_without_text(engine, tmp_path):
    engine.page = page_of()
    assert engine.get_orientation("a.png", OPTIONS) == (0, 0.0)
    assert engine.get_deskew("a.png", OPTIONS) == 0
    engine.generate_pdf("a.png", tmp_path / "a.pdf", tmp_path / "a.txt", OPTIONS)
    assert texts_of(tmp_path / "a.pdf") == [""]
    assert (tmp_path / "a.txt").read_text() == ""


@pytest.mark.parametrize(("jobs", "threads"), [(1, None), (2, 1), (None, 1)])
def test_a_thread_per_process(engine, jobs, threads):
    engine.page = page_of()
    engine.get_deskew("a.png", SimpleNamespace(jobs=jobs))
    assert engine.threads == [threads]


def test_what_it_says_of_itself(engine):
    assert str(engine) == engine.creator_tag(OPTIONS) == f"isotrope {engine.version()}"
    assert engine.languages(OPTIONS) == set()


@pytest.mark.parametrize(
    ("wanted", "ours"), [("auto", True), ("tesseract", False), ("none", False)]
)
def test_other_engines_can_be_asked_for(wanted, ours):
    engine = plugin.get_ocr_engine(SimpleNamespace(ocr_engine=wanted))
    assert (engine is not None) == ours


@pytest.mark.parametrize(
    ("renderer", "used"), [("auto", "sandwich"), ("fpdf2", "fpdf2"), ("sandwich", "sandwich")]
)
def test_renderer(renderer, used):
    options = SimpleNamespace(pdf_renderer=renderer)
    plugin.check_options(options)
    assert options.pdf_renderer == used


def texts_of(path):
    with pdfium.PdfDocument(path) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return ["\n".join(text.splitlines()) for text in texts]


def drawn(path):
    with pdfium.PdfDocument(path) as document:
        return [page.render(scale=1, grayscale=True).to_numpy()[..., 0] for page in document]


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A PDF of a page at four turns, and slanted by three degrees."""
    image = Image.new("L", (1000, 800), 255)
    draw = ImageDraw.Draw(image)
    for row, text in enumerate(TEXT.splitlines()):
        draw.text((130, 100 + 90 * row), text, fill=0, font=ImageFont.load_default(40))
    slanted = image.rotate(3, fillcolor=255, resample=Image.Resampling.BICUBIC)
    upright = np.repeat(np.array(image)[..., None], 3, axis=2)
    images = [turn(upright, degrees) for degrees in (0, 90, 180, 270)] + [np.array(slanted)]
    pages = [
        Page(pixels.shape[1], pixels.shape[0], number=number, resolution=150.0)
        for number, pixels in enumerate(images, start=1)
    ]
    path = tmp_path_factory.mktemp("turned") / "turned.pdf"
    path.write_bytes(b"".join(pdf_pages(pages, lambda page: images[page.number - 1])))
    return path


def ocrmypdf(source, target, *options):
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "isotrope.ocrmypdf", *options]
    done = subprocess.run([*command, source, target], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


program = pytest.mark.skipif(
    not shutil.which("tesseract"), reason="OCRmyPDF wants tesseract to be there, whoever reads"
)


@program
@pytest.mark.slow
def test_the_program_finds_the_same_text_at_all_turns(turned, tmp_path):
    options = "--rotate-pages", "--deskew", "--sidecar", tmp_path / "text.txt"
    made = ocrmypdf(turned, tmp_path / "made.pdf", *options)
    assert texts_of(made) == [TEXT] * 5
    assert (tmp_path / "text.txt").read_text().split() == TEXT.split() * 5
    upright, *others = drawn(made)
    for other in others:
        assert np.abs(other - upright.astype(float)).mean() < 3  # upside down it is 20


@program
@pytest.mark.slow
def test_paperless_ngx_calls_it_by_its_user_arguments(turned, tmp_path):
    """As `construct_ocrmypdf_parameters` of Paperless-ngx: in threads, a language, a threshold."""
    given = json.loads('{"plugins": ["isotrope.ocrmypdf"]}')
    arguments = {
        "input_file_or_options": turned,
        "output_file": tmp_path / "archive.pdf",
        "use_threads": True,
        "jobs": 2,
        "language": "deu+eng",
        "output_type": "pdf",  # its default, pdfa, needs Ghostscript
        "progress_bar": False,
        "skip_text": True,
        "deskew": True,
        "rotate_pages": True,
        "rotate_pages_threshold": 12.0,
        "sidecar": tmp_path / "sidecar.txt",
    }
    code = "import sys, pickle, ocrmypdf; ocrmypdf.ocr(**pickle.load(sys.stdin.buffer))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(arguments | given), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "sidecar.txt").read_text().split() == TEXT.split() * 5


@program
@pytest.mark.slow
def test_the_program_leaves_pages_as_they_lie(turned, tmp_path):
    made = ocrmypdf(turned, tmp_path / "made.pdf", "--output-type", "pdf", "--pages", "1-4")
    assert [text.split() for text in texts_of(made)[:4]] == [TEXT.split()] * 4
    for before, after in zip(drawn(turned), drawn(made), strict=True):
        assert np.array_equal(before, after)


@program
@pytest.mark.slow
def test_the_program_renders_our_hocr(turned, tmp_path):
    options = "--output-type", "pdf", "--pdf-renderer", "fpdf2", "--pages", "1,5"
    made = ocrmypdf(turned, tmp_path / "made.pdf", *options)
    texts = texts_of(made)
    assert [texts[0].split(), texts[4].split()] == [TEXT.split()] * 2
    assert texts[1] == ""


def test_the_pages_to_be_read_have_no_text(turned):
    assert texts_of(io.BytesIO(turned.read_bytes())) == [""] * 5
