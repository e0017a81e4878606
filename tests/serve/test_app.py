"""What the server answers: readings, documents, options, errors."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from isotrope import Reader
from isotrope.io.images import load_pixels
from isotrope.io.resize import turn
from isotrope.ocr.document_json import page_from_json
from isotrope.ocr.formats.pages import page_format
from isotrope.ocr.loading import shipped_adapters, shipped_translators

from .conftest import CROP, SAMPLES, TEXT, image


@pytest.fixture(scope="module")
def page():
    """A small page of two lines, as PNG."""
    sheet = np.full((220, 520, 3), 255, np.uint8)
    for top, name in ((20, "02-page-segmentation.png"), (120, "03-page-determine.png")):
        line = load_pixels(SAMPLES / name)
        sheet[top : top + line.shape[0], 30 : 30 + line.shape[1]] = line
    return sheet


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def turned_scores(scores, degrees):
    return {str((int(turn) + degrees) % 360): score for turn, score in scores.items()}


def test_a_page_is_what_the_reader_reads(served, page):
    reply = served.read(("a.png", png(page)))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    (file,) = reply.json["files"]
    assert (file["name"], file["error"]) == ("a.png", None)
    (found,) = file["pages"]
    scores = found.pop("scores")
    assert list(scores) == ["0", "90", "180", "270"]
    assert sum(scores.values()) == pytest.approx(1, abs=1e-5)
    (expected,) = Reader.from_pretrained(threads=1).read_pages([page])
    assert "determine" in expected.text
    assert page_from_json(found) == replace(expected, file="a.png")


def test_a_turned_page_is_the_same_page_turned(served, page):
    first = served.read(("a.png", png(page))).json["files"][0]["pages"][0]
    scores = first.pop("scores")
    for degrees in (90, 180, 270):
        (again,) = served.read(("a.png", png(turn(page, degrees)))).json["files"][0]["pages"]
        assert again.pop("scores") == turned_scores(scores, degrees)
        assert page_from_json(again) == page_from_json(first).turned(degrees)


def test_a_turned_crop_has_the_same_text_and_permuted_scores(served):
    pixels = load_pixels(CROP)
    first = served.read(CROP, crops="true").json["files"][0]["pages"][0]
    assert first["text"] == TEXT
    assert max(first["scores"], key=first["scores"].get) == str(first["orientation"])
    for degrees in (90, 180, 270):
        body = png(turn(pixels, degrees))
        again = served.read(("b.png", body), crops="true").json["files"][0]["pages"][0]
        assert again["text"] == TEXT
        assert again["orientation"] == (first["orientation"] + degrees) % 360
        assert again["scores"] == turned_scores(first["scores"], degrees)


def test_a_crop_is_as_isotrope_read_writes_it(served):
    (line,) = served.read(CROP, crops="1", format="jsonl").body.splitlines()
    (found,) = served.read(CROP, crops="1").json["files"][0]["pages"]
    del found["scores"]
    assert json.loads(line) == found


def test_a_body_may_be_the_file_itself(served):
    kind = {"Content-Type": "image/png"}
    reply = served.ask("POST", "/v1/read?crops=true&format=text", CROP.read_bytes(), kind)
    assert (reply.status, reply.body.decode()) == (200, TEXT + "\n")


def test_an_adapter_and_a_detector_are_chosen_by_name(served):
    plain = served.read(CROP, crops="1").json["files"][0]["pages"][0]
    adapted = served.read(CROP, crops="1", adapter="typescript").json["files"][0]["pages"][0]
    assert adapted["confidence"] != plain["confidence"]
    assert served.read(CROP, crops="1", adapter="none").json["files"][0]["pages"][0] == plain
    assert served.read(CROP, detector="isotrope").status == 200


def test_doubtful_texts_are_left_out(served):
    found = served.read(CROP, crops="1", min_confidence="0.99").json["files"][0]["pages"][0]
    assert found["text"] == ""


@pytest.mark.parametrize("name", ["text", "md", "tsv", "jsonl", "hocr", "alto", "page", "pdf"])
def test_a_page_comes_in_every_format(served, page, name):
    reply = served.read(("über a.png", png(page)), format=name)
    form = page_format(name)
    assert reply.status == 200
    plain, quoted = f"_ber a{form.suffix}", f"%C3%BCber%20a{form.suffix}"
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quoted}"
    assert reply.headers["content-disposition"] == expected
    formats = {entry["name"]: entry for entry in served.get("/v1/options").json["formats"]}
    assert reply.headers["content-type"] == formats[name]["media_type"]
    assert formats[name]["suffix"] == form.suffix
    if name == "pdf":
        assert reply.body.startswith(b"%PDF-")
    else:
        assert "determine" in reply.body.decode()


@pytest.mark.parametrize("name", ["text", "tsv", "json", "jsonl"])
def test_crops_come_in_every_format(served, name):
    reply = served.read(CROP, SAMPLES / "03-page-determine.png", crops="true", format=name)
    assert reply.status == 200
    assert TEXT in reply.body.decode()
    assert "determine" in reply.body.decode()


def test_the_texts_of_several_files_are_one_document(served, page):
    reply = served.read(("a.png", png(page)), ("b.png", png(page[100:])), format="text")
    first, second = reply.body.decode().split("\f")
    assert "determine" in first
    assert second == "determine\n"
    assert reply.headers["content-disposition"].endswith("isotrope.txt")


def test_documents_of_one_file_or_page_come_as_an_archive(served):
    names = ["a/x.png", "../../x.png", "b.tif"]
    files = [(names[0], image()), (names[1], image()), (names[2], image(format="TIFF", pages=2))]
    reply = served.read(*files, format="page")
    assert reply.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    assert archive.namelist() == [
        "x.page.xml",
        "x (2).page.xml",
        "b-1.page.xml",
        "b-2.page.xml",
    ]


def test_what_can_be_read_of_several_files_is_read(served):
    reply = served.read(("bad.png", b"no image"), CROP, crops="true")
    assert reply.status == 200
    bad, good = reply.json["files"]
    assert bad == {
        "name": "bad.png",
        "pages": [],
        "error": "no image that can be opened, or a broken one; save it again as PNG, JPEG or TIFF",
    }
    assert good["pages"][0]["text"] == TEXT
    whole = served.read(("bad.png", b"no image"), CROP, crops="true", format="text")
    assert whole.status == 422  # a document would not show that something is missing
    assert whole.json["error"].startswith("bad.png: no image")


def test_the_picture_of_a_page_has_its_pixels(served, page):
    file = io.BytesIO()
    pages = [Image.fromarray(pixels) for pixels in (page, page[:100])]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    reply = served.read(("a.tif", file.getvalue()), path="/v1/picture", page=2)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    assert reply.headers["page-count"] == "2"
    assert np.array_equal(load_pixels(reply.body), page[:100])
    pdf = served.read(("a.png", png(page)), format="pdf").body
    drawn = load_pixels(served.read(("a.pdf", pdf), path="/v1/picture").body)
    (read,) = served.read(("a.pdf", pdf)).json["files"][0]["pages"]
    assert drawn.shape[:2] == (read["height"], read["width"])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"adapter": "../../etc"}, "adapter '../../etc' is not known; the adapters of isotrope"),
        ({"detector": "/etc"}, "detector '/etc' is not known; the detectors here are: pp-ocr,"),
        ({"engine": "trocr"}, "engine 'trocr' is not known; the engines here are: isotrope"),
        ({"format": "doc"}, "format 'doc' is not known for pages; use json, text, md"),
        ({"format": "md", "crops": "1"}, "format 'md' is not known for words and lines; use json,"),
        ({"crops": "maybe"}, "crops='maybe' must be true or false"),
        ({"min_confidence": "2"}, "min_confidence='2' must be a number from 0 to 1"),
        ({"min_confidence": "nan"}, "min_confidence='nan' must be a number from 0 to 1"),
        ({"langauge": "deu"}, "no field 'langauge'; there are file, crops, engine"),
    ],
)
def test_a_field_that_makes_no_sense_is_rejected(served, fields, problem):
    reply = served.read(CROP, **fields)
    assert reply.status == 422
    assert problem in reply.json["error"]


@pytest.mark.parametrize(
    ("page", "status", "problem"),
    [
        ("0", 404, "no page 0; the file has 1"),
        ("2", 404, "no page 2; the file has 1"),
        ("x", 422, "page='x' must be"),
        ("²", 422, "page='²' must be"),
    ],
)
def test_a_page_that_is_not_there_has_no_picture(served, page, status, problem):
    reply = served.read(CROP, path="/v1/picture", page=page)
    assert reply.status == status
    assert problem in reply.json["error"]


def test_files_that_cannot_be_read_are_rejected(served):
    for content in (b"no image", b"", image()[:50], b"%PDF-1.7 and no more"):
        reply = served.read(("a.png", content))
        assert reply.status == 422
        assert reply.json["error"]


def test_the_body_must_be_files(served):
    reply = served.ask("POST", "/v1/read", b"a=b", {"Content-Type": "application/x-www-form"})
    assert reply.status == 415
    assert "multipart/form-data" in reply.json["error"]
    reply = served.read(format="text")
    assert (reply.status, reply.json["error"][:7]) == (422, "no file")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert served.ask("POST", "/v1/read", b"--y\r\nnothing", broken).status == 400
    nothing = {"Content-Type": "multipart/form-data"}
    assert served.ask("POST", "/v1/read", b"x", nothing).status == 400


def test_what_is_not_there_is_an_error_of_one_line(served):
    assert served.get("/nowhere").status == 404
    assert set(served.get("/static/../app.py").json) == {"error"}
    reply = served.get("/v1/read")
    assert (reply.status, reply.json) == (405, {"error": "Method Not Allowed"})


def test_the_options_are_those_that_work_here(served):
    options = served.get("/v1/options").json
    adapters = [folder.name for folder in shipped_adapters("small")]
    assert options["engines"][0] == "isotrope"
    assert "gsanet" not in options["engines"], "it takes long to load"
    assert options["adapters_of"]["isotrope"] == ["auto", *adapters, *shipped_translators("small")]
    assert options["detectors"] == ["pp-ocr", "isotrope"]
    assert options["defaults"] == {"engine": "isotrope", "adapter": None, "detector": "pp-ocr"}
    assert set(options["limits"]) == {"bytes", "pages", "pixels", "seconds", "queue"}


def test_the_api_describes_itself_without_a_page_from_elsewhere(served):
    paths = served.get("/openapi.json").json["paths"]
    assert list(paths) == ["/v1/read", "/v1/picture", "/v1/options", "/healthz", "/metrics"]
    form = paths["/v1/read"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert "file" in form["schema"]["properties"]
    assert served.get("/docs").status == 404


def test_the_state_and_the_counts_are_shown(served):
    state = served.get("/healthz").json
    assert (state["status"], state["workers"], state["ready"], state["queue"]) == ("ready", 1, 1, 0)
    before = served.get("/metrics").body.decode()
    served.read(CROP, crops="true")
    served.get("/some/thing/of/mine")
    after = served.get("/metrics").body.decode()
    assert "mine" not in after
    assert 'isotrope_requests_total{path="other",status="404"}' in after

    def crops(text):
        return next(
            float(line.split()[1])
            for line in text.splitlines()
            if line.startswith('isotrope_pages_total{kind="crop"}')
        )

    assert crops(after) == crops(before) + 1
    assert "isotrope_queue_length 0.0" in after


def test_browsers_may_load_nothing_from_elsewhere(served):
    for path in ("/", "/static/style.css", "/v1/options", "/nowhere"):
        headers = served.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] in ("no-cache", "no-store")
