"""transformers' pipelines read what the `Reader` reads."""

import shutil
from pathlib import Path
from shutil import ignore_patterns

import pytest
from peft import PeftModel
from transformers import AutoModel, pipeline

import isotrope.auto  # noqa: F401
from isotrope import Reader
from isotrope.io.images import load_pixels
from isotrope.io.resize import turn
from isotrope.ocr.loading import shipped
from isotrope.ocr.pretrained.pipeline import reader_of

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("*.png"))[3:8]
TURNED = [turn(load_pixels(sample), degrees) for sample in SAMPLES for degrees in (0, 90)]
peft_warns = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")


def assert_same(found, readings, tolerance=1e-5):
    """Each found by a pipeline, against what the reader says."""
    assert len(found) == len(readings)
    for (one,), reading in zip(found, readings, strict=True):
        assert one["generated_text"] == reading.text != ""
        assert one["score"] == pytest.approx(reading.confidence, abs=tolerance)
        assert one["orientation"] == reading.orientation


def test_the_shipped_model_reads_as_the_reader():
    read = pipeline("text-recognition", str(shipped("small")), device="cpu")
    assert_same(read(TURNED), Reader.from_pretrained().read(TURNED))
    assert read(str(SAMPLES[0])) == read(TURNED[0])


def test_the_papers_model_reads_as_the_reader():
    read = pipeline("text-recognition", str(shipped("recognizer")), device="cpu")
    reader = Reader.from_pretrained(engine="gsanet", runtime="torch")
    assert_same(read(TURNED[:2]), reader.read(TURNED[:2]))
    assert_same(
        read(TURNED[:2], beams=3), Reader(type(reader.engine)(read.model, 3)).read(TURNED[:2])
    )


@peft_warns
@pytest.mark.parametrize(("folder", "engine"), [("small", "isotrope"), ("recognizer", "gsanet")])
def test_a_shipped_adapter_reads_as_in_the_reader(folder, engine, tmp_path):
    place, adapter = shipped(folder), tmp_path / "typescript"
    # peft takes the matrices alone, not the language model that the reader decides with.
    shutil.copytree(place / "adapters/typescript", adapter, ignore=ignore_patterns("language.*"))
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(place), adapter)
    read = pipeline("text-recognition", model=model, device="cpu")
    options = {"runtime": "torch"} if engine == "gsanet" else {}
    base = Reader.from_pretrained(engine=engine, **options)
    found = read(TURNED[:4])
    assert_same(found, base.with_adapter(adapter).read(TURNED[:4]), 1e-4)
    plain = [reading.confidence for reading in base.read(TURNED[:4])]
    assert [one["score"] for (one,) in found] != pytest.approx(plain, abs=1e-3)


def test_the_successor_of_image_to_text():
    read = pipeline("image-text-to-text", str(shipped("small")), device="cpu")
    (found,) = read(str(SAMPLES[0]), text="")
    assert found["generated_text"] == "background."


def test_beams_are_for_the_papers_model():
    read = pipeline("text-recognition", str(shipped("tiny")), device="cpu")
    with pytest.raises(ValueError, match="beams=3: a line recognizer follows no beams"):
        read(TURNED[0], beams=3)


@peft_warns
def test_its_engine_keeps_its_adapter():
    place = shipped("small")
    model = AutoModel.from_pretrained(place)
    plain = reader_of(model)
    assert plain.with_adapter(None).engine is plain.engine
    adapted = reader_of(PeftModel.from_pretrained(model, place / "adapters/fraktur"))
    for reader, adapter in ((plain, "fraktur"), (adapted, None)):
        with pytest.raises(ValueError, match="a TorchLines keeps its adapter; load an engine with"):
            reader.with_adapter(adapter)
