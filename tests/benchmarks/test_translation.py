import json

import pytest


@pytest.fixture(scope="module")
def translation():
    import translation

    return translation


def test_an_interrupted_run_translates_only_the_rest(translation, tmp_path, capsys):
    path, asked = tmp_path / "benchmark" / "fr-one.json", []

    def system(number):
        asked.append(number)
        return [f"line {number}"] * 4

    translation.resumed(path, 2, system)
    assert translation.resumed(path, 3, system) == [[f"line {n}"] * 4 for n in range(3)]
    assert asked == [0, 1, 2]
    assert len(json.loads(path.read_text(encoding="utf-8"))) == 3


def test_tatoeba_pairs_are_split_over_all_languages(tmp_path, monkeypatch, capsys):
    import zipfile

    import tatoeba
    from isotrope.data.parallel import load_pairs

    monkeypatch.setattr(tatoeba, "EVERY", 10)
    for name, prefix in (("fr", "phrase"), ("de", "satz")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            rows = [f"sentence {n}\t{prefix} {n}" for n in range(200)]
            archive.writestr(f"{name}/{name}.txt", "\n".join(rows))
            archive.writestr(f"{name}/_about.txt", "x")
    archives = [f"{name}={tmp_path / name}.zip" for name in ("fr", "de")]
    monkeypatch.setattr("sys.argv", ["tatoeba.py", *archives, "--out", str(tmp_path / "out")])
    tatoeba.main()
    train, fr, de = (
        load_pairs(tmp_path / "out" / f"{n}.tsv") for n in ("train", "test-fr", "test-de")
    )
    assert fr
    assert de
    held = {target for part in (fr, de) for targets in part.values() for target in targets}
    assert not held & {target for targets in train.values() for target in targets}
