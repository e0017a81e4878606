"""What every training loop shares."""

from torch import nn

from isotrope.training.loop import decayed, keep_model


class Model:
    def save_pretrained(self, folder):
        (folder / "config.json").write_text("new")


def test_a_folder_left_by_a_killed_run_brings_nothing_into_the_model(tmp_path):
    (tmp_path / "model.tmp").mkdir()
    (tmp_path / "model.tmp" / "stale.json").touch()
    for _ in range(2):
        keep_model(Model(), tmp_path / "model")
        assert [file.name for file in (tmp_path / "model").iterdir()] == ["config.json"]


def test_parameters_are_grouped_by_decay_and_speed():
    model = nn.ModuleDict({"lora_A": nn.Linear(2, 3), "lora_B": nn.Linear(3, 2)})

    def named(faster):
        names = {id(p): name for name, p in model.named_parameters()}
        return [
            ([names[id(p)] for p in group.pop("params")], group)
            for group in decayed(model, 0.1, faster)
        ]

    plain = [
        (["lora_A.weight", "lora_B.weight"], {"weight_decay": 0.1}),
        (["lora_A.bias", "lora_B.bias"], {"weight_decay": 0.0}),
    ]
    assert named({}) == named({"lora_B": 1.0}) == plain
    assert named({"lora_B": 4.0}) == [
        (["lora_A.weight"], {"weight_decay": 0.1}),
        (["lora_A.bias"], {"weight_decay": 0.0}),
        (["lora_B.weight"], {"weight_decay": 0.1, "speed": 4.0}),
        (["lora_B.bias"], {"weight_decay": 0.0, "speed": 4.0}),
    ]
