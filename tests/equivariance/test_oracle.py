"""Every layer and model against the papers' equations, `benchmarks/naive.py`: values, gradients."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT
from isotrope.nn import (
    MLP,
    Block,
    Downsample,
    GroupConv,
    GroupConvSelfAttention,
    GroupSelfAttention,
    LiftingConv,
    LiftingSelfAttention,
    Rotary,
)
from isotrope.ocr.gsanet.encoder import LiftedEncoder, LiftedEncoderConfig

FILE = Path(__file__).parents[2] / "benchmarks" / "naive.py"
spec = importlib.util.spec_from_file_location("naive", FILE)
oracle = importlib.util.module_from_spec(spec)
spec.loader.exec_module(oracle)

GROUPS = [CyclicGroup(1), CyclicGroup(4), DihedralGroup(4), DihedralGroup(2), CyclicGroup(8)]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-11}
HEADS = 2

CONV = {
    "lifting": lambda g: LiftingConv(3, 4, 3, padding=1, group=g),
    "patches": lambda g: LiftingConv(3, 4, 4, 2, 1, group=g, bias=False),
    "full": lambda g: GroupConv(5, 4, 3, padding=1, group=g),
    "full strided": lambda g: GroupConv(5, 4, 4, 2, 1, group=g, bias=False),
    "depthwise": lambda g: GroupConv(5, 5, 3, padding=1, group=g, depthwise=True),
    "depthwise even": lambda g: GroupConv(5, 5, 2, 2, group=g, depthwise=True, bias=False),
    "depthwise twice": lambda g: GroupConv(5, 10, 3, padding=1, group=g, depthwise=True),
    "downsample": lambda g: Downsample(5, 6, 2, g),
    "block": lambda g: Block(5, GroupConv(5, 5, 3, padding=1, group=g, depthwise=True)),
}
WHOLE, WINDOWS = {}, {"window": 2}
ENCODINGS = (None, "mlp", "table", "rotary")
OPTIONS = [
    *((kind, WHOLE) for kind in ("gcsa", *ENCODINGS)),
    *((kind, WINDOWS) for kind in ("gcsa", *ENCODINGS)),
    *((kind, {"sum_orientations": True}) for kind in ENCODINGS[1:]),
    ("rotary", {"sum_orientations": True, **WINDOWS}),
    ("gcsa", {"kernel_size": 5}),
    *(
        (kind, {"kv_pool": 2, **options})
        for kind in ("gcsa", None, "mlp", "rotary")
        for options in (WHOLE, {"window": 4})
    ),
    ("table", {"kv_pool": 3}),
]
MODELS = {
    "gcsa": [Stage("gcsa", 2, 8, 2)],
    "gsa": [Stage("gsa", 1, 8, 2)],
    "mlp": [Stage("gsa", 1, 8, 2, encoding="mlp")],
    "table": [Stage("gsa", 1, 8, 2, encoding="table")],
    "rotary": [Stage("gsa", 2, 24, 2, encoding="rotary")],
    "cnn": [Stage("conv", 1, 6), Stage("conv", 1, 8, stride=2)],
    "hybrid": [
        Stage("conv", 1, 6),
        Stage("gcsa", 1, 8, 2, window=2, stride=2),
        Stage("gsa", 1, 24, 2, encoding="rotary"),
    ],
}
MODELS["pooled"] = [
    Stage("gcsa", 1, 8, 2, kv_pool=2),
    Stage("gsa", 1, 24, 2, encoding="rotary", kv_pool=2),
]


def width(kind, group, lifting=False):
    """Of `HEADS` heads: for Rotary, two orbits of frequencies and a channel of no position."""
    if kind != "rotary":
        return 8 * HEADS
    rotary = Rotary(99, group, lifting=lifting)
    return HEADS * (rotary.offset + 4 * rotary.directions + 1)


def encoding(kind, dim, group, lifting=False):
    # A scale of the small grids of these tests: else the MLP is nearly constant.
    return MLP(dim, group, scale=2.0, lifting=lifting) if kind == "mlp" else kind


def attention(kind, group, **options):
    dim = width(kind, group)
    if kind == "gcsa":
        return GroupConvSelfAttention(dim, HEADS, group=group, **options)
    options["encoding"] = encoding(kind, dim, group)
    return GroupSelfAttention(dim, HEADS, group=group, **options)


def lifting_attention(kind, group, window):
    dim = width(kind, group, lifting=True)
    how = encoding(kind, dim, group, lifting=True)
    return LiftingSelfAttention(3, dim, HEADS, group=group, encoding=how, window=window)


def build(make, dtype):
    """A module with every parameter random: a bias that is still zero hides its faults.

    Scores spread by about one: where all are alike, a gradient is a small difference.
    """
    torch.manual_seed(0)
    module = make().to(dtype)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
            else:
                fan_in = 1 if name.endswith("table") else parameter[0].numel()
                nn.init.normal_(parameter, std=fan_in**-0.5)
    return module


def signal(group, channels, dtype, size=(4, 6)):
    return torch.randn(2, group.order, *size, channels, dtype=dtype)


def values_and_gradients(module, x):
    """The output, and the gradients of a random functional of it: by input and parameter."""
    x = x.clone().requires_grad_()
    out = module(x)
    out = out if isinstance(out, torch.Tensor) else out.last_hidden_state
    direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out)
    names, parameters = zip(*module.named_parameters(), strict=True)
    gradients = torch.autograd.grad((out * direction).sum(), (x, *parameters))
    return dict(zip(("output", "input", *names), (out.detach(), *gradients), strict=True))


def errors_to_naive(module, x):
    """Relative to the largest entry; a bias's gradient to its weight's, for it may be zero."""
    got, wanted = (values_and_gradients(m, x) for m in (module, oracle.naive(module)))
    assert got.keys() == wanted.keys()
    errors = {}
    for name, value in wanted.items():
        scale = max(wanted[n].abs().max() for n in (name, name.replace("bias", "weight")))
        errors[name] = float((got[name] - value).abs().max() / scale)
    return errors


def assert_equal_to_naive(module, x):
    errors = errors_to_naive(module, x)
    assert max(errors.values()) < TOLERANCE[x.dtype], errors


def assert_equal_in_inference(module, x):
    """Filters are turned on the first call and kept for the second."""
    module.eval()
    slow = oracle.naive(module)
    with torch.inference_mode():
        wanted = slow(x)
        for _ in range(2):
            error = (module(x) - wanted).abs().max() / wanted.abs().max()
            assert error < TOLERANCE[x.dtype]


@pytest.fixture(params=TOLERANCE, ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("kind", CONV)
def test_convolutions(kind, group, dtype):
    layer = build(lambda: CONV[kind](group), dtype)
    image = torch.randn(2, 3, 4, 6, dtype=dtype)
    x = image if kind in ("lifting", "patches") else signal(group, 5, dtype)
    assert_equal_to_naive(layer, x)
    assert_equal_in_inference(layer, x)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("kind", ENCODINGS[1:])
@pytest.mark.parametrize("window", [None, 2])
def test_lifting_self_attention(kind, window, group, dtype):
    if kind == "table" and not group.exact:
        pytest.skip("a table needs an exact group")
    layer = build(lambda: lifting_attention(kind, group, window), dtype)
    assert_equal_to_naive(layer, torch.randn(2, 3, 4, 6, dtype=dtype))


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize(("kind", "options"), OPTIONS, ids=str)
def test_attention(kind, options, group, dtype):
    if kind == "table" and not group.exact:
        pytest.skip("a table needs an exact group")
    layer = build(lambda: attention(kind, group, **options), dtype)
    pooled = {1: (4, 6), 2: (4, 8), 3: (3, 6)}[options.get("kv_pool", 1)]
    size = (2, 4) if "sum_orientations" in options else pooled
    x = signal(group, layer.dim, dtype, size)
    assert_equal_to_naive(layer, x)
    assert_equal_in_inference(layer, x)


def test_far_offsets_of_a_table():
    """They share the border, which the small grids above do not reach."""
    layer = build(lambda: attention("table", CyclicGroup(4)), torch.float64)
    assert_equal_to_naive(layer, signal(CyclicGroup(4), layer.dim, torch.float64, (2, 11)))


@pytest.mark.parametrize("name", ["C1", "C4", "D4"])
@pytest.mark.parametrize("kind", MODELS)
def test_models(kind, name, dtype):
    config = EquivariantViTConfig(name, patch=(8, 4, 2), stages=MODELS[kind], classes=3)
    model = build(lambda: EquivariantViT(config), dtype)
    images = torch.randn(2, 3, 16, 32, dtype=dtype)
    assert_equal_to_naive(model, images)
    assert_equal_in_inference(model, images)


def test_nothing_of_the_library_is_left():
    model = EquivariantViT(EquivariantViTConfig("C4", stages=MODELS["hybrid"]))
    layers = [oracle.NAIVE.get(type(m), type(m)) for m in model.modules()]
    assert [type(m) for m in oracle.naive(model).modules()] == layers
    assert oracle.NAIVE.keys().isdisjoint(layers)


def test_encoder(dtype):
    vit = {"group": "C4", "stages": MODELS["hybrid"], "patch": (4, 4, 0)}
    encoder = build(lambda: LiftedEncoder(LiftedEncoderConfig(vit=vit)), dtype)
    assert_equal_to_naive(encoder, torch.rand(2, 3, 16, 32, dtype=dtype))


def test_it_trains():
    torch.manual_seed(0)
    model = oracle.naive(EquivariantViT(EquivariantViTConfig("C4", stages=MODELS["gcsa"])))
    images, optimiser = torch.randn(4, 3, 16, 16), torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        loss = (model(images) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[2] < losses[1] < losses[0]
