"""The recogniser reads the same whichever way up: by construction, so with random weights too."""

import copy
import tomllib
from pathlib import Path

import pytest
import torch

from isotrope.equivariance import audit, equivariance_error
from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet.encoder import LiftedEncoder, standardize
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.recognition.ctc import geometric_mean
from isotrope.text.charset import CHARSET
from isotrope.text.tokens import BOS, EOS, PAD, SPECIAL

RECIPE = Path(__file__).parents[3] / "recipes" / "recognizer.toml"


def config(group="C4", encoding="rotary"):
    stages = [
        Stage("conv", 0, 4),
        Stage("conv", 1, 8, stride=2),
        Stage("gsa", 1, 24, 2, encoding=encoding, stride=2),
    ]
    return EquivariantViTConfig(group, patch=(4, 2, 1), stages=stages)


def build(group="C4", encoding="rotary", seed=0, **options):
    torch.manual_seed(seed)
    options = {"dim": 32, "layers": 2, "heads": 2, "max_characters": 12, **options}
    model = Recognizer.from_config(config(group, encoding), **options).eval()
    with (
        torch.no_grad()
    ):  # transformers' own initial weights are so small that all logits are equal
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def recognizer():
    return build()


@pytest.fixture
def pixels():
    return torch.rand(2, 3, 16, 40, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("encoding", ["rotary", "mlp"])
def test_logits_are_the_same_at_every_turn(group, encoding, pixels):
    model, group = build(group, encoding).double(), group_from_name(group)
    written = torch.tensor([[BOS, 7, 9, 30], [BOS, 80, 11, 12]])
    with torch.no_grad():
        upright = model(pixel_values=pixels.double(), decoder_input_ids=written).logits
        assert upright.std(dim=-1).min() > 1e-2  # it does say something
        for h in group.elements:
            turned = group.act_image(h, pixels.double())
            logits = model(pixel_values=turned, decoder_input_ids=written).logits
            assert (logits - upright).abs().max() / upright.abs().max() < 1e-9


def test_a_turn_permutes_the_tokens_of_the_encoder(recognizer, pixels):
    group, encoder = recognizer.group, recognizer.encoder
    assert max(equivariance_error(encoder, pixels, group).values()) < 1e-10  # declared: "tokens"
    report = audit(encoder, pixels, group)
    assert report.ok, str(report)
    tokens = encoder(pixels).last_hidden_state
    assert tokens.shape == (2, 4 * 2 * 5, 24)  # |G| * H/8 * W/8
    assert torch.equal(encoder(pixels, return_dict=False)[0], tokens)


def test_no_order_of_the_tokens_changes_the_logits(pixels):
    """The cross-attention has no encoder positions: the tokens are a set."""
    model = build().double()
    written = torch.tensor([[BOS, 7, 9]]).expand(2, -1)
    with torch.no_grad():
        tokens = model.encoder(pixels.double()).last_hidden_state
        shuffled = tokens[:, torch.randperm(tokens.shape[1])]
        logits = [
            model.decoder(input_ids=written, encoder_hidden_states=t).logits
            for t in (tokens, shuffled)
        ]
    torch.testing.assert_close(*logits, rtol=0, atol=1e-10)


@pytest.mark.parametrize("beams", [1, 4])
def test_reads_the_same_text_and_the_turn_itself(recognizer, pixels, beams):
    texts, confidence, orientation, characters = recognizer.read(pixels, beams)
    assert [len(each) for each in characters] == [len(text) for text in texts]
    assert any(texts)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    for quarter in (1, 2, 3):
        turned = recognizer.group.act_image(quarter, pixels)
        again, sure, degrees, _ = recognizer.read(turned, beams)
        assert again == texts
        torch.testing.assert_close(sure, confidence, rtol=1e-3, atol=1e-30)
        assert torch.equal(degrees, (orientation + 90 * quarter) % 360)


@pytest.mark.parametrize("beams", [1, 4])
def test_reads_each_image_of_a_batch_as_alone(recognizer, pixels, beams):
    together = recognizer.read(pixels, beams)
    for i in range(2):
        text, confidence, orientation, _ = recognizer.read(pixels[i : i + 1], beams)
        assert text == together[0][i : i + 1]
        torch.testing.assert_close(confidence, together[1][i : i + 1], rtol=1e-3, atol=1e-30)
        assert torch.equal(orientation, together[2][i : i + 1])


def test_without_columns_read_is_the_greedy_argmax_of_forward(pixels):
    recognizer = build(columns=False)
    texts, confidence, _, (characters,) = recognizer.read(pixels[:1])
    written, probabilities = torch.tensor([[BOS]]), []
    with torch.no_grad():
        for _ in range(recognizer.config.max_characters + 1):
            logits = recognizer(pixel_values=pixels[:1], decoder_input_ids=written).logits
            log_p, token = logits[:, -1].log_softmax(-1).max(dim=-1)
            written = torch.cat((written, token[:, None]), dim=1)
            probabilities.append(float(log_p.exp()))
            if token == EOS:
                break
    assert texts == recognizer.decode_text(written[:, 1:])
    assert float(confidence) == pytest.approx(geometric_mean(probabilities), rel=1e-3)
    kept = [p for p, t in zip(probabilities, written[0, 1:].tolist(), strict=True) if t >= SPECIAL]
    assert characters == pytest.approx(kept, rel=1e-3)


@pytest.mark.parametrize("beams", [1, 4])
def test_columns_have_a_say_in_what_is_read(recognizer, pixels, beams):
    alone = copy.deepcopy(recognizer)
    alone.columns = None
    assert alone.read(pixels, beams)[0] != recognizer.read(pixels, beams)[0]


def test_a_folder_without_columns_loads_without(pixels, tmp_path):
    build(columns=False).save_pretrained(tmp_path)
    again = Recognizer.from_pretrained(tmp_path).eval()
    assert again.columns is None
    assert again.read(pixels)[0] == build(columns=False).read(pixels)[0]


def test_saved_and_loaded_it_is_the_same_bit_for_bit(recognizer, pixels, tmp_path):
    recognizer.save_pretrained(tmp_path)
    again = Recognizer.from_pretrained(tmp_path).eval()
    saved, loaded = recognizer.state_dict(), again.state_dict()
    assert saved.keys() == loaded.keys()
    assert any(name.endswith("encoding.turn") for name in saved)
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)
    # Buffers too, also those that no file holds: transformers leaves them uninitialised.
    buffers = dict(again.named_buffers())
    for name, buffer in recognizer.named_buffers():
        assert torch.equal(buffer, buffers[name]), name
    assert again.config.charset == recognizer.config.charset
    assert again.read(pixels)[0] == recognizer.read(pixels)[0]
    assert max(equivariance_error(again.encoder, pixels, again.group).values()) < 1e-10


