"""`torch.compile(fullgraph=True)`: every mixer is one graph, and gives what eager mode gives."""

import pytest
import torch

from isotrope import EquivariantViT, EquivariantViTConfig, Stage

STAGES = {
    "gcsa": {"mixer": "gcsa", "dim": 8},
    "gcsa in windows": {"mixer": "gcsa", "dim": 8, "window": 4, "kv_pool": 2},
    "rotary": {"mixer": "gsa", "dim": 24, "encoding": "rotary", "kv_pool": 2},
    "mlp": {"mixer": "gsa", "dim": 8, "encoding": "mlp"},
    "table": {"mixer": "gsa", "dim": 8, "encoding": "table"},
    "cnn": {"mixer": "conv", "dim": 8},
    "cnn, turned between pixels": {"mixer": "conv", "dim": 8},
}
GROUPS = {"cnn, turned between pixels": "C8"}
"""By name, where it is not C4."""


def model_of(name: str) -> tuple[EquivariantViT, torch.Tensor]:
    torch.manual_seed(0)
    group = GROUPS.get(name, "C4")
    config = EquivariantViTConfig(group, patch=(4, 4, 0), stages=[Stage(depth=1, **STAGES[name])])
    return EquivariantViT(config), torch.randn(2, 3, 16, 32)


@pytest.fixture(autouse=True)
def _a_compiler_that_has_seen_no_other_model():
    torch.compiler.reset()  # or it gives up after eight shapes of the same code


@pytest.mark.parametrize("name", STAGES)
def test_one_graph_without_breaks(name):
    """Traced whole, forward and backward, without the minute that making the code takes."""
    model, images = model_of(name)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    out, expected = compiled(images), model(images)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(compiled(images), expected, rtol=1e-5, atol=1e-5)  # with kept tables
    gradients = torch.autograd.grad(out.square().sum(), list(model.parameters()), allow_unused=True)
    reference = torch.autograd.grad(
        expected.square().sum(), list(model.parameters()), allow_unused=True
    )
    torch.testing.assert_close(gradients, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("name", ["gcsa", "rotary"])
def test_compiled_code(name):
    model, images = model_of(name)
    compiled = torch.compile(model.eval(), fullgraph=True)
    with torch.inference_mode():
        torch.testing.assert_close(compiled(images), model(images), rtol=1e-4, atol=1e-4)
