"""The learning rate: it rises, stays, falls as a cosine or a line, and is never lost."""

import pytest

from isotrope.training.pace import Pace
from isotrope.training.recipe import ScheduleConfig
from isotrope.training.schedule import rate


def test_it_rises_and_falls_to_zero_as_a_cosine():
    rates = [rate(i / 100, 0.2) for i in range(101)]
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[20] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


def test_it_stays_until_the_cool_down_and_falls_along_a_line():
    rates = [rate(i / 10, 0.1, 0.2, cooldown=0.4, fall="linear") for i in range(11)]
    assert rates[1:7] == [pytest.approx(1.0)] * 6
    assert rates[8] == pytest.approx(0.6)
    assert rates[10] == pytest.approx(0.2)


def test_no_cool_down_keeps_it_to_the_end():
    assert rate(1.0, 0.1, cooldown=0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.99])
def test_a_run_of_one_step_has_a_learning_rate(warmup):
    pace = Pace(ScheduleConfig(examples=16, warmup=warmup), None)
    assert pace.learning_rate(16) > 0.4


def test_a_run_ends_by_whichever_comes_first():
    pace = Pace(ScheduleConfig(examples=100, epochs=3, minutes=2), epoch=20)
    pace.examples = 30
    assert pace.progress == 0.5
    pace.seconds = 90
    assert pace.progress == 0.75
    assert pace.left == pytest.approx(30)


def test_epochs_need_a_finite_set():
    with pytest.raises(ValueError, match=r"schedule\.epochs=3: .* give schedule\.examples or"):
        Pace(ScheduleConfig(epochs=3), None)
