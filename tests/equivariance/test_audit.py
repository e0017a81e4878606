"""The audit finds what breaks a model, ours or any other, and leaves the model as it is."""

import copy
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from isotrope.equivariance import assert_equivariant, audit, equivariance_error, measure
from isotrope.equivariance.measure import describe
from isotrope.groups import CyclicGroup, DihedralGroup, group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT
from isotrope.nn import GroupConv, InvariantPool, LiftingConv

C4, D4 = CyclicGroup(4), DihedralGroup(4)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def images(rows=16, columns=24, batch=2):
    return torch.rand(batch, 3, rows, columns)


def our_vit(group="C4", **stage):
    stages = [Stage("gcsa", 1, 8, 2), Stage("gsa", 1, 16, 2, encoding="rotary", stride=2)]
    return EquivariantViT(EquivariantViTConfig(group, stages=stages, classes=5))


def plain_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


class PlainViT(nn.Module):
    """Patches by a convolution, a class token, absolute positions, and scores as a module."""

    def __init__(self, dim=16, patch=4, grid=(4, 4), position=True):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, patch, stride=patch)
        self.class_token = nn.Parameter(torch.randn(1, 1, dim))
        self.position = nn.Parameter(torch.randn(1, grid[0] * grid[1] + 1, dim) * position)
        self.norm, self.qkv = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim)
        self.softmax, self.out = nn.Softmax(dim=-1), nn.Linear(dim, dim)
        self.head = nn.Linear(dim, 4)

    def forward(self, image):
        x = self.embed(image).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_token.expand(len(x), -1, -1), x), dim=1) + self.position
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        scores = self.softmax(q @ k.transpose(-1, -2))
        x = x + self.out((scores @ v).transpose(1, 2).flatten(2))
        return self.head(x[:, 0])


def make_isotropic(conv):
    """A filter that no turn or mirror changes."""
    conv.double()  # in float32 the mean would be symmetric to 1e-8 only
    with torch.no_grad():
        turns = [D4.act_filter(h, conv.weight) for h in D4.elements]
        conv.weight.copy_(torch.stack(turns).mean(dim=0))


# equivariance_error and assert_equivariant -------------------------------------------------------


def test_the_error_is_what_it_says():
    conv, x = nn.Conv2d(3, 4, 3), torch.randn(1, 3, 5, 6)
    errors = equivariance_error(conv, x, C4)
    conv, x = conv.double(), x.double()
    for h in C4.elements:
        with torch.no_grad():
            expected, turned = C4.act_image(h, conv(x)), conv(C4.act_image(h, x))
        error = (turned - expected).abs().max() / expected.abs().max()
        assert errors[h] == pytest.approx(float(error), abs=1e-15)
    assert errors[0] == 0
    assert errors[1] > 0.1


def test_the_module_is_left_as_it_is():
    layer = nn.Sequential(LiftingConv(3, 4, 3, group=C4), nn.Dropout(0.5)).train()
    layer(torch.rand(1, 3, 6, 6)).sum().backward()
    before = copy.deepcopy(layer.state_dict())
    grads = [p.grad.clone() for p in layer.parameters()]
    assert max(equivariance_error(layer, torch.rand(1, 3, 6, 8), C4).values()) < 1e-10
    audit(layer, images(), C4)
    assert layer.training
    assert layer[1].training
    assert not any(m._forward_hooks for m in layer.modules())
    for name, tensor in layer.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name])
    assert all(map(torch.equal, grads, (p.grad for p in layer.parameters())))


def test_kinds_come_from_the_argument_then_the_module_then_the_shape():
    mean = Lambda(lambda x: x.mean(dim=(2, 3)))
    assert max(equivariance_error(mean, images(), C4).values()) < 1e-10  # 2 axes: invariant
    pooled = nn.AdaptiveAvgPool2d(1)
    assert max(equivariance_error(pooled, images(), C4, gives="invariant").values()) < 1e-10
    lifting = LiftingConv(3, 4, 3, padding=1, group=C4)
    assert max(equivariance_error(lifting, images(), C4).values()) < 1e-10  # declared
    with pytest.raises(ValueError, match="is not a signal lifted to"):
        equivariance_error(nn.Identity(), images(), C4, takes="lifted")


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("size", [(6, 10), (8, 8), (4, 16)])
def test_tokens_are_a_set_that_a_turn_permutes(size):
    class Encoder(nn.Module):
        takes, gives = "image", "tokens"

        def __init__(self, group):
            super().__init__()
            self.lifting = LiftingConv(3, 4, 2, stride=2, group=group)

        def forward(self, image):
            return {"loss": None, "last_hidden_state": self.lifting(image).flatten(1, 3)}

    assert_equivariant(Encoder(D4), images(*size), D4)


