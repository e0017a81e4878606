"""Published sets as training and held-out lines."""

import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.training import line_sources
from isotrope.training.line_sources import gather
from isotrope.training.tasks.adapter_source import AdapterSource

STAGES = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789"
PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="{name}.png" imageWidth="80" imageHeight="60"><TextRegion id="r">
<Coords points="0,0 80,0 80,60"/><TextLine id="a"><Coords points="10,10 60,10 60,25 10,25"/>
<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    return LineRecognizer(LineRecognizerConfig(LETTERS, "plain", STAGES, "conv", 8)).eval()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    """Lines of four documents, and two pages, of which one has a line of the first."""
    folder = tmp_path / "lines"
    folder.mkdir()
    rows = []
    for number in range(12):
        Image.new("L", (40 + number, 20), 200).save(folder / f"d{number // 3}_{number}.png")
        rows.append(f"d{number // 3}_{number}.png\tline number {number}\n")
    (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
    for name, text in (("x", "line number 0"), ("y", "only here")):
        (tmp_path / "pages" / name).mkdir(parents=True)
        Image.new("L", (80, 60), 200).save(tmp_path / f"pages/{name}/{name}.png")
        (tmp_path / f"pages/{name}/{name}.xml").write_text(PAGE.format(name=name, text=text))
    return tmp_path


def source(path="lines", **fields):
    return AdapterSource(path=path, license="CC0", **fields)


def texts(lines):
    return [text.removeprefix("line number ") for _, text in lines.items]


def gathered(data, base, *sources):
    return [texts(lines) for lines in gather(sources, data, base)]


def test_every_nth_line_is_held_out_or_document_or_by_name(data, base):
    train, valid = gathered(data, base, source(held_out=5))
    assert valid == ["0", "5", "10"]
    assert len(train) == 9
    train, valid = gathered(data, base, source(held_out=2, document="^d[0-9]+"))
    assert valid == ["0", "1", "2", "6", "7", "8"]
    train, valid = gathered(data, base, source(held_out=("d3_*", "d0_1.*")))
    assert valid == ["1", "9", "10", "11"]
    assert gathered(data, base, source(held_out=0))[1] == []


def test_the_count_passes_over_lines_that_the_base_cannot_write(data, base):
    labels = data / "lines" / "labels.tsv"
    labels.write_text(labels.read_text().replace("number 0", "number Ω"), encoding="utf-8")
    train, valid = gathered(data, base, source(held_out=6, rewrite={"Ω": "0"}))
    assert valid == ["1", "7"]
    assert train[0] == "0"


def test_every_word_may_get_the_same_label(data, base):
    train, _ = gathered(data, base, source(held_out=6, words="~~~"))
    assert set(train) == {"~~~ ~~~ ~~~"}


def test_names_choose_lines_and_times_repeats_them(data, base):
    train, valid = gathered(data, base, source(only=["d1_*"], without=["*_4.png"], times=2))
    assert valid == ["3"]
    assert train == ["5", "5"]
    # What is left out does not change what is held out.
    assert gathered(data, base, source(held_out=5, without=["*_3.png"]))[1] == ["0", "5", "10"]
    with pytest.raises(ValueError, match=r"no line is named like e\*, but for example like d0_0"):
        gathered(data, base, source(only=["e*"]))


def test_a_held_out_line_is_not_trained_on_through_another_source(data, base):
    pages = source("pages", collections=["x", "y"], held_out=0)
    train, valid = gathered(data, base, source(held_out=6), pages)
    assert valid == ["0", "6"]
    assert train[-1] == "only here"
    assert "0" not in train
    _, valid = gathered(data, base, source(held_out=0), source("pages", held_out=["y/*"]))
    assert valid == ["only here"]


def test_case_is_mended_and_misread_lines_are_dropped(data, base, monkeypatch):
    labels = data / "lines" / "labels.tsv"
    labels.write_text(labels.read_text().upper().replace("PNG", "png").replace("\nD", "\nd"))
    labels.write_text("d" + labels.read_text()[1:])
    monkeypatch.setattr(line_sources, "published", lambda size: size)
    reads = {"small": "Line numver 1", base: "line number 7"}
    monkeypatch.setattr(line_sources, "reader_of", lambda model: lambda line: reads[model])
    _, valid = gathered(data, base, source(case="mended"))
    assert valid == ["Line number 0", "Line number 10"]
    dropped = gathered(data, base, source(case="mended", drop_above=0.1))
    assert dropped == [["Line number 7"], valid]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"document": "("}, "is not a regular expression"),
        ({"case": "upper"}, "'given' or 'mended'"),
        ({"drop_above": 0}, "greater than 0"),
    ],
)
def test_a_bad_field_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        source(**fields)


def test_a_negative_share_to_hold_out_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        source(held_out=-3)