def test_the_encoder_loads_by_itself(recognizer, pixels, tmp_path):
    recognizer.encoder.save_pretrained(tmp_path)
    encoder = LiftedEncoder.from_pretrained(tmp_path).eval()
    expected = recognizer.encoder(pixels).last_hidden_state
    assert torch.equal(encoder(pixels).last_hidden_state, expected)


def test_the_loss_learns_through_encoder_and_decoder(pixels):
    model = build(dropout=0.0, columns=False).train()  # whose loss is another
    labels = model.encode_text(["ab", "c"])
    model(pixel_values=pixels, labels=labels).loss.backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert all("k_proj.bias" in name or "embed_positions" in name for name in without), without


def test_standardize_takes_away_brightness_and_contrast():
    pixels = torch.rand(2, 3, 8, 12)
    out = standardize(pixels)
    torch.testing.assert_close(out.mean(dim=(1, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(standardize(0.5 * pixels + 0.3), out, rtol=0.2, atol=0.1)
    assert standardize(torch.full((1, 3, 4, 4), 0.7)).abs().max() < 1e-3  # blank, not divided by 0


def test_text_and_tokens(recognizer):
    labels = recognizer.encode_text(["Aſ 1", "", "é"])
    assert labels.shape == (3, 5)
    assert labels[1].tolist() == [EOS, -100, -100, -100, -100]
    rows = labels.masked_fill(labels == -100, PAD)
    assert recognizer.decode_text(rows) == ["Aſ 1", "", "é"]
    assert recognizer.decode_text(torch.tensor([[BOS, 3, PAD, 4]])) == [CHARSET[:2]]  # no end
    assert recognizer.encode_text([]).shape == (0, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.encode_text(["a漢b"]),
            "'a漢b' has .'漢'., .* charset of this model; leave them",
        ),
        (lambda m: m.encode_text(["a" * 13]), "has 13 characters; this model writes up to 12: cut"),
        (lambda m: build(charset="aba"), "charset has 'a' twice; give each once"),
        (
            lambda m: build(image_height=20),
            "image_height=20 is not a multiple of 8, which the encoder's .* need; try 16",
        ),
        (
            lambda m: m.read(torch.rand(1, 3, 16, 36)),
            "size .* breaks equivariance: .*resize or pad",
        ),
        (lambda m: m.read(torch.rand(1, 1, 16, 32)), r"is not an image batch; give \(B, 3, H, W\)"),
    ],
)
def test_errors_name_value_rule_and_remedy(recognizer, call, message):
    with pytest.raises(ValueError, match=message):
        call(recognizer)


def test_the_shipped_recipe_is_small_and_exact():
    recipe = tomllib.loads(RECIPE.read_text())["model"]
    torch.manual_seed(0)
    model = Recognizer.from_config(EquivariantViTConfig(**recipe["encoder"]), **recipe["decoder"])
    assert sum(p.numel() for p in model.parameters()) <= 8_000_000
    errors = equivariance_error(model.encoder, torch.rand(1, 3, 32, 48), model.group)
    assert max(errors.values()) < 1e-10