def test_outputs_that_are_no_tensor_stand_for_their_first():
    @dataclass
    class Output:
        labels: torch.Tensor
        hidden: tuple

    def both(x):
        return Output(x.argmax(dim=1), (x.mean(dim=(1, 2, 3))[:, None], x))

    assert max(equivariance_error(Lambda(both), images(), C4).values()) < 1e-10


def test_nan_other_shapes_and_chance_are_infinite_or_seen():
    nan = Lambda(lambda x: (x - x) / (x - x))
    assert equivariance_error(nan, images(), C4, gives="image")[0] == float("inf")
    columns = Lambda(lambda x: x[..., :16])
    assert equivariance_error(columns, images(16, 24), C4)[1] == float("inf")
    chance = Lambda(lambda x: x + torch.rand_like(x))
    assert equivariance_error(chance, images(), C4)[0] > 0.1


@pytest.mark.parametrize(
    ("module", "x", "kinds", "message"),
    [
        (Lambda(lambda x: x[0]), images(), {}, r"gives shape \(3, 16, 24\) and its kind cannot be"),
        (nn.Identity(), images()[0], {}, r"Identity takes shape .*; pass takes= one of 'image'"),
        (
            nn.Identity(),
            images(),
            {"gives": "vector"},
            "'vector' is not a kind; pass gives= one of",
        ),
        (Lambda(lambda x: None), images(), {}, "returns no floating-point tensor; wrap it"),
        (
            Lambda(lambda x: x.flatten(2).transpose(1, 2)[:, :7]),
            images(),
            {"gives": "tokens"},
            "7 tokens are not a whole number for each of the 4 elements",
        ),
    ],
)
def test_kinds_that_cannot_be_told_are_asked_for(module, x, kinds, message):
    with pytest.raises(ValueError, match=message):
        equivariance_error(module, x, C4, **kinds)


def test_assert_equivariant_names_element_error_and_tolerance():
    good = LiftingConv(3, 4, 3, group=C4)
    assert_equivariant(good, images(), C4)
    assert_equivariant(good, images(), C4, dtype=torch.float32)
    message = (
        r"Conv2d is not equivariant to DihedralGroup\(4\): error \d\.\d+e-?\d+ under a .*"
        r"\(element \d\), tolerance 1e-10"
    )
    with pytest.raises(AssertionError, match=message):
        assert_equivariant(nn.Conv2d(3, 4, 3), images(), D4)
    with pytest.raises(AssertionError, match="tolerance 1e-20"):
        assert_equivariant(good, images(), C4, tol=1e-20)
    between = LiftingConv(3, 4, 3, group=CyclicGroup(8))
    with pytest.raises(AssertionError, match="turns between pixels and is never exact"):
        assert_equivariant(between, images(), CyclicGroup(8))


@pytest.mark.parametrize("check", [equivariance_error, assert_equivariant, audit])
def test_a_group_may_be_given_by_its_name(check):
    layer, x = LiftingConv(3, 4, 3, group=C4), images()
    by_name, by_value = check(layer, x, "C4"), check(layer, x, C4)
    assert str(by_name) == str(by_value)
    with pytest.raises(ValueError, match="'Z4' is not a group; write C or D and a number"):
        check(layer, x, "Z4")


@pytest.mark.parametrize("check", [equivariance_error, assert_equivariant, audit])
@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ((images(), LiftingConv(3, 4, 3, group=C4), C4), "Tensor, LiftingConv, Group"),
        ((LiftingConv(3, 4, 3, group=C4), C4, images()), "LiftingConv, Group, Tensor"),
        ((LiftingConv, images(), C4), "type, Tensor, Group"),
        ((nn.Identity(), [1.0, 2.0], C4), "Identity, list, Group"),
        ((nn.Identity(), images(), 4), "Identity, Tensor, int"),
        ((nn.Identity(), images(), None), "Identity, Tensor, NoneType"),
    ],
)
def test_wrong_and_swapped_arguments_are_one_clear_error(check, arguments, given):
    message = rf"{check.__name__}\(.*\) takes an nn.Module, a Tensor and a Group .*, not {given}; "
    with pytest.raises(TypeError, match=message):
        check(*arguments)


def test_a_kind_in_the_place_of_the_tolerance_is_named():
    with pytest.raises(TypeError, match="tol='image' is not a number; give takes and gives by na"):
        assert_equivariant(nn.Identity(), images(), C4, "image")


