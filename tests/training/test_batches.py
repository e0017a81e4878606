"""The stream of batches: one size each, reproducible, with real images where asked."""

from itertools import islice

import pytest
import torch
from PIL import Image

from isotrope.data.lines import LabelledLines
from isotrope.data.synthetic.text import SyntheticText
from isotrope.training.batches import TextBatches
from isotrope.training.spans import RealLines

SIZE = (32, 8, 16.0)


def stream(recipe, **changes) -> TextBatches:
    recipe()  # skips where there are no fonts
    threads = torch.get_num_threads()
    batches = TextBatches(SyntheticText("train", seed=3), SIZE, 6 * 32 * 96, **changes)
    torch.set_num_threads(threads)
    return batches


def test_batches_hold_images_of_one_size_with_their_places(recipe):
    for batch in islice(stream(recipe), 4):
        assert batch.pixels.shape[0] == len(batch.texts) == len(batch.centers)
        assert min(batch.pixels.shape[2:]) == 32
        assert all(n % 8 == 0 for n in batch.pixels.shape[2:])
        for text, centers in zip(batch.texts, batch.centers, strict=True):
            assert len(centers) == len(text)


def test_the_stream_is_reproducible(recipe):
    first, second = (list(islice(stream(recipe), 3)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.texts == b.texts
        assert torch.equal(a.pixels, b.pixels)


def test_real_images_are_mixed_in_and_have_no_places(recipe, tmp_path):
    Image.new("RGB", (90, 30), "white").save(tmp_path / "a.png")
    (tmp_path / "labels.tsv").write_text("a.png\treal\n")
    batch = next(iter(stream(recipe, real=[RealLines(LabelledLines(tmp_path))], real_share=1.0)))
    assert set(batch.texts) == {"real"}
    assert all(len(centers) == 0 for centers in batch.centers)


def test_every_real_set_is_drawn_alike_however_many_lines_it_has(recipe, tmp_path):
    for name, count in (("few", 1), ("many", 40)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (90, 30), "white").save(tmp_path / name / "a.png")
        (tmp_path / name / "labels.tsv").write_text(f"a.png\t{name}\n" * count)
    few, many = (RealLines(LabelledLines(tmp_path / name)) for name in ("few", "many"))
    batches = stream(recipe, real=[few, few, many], real_share=1.0)  # named twice, twice as often
    drawn = [batches.sample(i)[1] for i in range(150)]
    assert 0.5 < drawn.count("few") / len(drawn) < 0.8


def test_a_split_holds_out_what_it_does_not_train_on(tmp_path):
    names = [f"{i}.png" for i in range(25)]
    (tmp_path / "labels.tsv").write_text("".join(f"{name}\tx\n" for name in names))
    train, held_out = (
        {name for name, _ in part.items} for part in LabelledLines(tmp_path).split(10)
    )
    assert held_out == {"0.png", "10.png", "20.png"}
    assert train == set(names) - held_out


def test_white_space_of_any_kind_in_a_label_is_one_space(tmp_path):
    (tmp_path / "labels.tsv").write_text("a.png\tune\u00a0 ligne \n", encoding="utf-8")
    assert LabelledLines(tmp_path).items == [("a.png", "une ligne")]


@pytest.mark.parametrize(
    ("labels", "message"), [(None, "has no labels.tsv"), ("a.png real\n", "line 1 .* has no tab")]
)
def test_a_faulty_labelled_folder_says_what_is_wrong(tmp_path, labels, message):
    if labels:
        (tmp_path / "labels.tsv").write_text(labels)
    with pytest.raises(ValueError, match=message):
        LabelledLines(tmp_path)
