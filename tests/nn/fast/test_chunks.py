"""Large batches go through a block a few images at a time."""

import pytest
import torch
from torch import nn

from isotrope.groups import CyclicGroup
from isotrope.nn import Block, GroupSelfAttention
from isotrope.nn.fast import chunks


@pytest.mark.parametrize("encoding", ["rotary", "mlp"])
def test_a_large_batch_goes_through_in_chunks(monkeypatch, encoding):
    """A few images at a time, with the same values; a hook sees the whole batch."""
    mixer = GroupSelfAttention(8, 1, group=CyclicGroup(4), encoding=encoding)
    block, lifted = Block(8, mixer, 2.0), torch.randn(5, 4, 3, 2, 8)
    whole = block(lifted)
    monkeypatch.setattr(chunks, "AT_ONCE", 2 * whole[0].numel())
    calls = []
    block.mlp[1].forward = lambda part: calls.append(len(part)) or nn.functional.gelu(part)
    with torch.inference_mode():
        torch.testing.assert_close(block(lifted), whole)
        assert calls == [2, 2, 1]
        block.mlp[0].register_forward_hook(lambda *_: None)
        block(lifted)
    assert calls[3:] == [5]
