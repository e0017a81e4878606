"""The task of reading: what it learns, what it keeps to, and what it is drawn back to."""

import copy

import numpy as np
import pytest
import torch

from isotrope.ocr.recognition.constants import HEIGHT
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig
from isotrope.training.mix import LineMix, LineSample, stretched
from isotrope.training.tasks.recognition import RecognitionTask

CHARSET = "abc "


def model(seed: int = 0) -> LineRecognizer:
    torch.manual_seed(seed)
    return LineRecognizer(LineRecognizerConfig.tiny(CHARSET))


def samples(*taught: bool) -> list[LineSample]:
    generator = torch.Generator().manual_seed(0)
    return [
        LineSample(
            torch.randint(0, 256, (3, HEIGHT, 96 + 32 * i), generator=generator).byte(), "ab", kept
        )
        for i, kept in enumerate(taught)
    ]


def task(**changes) -> RecognitionTask:
    return RecognitionTask(model(), LineMix([], CHARSET, lambda rng: None, 1.0), **changes)


def losses(reading: RecognitionTask, *taught: bool) -> dict[str, float]:
    batch = reading.finish(reading.collate(samples(*taught)))
    return {
        name: float(value.detach()) for name, value in reading.loss(reading.model, batch).items()
    }


def test_the_untouched_model_diverges_from_itself_by_nothing():
    found = losses(task(keep=2.0), True, False)
    assert found["kept"] == pytest.approx(0, abs=1e-6)
    assert found["ctc"] > 0


def test_another_teacher_is_diverged_from_where_it_is_sure():
    reading = task(keep=2.0, teacher=model(1))
    found = losses(reading, True, False)
    assert found["kept"] > 0
    assert found["loss"] == pytest.approx(found["ctc"] + 2 * found["kept"], rel=1e-5)
    assert losses(reading, False, False)["kept"] == 0


def test_labels_of_taught_lines_weigh_as_much_as_they_are_told_to():
    both, first = losses(task(), True, False)["ctc"], losses(task(labels=0.0), False, True)["ctc"]
    second = losses(task(labels=0.0), True, False)["ctc"]
    assert first != pytest.approx(second, rel=1e-3)
    assert both == pytest.approx((first + second) / 2, rel=1e-4)
    assert losses(task(labels=0.0), True, True)["ctc"] == 0


def test_weights_are_drawn_back_to_the_anchor_but_not_the_head():
    anchor = model(1)
    reading = task(anchor=anchor, pull=2.0)
    before = copy.deepcopy(reading.model.state_dict())
    target = {name: value.clone() for name, value in anchor.state_dict().items()}
    reading.after_step(reading.model, 0.05)
    for name, now in reading.model.state_dict().items():
        drawn = before[name].lerp(target[name], 0.0 if name.startswith("head.") else 0.1)
        torch.testing.assert_close(now, drawn)
    assert not torch.equal(before["head.weight"], target["head.weight"])


def test_without_a_pull_a_step_is_a_step():
    reading = task(anchor=model(1))
    before = copy.deepcopy(reading.model.state_dict())
    reading.after_step(reading.model, 0.05)
    assert all(torch.equal(before[n], value) for n, value in reading.model.state_dict().items())


def test_words_are_stretched_at_times_and_lines_never():
    rng = np.random.default_rng(0)
    word, line = torch.rand(3, 20, 60), torch.rand(3, 20, 200)
    widths = [stretched(word, rng).shape[2] for _ in range(200)]
    assert 60 <= sum(width == 60 for width in widths) <= 180
    assert min(widths) >= 54
    assert max(widths) <= 96
    assert {stretched(line, rng).shape[2] for _ in range(50)} == {200}
