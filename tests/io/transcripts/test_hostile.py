"""Transcripts that are too long, or name what is not theirs."""

import time

import pytest
from PIL import Image

from isotrope.io.transcripts import read_transcript

LINE = '<TextLine><Coords points="{}"/></TextLine>'
BOX = "1,1 9,1 9,9 1,9"


@pytest.fixture
def page(tmp_path):
    """Writes a page of these lines whose image is page.png."""
    Image.new("L", (20, 20)).save(tmp_path / "page.png")

    def write(*regions, image="page.png"):
        body = "".join(f"<TextRegion>{lines}</TextRegion>" for lines in regions)
        file = tmp_path / "a.xml"
        file.write_text(f'<PcGts><Page imageFilename="{image}">{body}</Page></PcGts>')
        return file

    return write


def test_many_lines_of_one_region_take_time_in_proportion(page):
    started = time.process_time()
    found = read_transcript(page(LINE.format(BOX) * 30_000, LINE.format(BOX)))
    assert time.process_time() - started < 6  # a minute if each line is counted from the first
    assert len(found.lines) == 30_001
    assert [found.lines[number].region for number in (1, 30_000, 30_001)] == [0, 0, 1]


def test_an_outline_of_very_many_points_is_a_fault(page):
    found = read_transcript(page(LINE.format(BOX + " 5,5" * 10_000) + LINE.format(BOX)))
    assert found.faults == {1: "an outline of more than 10000 points"}
    assert list(found.lines) == [2]


@pytest.mark.parametrize("image", ["x" * 5000, "x/" * 3000, "page%00.png", "a\tb.png"])
def test_names_that_no_file_can_have(page, image):
    with pytest.raises(ValueError, match="is not beside it; put the page's image into") as caught:
        read_transcript(page(image=image))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "image",
    ["../../../../etc/passwd", "/etc/passwd", "..%2F..%2F..%2Fetc%2Fpasswd", "/dev/zero"],
)
def test_images_elsewhere_are_not_opened(page, tmp_path, image):
    (tmp_path / "page.png").unlink()
    with pytest.raises(ValueError, match="names an image outside of"):
        read_transcript(page(image=image))


def test_an_image_of_the_same_name_in_the_folder_is_taken(page, tmp_path):
    found = read_transcript(page(LINE.format(BOX), image="/srv/scans/page.png"))
    assert found.image == tmp_path / "page.png"
