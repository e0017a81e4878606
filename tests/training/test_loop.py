"""What every training loop shares."""

from isotrope.training.loop import keep_model


class Model:
    def save_pretrained(self, folder):
        (folder / "config.json").write_text("new")


def test_a_folder_left_by_a_killed_run_brings_nothing_into_the_model(tmp_path):
    (tmp_path / "model.tmp").mkdir()
    (tmp_path / "model.tmp" / "stale.json").touch()
    for _ in range(2):
        keep_model(Model(), tmp_path / "model")
        assert [file.name for file in (tmp_path / "model").iterdir()] == ["config.json"]
