import pytest

from isotrope.data.parallel import load_pairs, split_pairs


def test_pairs_by_source_each_once_and_clean(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("Va !\tGo.\tCC BY\nVa  !\tRun.\n\nVa !\tGo.\n", encoding="utf-8")
    assert load_pairs(path) == {"Va !": ("Go.", "Run.")}


@pytest.mark.parametrize("line", ["no tab", "\tGo.", "Va !\t"])
def test_a_line_without_both_sides_is_refused(tmp_path, line):
    path = tmp_path / "pairs.tsv"
    path.write_text(f"a\tb\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2 is not SOURCE<TAB>TARGET"):
        load_pairs(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        load_pairs(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes("é\tb\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        load_pairs(tmp_path / "latin.tsv")


def test_no_held_out_sentence_or_translation_is_trained_on():
    pairs = {f"phrase {n}": (f"sentence {n // 3}", f"other {n}") for n in range(300)}
    train, held = split_pairs(pairs, 10)
    assert 10 < len(held) < 60
    assert not train.keys() & held.keys()
    trained = {target for targets in train.values() for target in targets}
    assert not trained & {target for targets in held.values() for target in targets}


def test_spellings_of_one_sentence_stay_together():
    pairs = {}
    for n in range(200):
        pairs |= {f"J'ai {n}.": (f"I have {n}.",), f"j’ai {n}": (f"I have {n}!",)}
    train, held = split_pairs(pairs, 4)
    assert len(held) % 2 == 0
    assert len(train) + len(held) == len(pairs)
    assert held


def test_the_split_stays_when_pairs_are_added():
    pairs = {f"phrase {n}": (f"sentence {n}",) for n in range(100)}
    _, held = split_pairs(pairs, 5)
    _, more = split_pairs(pairs | {"another": ("one",)}, 5)
    assert held.keys() <= more.keys()
