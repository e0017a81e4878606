"""The U-Net of the comparison, and what the study says of instances."""

import numpy as np
import pytest
import torch

pytest.importorskip("skimage", reason="watersheds are scikit-image's")
pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

import nuclei
import nuclei_report
from isotrope.data.instances import LabeledInstances
from isotrope.jobs.locking import locked
from isotrope.models.segmenter import Segmenter
from unet import UNet


def test_all_rows_have_about_as_many_parameters():
    counts = {"unet": sum(p.numel() for p in UNet(nuclei.CHANNELS).parameters())}
    for row in ("d4", "c4"):
        model = Segmenter(nuclei.recipe_of(row, 0).model.config())
        counts[row] = sum(p.numel() for p in model.parameters())
    assert max(counts.values()) / min(counts.values()) < 1.05


def test_a_unet_is_not_equivariant_and_its_average_over_turns_is():
    torch.manual_seed(0)
    network = UNet(4).eval()
    image = torch.randint(0, 255, (3, 24, 40), dtype=torch.uint8)
    test = [LabeledInstances("a", image, np.eye(24, 40, dtype=np.int32))]
    alone, averaged = (nuclei.tested(m, test) for m in (network, nuclei.Averaged(network).eval()))
    assert alone["moved"] > 1e-3
    assert averaged["moved"] < 1e-4
    assert averaged["same"] == averaged["agreement"] == 1
    assert alone["images"] == 1
    network.group = nuclei.D4  # the least copy is read
    least = nuclei.tested(network, test)
    assert least["same"] == 1
    assert least["moved"] > 1e-3


def test_instances_are_identical_whatever_their_numbers():
    labels = np.array([[1, 1, 0, 2], [3, 3, 0, 2]])
    assert nuclei.identical(labels, np.array([[7, 7, 0, 1], [2, 2, 0, 1]]))
    assert not nuclei.identical(labels, np.array([[7, 7, 0, 1], [7, 7, 0, 1]]))
    assert not nuclei.identical(labels, np.array([[1, 1, 0, 2], [3, 3, 2, 2]]))
    image = nuclei_report.colored(np.array([[1, 1, 0, 2], [3, 3, 2, 2]]), labels)
    red = (image[..., 0] > 2 * image[..., 1]).tolist()
    assert red == [[False, False, False, True], [False, False, True, True]]


def test_the_table_has_a_row_for_each_model():
    scores = {"ap50": 0.8, "ap": 0.5, "aji": 0.7, "ap50_turned": 0.8, "same": 1, "agreement": 1}
    line = {"parameters": "1000", "moved": "1e-06"} | scores
    lines = [{"row": "d4", **line}, {"row": "d4", **line, "ap50": 0.9}, {"row": "unet", **line}]
    rows = nuclei_report.rows_of(lines, {"d4": 310.4}).splitlines()
    assert rows[2].startswith("| d4 | 1,000 | 310 | 2 | 0.850 ± 0.050 | 0.500 |")
    assert rows[3].startswith("| unet | 1,000 |  | 1 | 0.800 | 0.500 |")


def test_a_run_that_another_process_has_is_left_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(nuclei, "RUNS", tmp_path)
    (tmp_path / "d4-0").mkdir()
    with locked(tmp_path / "d4-0" / "lock"):
        nuclei.finish("d4", 0, tmp_path / "missing", [])
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        nuclei.finish("d4", 0, tmp_path / "missing", [])
