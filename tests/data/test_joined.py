"""Several sets of lines as one."""

import torch
from PIL import Image

from isotrope.data.joined import JoinedLines
from isotrope.data.lines import LabeledLines


def lines(folder, texts, width):
    folder.mkdir()
    for number, text in enumerate(texts):
        Image.new("L", (width, 10), 10 * int(text)).save(folder / f"{number}.png")
    rows = "".join(f"{number}.png\t{text}\n" for number, text in enumerate(texts))
    (folder / "labels.tsv").write_text(rows, encoding="utf-8")
    return LabeledLines(folder)


def test_lines_keep_their_images_and_the_texts_they_have_now(tmp_path):
    first, second = lines(tmp_path / "a", "123", 20), lines(tmp_path / "b", "45", 30)
    second.items[1] = (second.items[1][0], "changed")
    joined = JoinedLines([first.keep(lambda n, _: n != 1), second, second], tmp_path)
    assert [text for _, text in joined.items] == ["1", "3", "4", "changed", "4", "changed"]
    assert [str(place) for place, _ in joined.items][1:3] == ["a: 2.png", "b: 0.png"]
    image, text = joined[3]
    assert text == "changed"
    assert torch.allclose(image, torch.full((3, 10, 30), 50 / 255))
    assert joined.ratio(0) == 2
    assert joined.ratio(3) == 3


def test_a_part_keeps_its_places(tmp_path):
    joined = JoinedLines([lines(tmp_path / "a", "12", 20), lines(tmp_path / "b", "34", 20)], "all")
    kept = joined.keep(lambda _, text: text in "24")
    assert len(kept) == 2
    assert torch.allclose(kept[1][0][0, 0, 0], torch.tensor(40 / 255))
    assert len(joined) == 4