@pytest.mark.parametrize("check", [equivariance_error, audit])
def test_a_device_without_float64_is_checked_on_the_cpu(check, monkeypatch):
    """No such device is here: the CPU is called one, and the move is seen."""
    moved = []

    class Moved(nn.Conv2d):
        def cpu(self):
            moved.append(type(self).__name__)
            return super().cpu()

    monkeypatch.setattr(measure, "WITHOUT_FLOAT64", {"cpu"})
    check(Moved(3, 4, 3), images(), C4)
    assert moved == ["Moved"]
    if check is equivariance_error:
        check(Moved(3, 4, 3), images(), C4, dtype=torch.float32)
        assert len(moved) == 1


def test_elements_in_words():
    words = [describe(D4, h) for h in (0, 1, 4, 6)]
    assert words == [
        "no turn",
        "a turn by 90 degrees",
        "a mirror",
        "a mirror and a turn by 180 degrees",
    ]


# audit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["C4", "D4"])
def test_our_vit_passes_with_every_layer_compared(group):
    model = our_vit(group) if group == "C4" else EquivariantViT(EquivariantViTConfig(group))
    report = audit(model, images(), model.group)
    assert report.ok, str(report)
    assert report.first_broken is None
    assert report.rows[-1].name == "(model)"
    assert report.rows[-1].kind == "invariant"
    rows = {row.name: row for row in report.rows}
    assert rows["stages.0.0.mixer.q_conv"].kind == "lifted"
    assert max(row.error for row in report.rows if row.error is not None) < 1e-12
    not_compared = {row.type for row in report.rows if row.error is None}
    assert not_compared <= {"Rotary"}
    assert report.verdict.startswith(f"equivariant to {model.group!r}: ")


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("encoding", ["mlp", "table"])
def test_tables_of_an_encoding_are_not_mistaken_for_signals(encoding, batch):
    stages = [Stage("gsa", 1, 8, 2, encoding=encoding, window=2)]
    model = EquivariantViT(EquivariantViTConfig(stages=stages))
    assert audit(model, images(batch=batch), C4).ok


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
def test_names_the_planted_layer(group):
    class Unturned(GroupConv):
        def turned(self, weight=None):
            return torch.stack([self.weight] * self.group.order)

    config = EquivariantViTConfig(group.name, stages=[Stage("conv", 3, 8)], classes=3)
    model = EquivariantViT(config)
    model.stages[0][1].mixer = Unturned(8, 8, 3, padding=1, group=group, depthwise=True)
    report = audit(model, images(), group)
    assert not report.ok
    assert report.first_broken.name == "stages.0.1.mixer"
    assert report.first_broken.type == "Unturned"
    assert report.first_broken.error > 1e-2
    assert "first broken at stages.0.1.mixer (Unturned), error " in report.verdict
    line = next(row for row in str(report).splitlines() if row.startswith("stages.0.1.mixer "))
    assert " !    under a" in line


