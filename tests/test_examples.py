"""The examples run, and show what they say."""

import subprocess
import sys
from pathlib import Path

import torch

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer

EXAMPLES = Path(__file__).parents[1] / "examples"
APPENDIX, SOUP = EXAMPLES / "appendix.py", EXAMPLES / "soup.py"


def test_the_appendix_shows_which_encoding_holds(tmp_path):
    picture = tmp_path / "appendix.png"
    command = [sys.executable, str(APPENDIX), "--out", str(picture), "--depth", "2"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    errors = {line.split(":")[0]: [float(e) for e in line.split(":")[1].split()] for line in lines}
    assert len(errors) == 4
    for name, values in errors.items():
        assert len(values) == 2
        if "corrected" in name:
            assert max(values) < 1e-10
        else:
            assert min(values) > 1e-2
    assert picture.stat().st_size > 1000


def test_a_soup_lies_between_its_two(tmp_path):
    vit = EquivariantViTConfig("C4", patch=(4, 4, 0), stages=[Stage("conv", 1, 8, kernel_size=3)])
    names = "first", "second", "soup"
    for seed, name in enumerate(names[:2]):
        torch.manual_seed(seed)
        model = Recognizer.from_config(vit, dim=16, layers=1, heads=2, max_characters=8)
        model.save_pretrained(tmp_path / name)
    folders = [str(tmp_path / name) for name in names]
    subprocess.run([sys.executable, str(SOUP), *folders, "--share", "0.25"], check=True)
    first, second, soup = (load_recognizer(Path(folder)).state_dict() for folder in folders)
    for name, weight in soup.items():
        torch.testing.assert_close(weight, 0.75 * first[name] + 0.25 * second[name])
    assert any((first[name] - second[name]).abs().max() > 0.01 for name in soup)
