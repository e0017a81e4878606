"""Blocks that are compiled or computed again."""

from functools import partial

import pytest
import torch
from torch.nn import BatchNorm1d

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope import EquivariantViT, EquivariantViTConfig, Stage
from isotrope.models.presets import preset
from isotrope.training.blocks import change_blocks
from isotrope.training.recipe import RunConfig


def vit(depth: int) -> EquivariantViT:
    torch.manual_seed(0)
    config = preset("gcsa", "ti", layer_scale=1e-4)
    config.stages[0].depth = depth
    return EquivariantViT(config)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # dynamo's own
def test_equal_blocks_share_their_compiled_code(monkeypatch):
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    torch.compiler.reset()
    model, images = vit(3), torch.rand(2, 3, 32, 64)
    expected, names = model(images), list(model.state_dict())
    change_blocks(RunConfig(compile=True), list(model.stages[0]))
    torch.testing.assert_close(model(images), expected)
    assert len(compiled) == 1
    assert list(model.state_dict()) == names


def test_blocks_computed_again_keep_less_and_give_the_same_gradients():
    kept = {}
    images, gradients = torch.rand(2, 3, 32, 64), {}
    for again in (False, True):
        model, sizes = vit(2), []
        change_blocks(RunConfig(recompute=again), list(model.stages[0]))

        def saved(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
            logits = model(images)
        kept[again] = sum(sizes)
        logits.square().sum().backward()
        gradients[again] = [p.grad for p in model.parameters()]
    assert kept[True] < 0.8 * kept[False]  # the patch embedding and the head keep theirs
    torch.testing.assert_close(gradients[True], gradients[False])


def test_batch_norms_of_blocks_computed_again_count_each_batch_once():
    images, statistics = torch.rand(4, 3, 32, 32), {}
    for again in (False, True):
        torch.manual_seed(0)
        stages = [Stage("plain", depth=2, dim=8)]
        model = EquivariantViT(EquivariantViTConfig(norm="batch", stages=stages))
        change_blocks(RunConfig(recompute=again), list(model.stages[0]))
        for _ in range(2):
            model(images).sum().backward()
        statistics[again] = dict(model.named_buffers())
        assert all(n.momentum == 0.1 for n in model.modules() if isinstance(n, BatchNorm1d))
    counts = [value for name, value in statistics[True].items() if "num_batches" in name]
    assert counts
    assert all(count == 2 for count in counts)
    torch.testing.assert_close(statistics[True], statistics[False])


def test_blocks_stay_as_they_are_unless_the_recipe_asks():
    blocks = list(vit(2).stages[0])
    change_blocks(RunConfig(), blocks)
    assert not any("forward" in vars(block) for block in blocks)