def test_names_a_pool_on_an_odd_grid():
    """A max-pool on a 7x7 map alone breaks a model that is otherwise exact."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1))
    report = audit(model, images(7, 7), C4)
    assert report.first_broken.name == "1"
    assert audit(model, images(8, 8), C4).ok


@pytest.mark.parametrize("size", [(16, 16), (16, 24)])
def test_a_plain_cnn_is_broken_at_its_first_filter(size):
    report = audit(plain_cnn(), images(*size, batch=1), C4)
    assert not report.ok
    assert report.first_broken.name == "0"
    assert [row.kind for row in report.rows] == ["image"] * 4 + ["invariant"] * 3
    assert report.rows[0].error > 0.1
    # The convolution's own output was kept, though the next layer works in place.
    assert report.rows[0].error != report.rows[1].error


def test_an_isotropic_cnn_is_fine():
    model = plain_cnn()
    make_isotropic(model[0])
    assert audit(model, images(), D4).ok
    assert audit(model.to(memory_format=torch.channels_last), images(), D4).ok


@pytest.mark.parametrize("grid", [(4, 4), (4, 6)])
def test_a_plain_vit_is_broken_at_its_patches(grid):
    report = audit(PlainViT(grid=grid), images(4 * grid[0], 4 * grid[1]), C4)
    assert report.first_broken.name == "embed"
    kinds = {row.name: row.kind for row in report.rows}
    assert kinds["norm"] == kinds["out"] == "tokens"
    assert kinds["(model)"] == "invariant"
    assert all(row.error is not None for row in report.rows)


def test_a_vit_of_isotropic_patches_is_broken_by_its_positions_alone():
    model = PlainViT(grid=(4, 6))
    make_isotropic(model.embed)
    report = audit(model, images(), D4)
    assert report.first_broken.name == "norm"
    model.position.data.zero_()
    report = audit(model, images(), D4)
    assert report.ok
    assert {row.name: row.kind for row in report.rows}["softmax"] == "scores"


def test_a_model_of_transformers():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=4,
    )
    report = audit(transformers.ViTModel(config), images(16, 16), C4)
    assert report.first_broken.name == "embeddings.patch_embeddings.projection"
    assert report.rows[-1].kind == "tokens"


def test_a_refused_turn_is_reported_and_not_passed_over():
    class FixedSize(nn.Module):
        def forward(self, x):
            if x.shape[2:] != (16, 24):
                raise RuntimeError("expected 16x24\nsecond line")
            return x.mean(dim=(2, 3))

    report = audit(FixedSize(), images(16, 24), C4)
    assert report.refused == [1, 3]
    assert not report.ok
    assert report.first_broken is None
    assert report.notes[0] == (
        "the model refuses the images after a turn by 90 degrees (24x16 pixels): RuntimeError: "
        "expected 16x24; audit it with square images"
    )
    assert report.verdict.startswith("not shown to be equivariant to CyclicGroup(4): 1 outputs")


def test_a_model_that_refuses_the_upright_images_raises_its_own_error():
    with pytest.raises(RuntimeError, match="expected input"):
        audit(nn.Conv2d(4, 4, 3), images(), C4)


def test_outputs_of_no_known_kind_are_listed_and_not_counted():
    class Odd(nn.Module):
        def forward(self, x):
            return x.mean(dim=(1, 2, 3)).expand(7, -1)

    model = nn.Sequential(nn.Conv2d(3, 3, 1), Odd())
    report = audit(model, images(), C4)
    assert report.rows[1].error is None
    assert report.rows[1].note == "shape (7, 2) does not begin with the batch"
    assert not report.ok  # the end was not compared
    assert "not compared  shape (7, 2)" in str(report)
    assert "the model's own is not among them" in report.verdict


def test_a_module_that_runs_twice_has_two_rows():
    shared = nn.Conv2d(3, 3, 1)
    report = audit(nn.Sequential(shared, nn.ReLU(), shared), images(), C4)
    assert [row.name for row in report.rows] == ["0", "1", "0 (call 2)", "(model)"]


def test_a_plain_vit_of_ours_is_broken_to_a_group_that_it_lacks():
    model = EquivariantViT(EquivariantViTConfig("C1", stages=[Stage("gsa", 1, 8, 2)], classes=3))
    report = audit(model, images(), C4)
    assert report.first_broken.name == "embed"


def test_c8_is_judged_where_it_can_be_exact():
    group = CyclicGroup(8)
    model = nn.Sequential(LiftingConv(3, 4, 3, padding=1, group=group), InvariantPool())
    report = audit(model, images(12, 12), group)
    assert report.ok
    assert report.rows[0].error < 1e-12
    assert report.rows[0].between > 1e-2
    assert report.notes[0].startswith("CyclicGroup(8) turns between pixels")
    assert "between pixels" in str(report).splitlines()[1]


@pytest.mark.parametrize("group", [CyclicGroup(8), DihedralGroup(8), DihedralGroup(3)], ids=repr)
def test_the_verdict_claims_no_element_between_pixels(group):
    model = nn.Sequential(LiftingConv(3, 4, 3, padding=1, group=group), InvariantPool())
    report = audit(model, images(12, 12), group)
    assert report.ok
    worst = max(report.rows, key=lambda row: row.between)
    assert report.verdict.startswith(
        f"equivariant to the elements of {group!r} that permute pixels; between pixels the worst "
        f"error is {worst.between:.1e} at {worst.name}: 3 outputs compared"
    )
    assert f"equivariant to {group!r}" not in report.verdict
    broken = audit(plain_cnn(), images(12, 12), group)
    assert broken.verdict.startswith("not equivariant to the elements of")
    assert "; between pixels the worst error is" in broken.verdict


def test_a_group_whose_identity_alone_permutes_pixels_is_not_judged():
    group = CyclicGroup(3)
    model = nn.Sequential(LiftingConv(3, 4, 3, padding=1, group=group), InvariantPool())
    report = audit(model, images(12, 12), group)
    assert not report.ok
    assert report.first_broken is None
    assert report.verdict.startswith(
        "nothing shown: of the elements of CyclicGroup(3) that permute pixels there is the "
        "identity alone; between pixels the worst error is"
    )
    assert audit(plain_cnn(), images(12, 12), CyclicGroup(1)).ok  # no other element there


def test_usual_errors_between_pixels_are_as_the_note_says():
    group = CyclicGroup(8)
    layer = LiftingConv(3, 8, 3, padding=1, group=group)
    rows, columns = torch.meshgrid(*[torch.arange(32.0) - 15.5] * 2, indexing="ij")
    bump = torch.exp(-(rows**2 + columns**2) / 60).expand(2, 3, -1, -1)
    noise, smooth = audit(layer, images(32, 32), group), audit(layer, bump, group)
    assert 0.5 < noise.rows[0].between < 1.5
    assert 0.01 < smooth.rows[0].between < 0.1
    assert "0.5 to 1.5 are usual on noise, of 0.01 and more on smooth images" in noise.notes[0]


# A model of another group ------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["C2", "D4", "C8"])
def test_what_is_lifted_to_another_group_is_not_compared(group):
    model, group = our_vit("C4"), group_from_name(group)
    report = audit(model, images(16, 16), group)
    rows = {row.name: row for row in report.rows}
    note = f"lifted to CyclicGroup(4), not {group!r}"
    for name in ("embed", "embed_norm", "stages.0.0", "stages.0.0.mlp", "norm"):
        assert rows[name].error is None
        assert rows[name].note == note
    assert rows["(model)"].kind == "invariant"
    assert f"outputs {note}; audit with CyclicGroup(4)" in report.verdict


def test_a_lifted_signal_of_the_same_number_of_orientations_is_not_mistaken():
    report = audit(LiftingConv(3, 4, 3, group=D4), images(16, 16), CyclicGroup(8))
    assert report.rows[0].note == "lifted to DihedralGroup(4), not CyclicGroup(8)"


def test_the_group_of_an_encoder_is_found_inside_it():
    pytest.importorskip("transformers")
    from isotrope.ocr.gsanet.encoder import LiftedEncoder, LiftedEncoderConfig

    stages = [{"mixer": "gcsa", "depth": 1, "dim": 8}]
    encoder = LiftedEncoder(LiftedEncoderConfig(vit={"group": "C4", "stages": stages}))
    report = audit(encoder, images(16, 24), CyclicGroup(2))
    assert report.rows[-1].error is None
    assert report.rows[-1].note == "lifted to CyclicGroup(4), not CyclicGroup(2)"
    assert report.first_broken is None
    assert not report.ok
    assert "audit with CyclicGroup(4)" in report.verdict
    assert audit(encoder, images(16, 24), C4).ok


def test_tokens_lifted_to_c1_are_plain_tokens():
    pytest.importorskip("transformers")
    from isotrope.ocr.gsanet.encoder import LiftedEncoder, LiftedEncoderConfig

    stages = [{"mixer": "gcsa", "depth": 1, "dim": 8}]
    encoder = LiftedEncoder(LiftedEncoderConfig(vit={"group": "C1", "stages": stages}))
    report = audit(encoder, images(16, 24), C4)
    assert report.first_broken.name == "vit.embed"
    assert report.rows[-1].kind == "tokens"


class Two(nn.Module):
    """Returns an image, and vectors that do not turn."""

    takes = "image"

    def __init__(self, gives):
        super().__init__()
        self.gives = gives

    def forward(self, x):
        return x, x[:, :2]


def test_each_output_is_compared_as_the_kind_declared_for_it():
    report = audit(Two(("image", "vectors")), images(), C4)
    assert [(row.name, row.kind) for row in report.rows] == [
        ("(model).0", "image"),
        ("(model).1", "vectors"),
    ]
    assert report.first_broken.name == "(model).1"
    assert max(equivariance_error(Two(("image", "vectors")), images(), C4).values()) > 0.1
    assert audit(Two(("image", "image")), images(), C4).ok


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (("image", "arrows"), "Two gives 'arrows', which is not a kind; declare some of 'image'"),
        (("image",), r"does not return a tuple of 1 tensors; declare one kind for each"),
    ],
)
@pytest.mark.parametrize("check", [equivariance_error, audit])
def test_wrong_declarations_are_one_clear_error(check, gives, message):
    with pytest.raises(ValueError, match=message):
        check(Two(gives), images(), C4)


def test_chance_is_named():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    report = audit(nn.Sequential(nn.Conv2d(3, 3, 1), Noisy()), images(), CyclicGroup(1))
    assert report.first_broken.name == "1"
    assert "under no turn" in report.verdict


def test_images_must_be_a_batch():
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) is not an image batch; give \(B, C, H, W\)"):
        audit(nn.Identity(), torch.rand(3, 8, 8), C4)


def test_audit_is_a_function_whatever_was_imported_before():
    code = (
        "import isotrope.equivariance.report; from isotrope import audit; print(audit.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "isotrope.equivariance.auditing"
