"""What one request may ask for, and all of them together."""

import pickle

import pytest

from isotrope.serve.limits import Budget, Limits, Refusal


def test_a_limit_below_one_is_rejected():
    with pytest.raises(ValueError, match="pages=0 must be at least 1"):
        Limits(pages=0)


def test_a_refusal_passes_between_processes():
    again = pickle.loads(pickle.dumps(Refusal(503, "busy", 7)))
    assert (again.status, again.problem, again.retry_after) == (503, "busy", 7)


def test_what_a_request_takes_is_given_back():
    budget = Budget(10)
    with budget.share() as first:
        first.take(6)
        with budget.share() as second:
            second.take(4)
            with pytest.raises(Refusal) as refusal:
                second.take(1)
            assert (refusal.value.status, refusal.value.retry_after) == (503, 5)
        assert budget.held == 6
    assert budget.held == 0
