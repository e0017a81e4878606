"""What is kept is kept whole: threads, copies, and other sizes, dtypes and weights."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from isotrope.groups import CyclicGroup
from isotrope.nn import GroupConv, GroupSelfAttention
from isotrope.nn.fast.bank import KeptBank
from isotrope.nn.fast.kept import Kept

C4 = CyclicGroup(4)
THREADS = 4


def in_threads(call, times):
    """`call(i)` by threads that start together."""
    gate = threading.Barrier(THREADS)

    def run(number):
        gate.wait()
        return [call(number) for _ in range(times)]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_a_value_is_made_once():
    store, made = Kept(), []
    assert [store.get("a", lambda: made.append(1) or 7) for _ in range(3)] == [7, 7, 7]
    assert len(made) == 1


def test_above_the_limit_all_are_dropped():
    store, made = Kept(limit=2), []
    for key in (1, 2, 3, 1):
        store.get(key, lambda key=key: made.append(key))
    assert made == [1, 2, 3, 1]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles_are_complete_and_keep_nothing(again):
    layer, x = GroupConv(3, 3, 3, padding=1, group=C4), torch.randn(1, 4, 3, 3, 3)
    attention = GroupSelfAttention(16, 2, group=C4)
    y = torch.randn(1, 4, 3, 3, 16)
    with torch.no_grad():
        expected = layer(x), attention(y)
        other, other_attention = again(layer), again(attention)
        assert other._bank._kept is None
        assert not other._tables._values
        assert not other_attention.encoding._kept._values
        torch.testing.assert_close((other(x), other_attention(y)), expected)


def test_threads_get_the_tables_of_their_own_sizes():
    """More sizes than are kept, so that tables are dropped while others read them."""
    torch.manual_seed(0)
    layer = GroupSelfAttention(16, 2, group=C4).eval()
    layer.encoding._kept = Kept(limit=1)
    signals = [torch.randn(1, 4, 2, 2 + n, 16) for n in range(THREADS)]
    with torch.inference_mode():
        alone = [layer(signal) for signal in signals]
    started = [0] * THREADS

    def call(number):
        started[number] += 1
        shape = (number + started[number]) % THREADS
        with torch.inference_mode():
            return shape, layer(signals[shape])

    for results in in_threads(call, times=60):
        for shape, out in results:
            torch.testing.assert_close(out, alone[shape])


def test_threads_get_the_bank_of_the_weight_while_another_trains():
    """A thread that wants gradients drops the bank that others are about to read."""
    torch.manual_seed(0)
    layer, x = GroupConv(4, 4, 3, padding=1, group=C4), torch.randn(2, 4, 5, 5, 4)
    expected = layer(x).detach()

    def call(number):
        with torch.set_grad_enabled(number == 0):
            return layer(x).detach()

    for results in in_threads(call, times=60):
        for out in results:
            torch.testing.assert_close(out, expected)


def test_a_bank_that_vanishes_between_two_reads_is_no_error():
    """What the race came down to: the bank is read once."""

    class Vanishing(KeptBank):
        reads = 0

        def __getattribute__(self, name):
            if name == "_kept":
                type(self).reads += 1
            return super().__getattribute__(name)

    store, weight = Vanishing(), torch.nn.Parameter(torch.rand(2, 2, 3, 3))
    store.get(weight, lambda w: w + 1)
    Vanishing.reads = 0
    torch.testing.assert_close(store.get(weight, lambda w: w + 1), weight + 1)
    assert Vanishing.reads == 1


def test_a_weight_given_for_one_call_changes_nothing():
    """As an adapter gives it: kept bank and weight stay, bit for bit, whoever reads meanwhile."""
    torch.manual_seed(0)
    layer, x = GroupConv(4, 4, 3, padding=1, group=C4), torch.randn(2, 4, 5, 5, 4)
    before = layer.weight.detach().clone()
    other = before + 1
    with torch.inference_mode():
        own = layer(x)
        adapted = torch.func.functional_call(layer, {"weight": other}, (x,))

        def call(number):
            return layer(x, other if number % 2 else None)

        for number, results in enumerate(in_threads(call, times=40)):
            for out in results:
                torch.testing.assert_close(out, adapted if number % 2 else own)
    assert torch.equal(layer.weight, before)
