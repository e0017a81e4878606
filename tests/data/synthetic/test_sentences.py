"""Running text: lengths, word borders, formats, and errors that name the remedy."""

import gzip
import zipfile

import numpy as np
import pytest

from isotrope.data.synthetic.sentences import Sentences, read_corpus

TEXT = "„Er ſagte es ihr nicht,“ schrieb sie; und doch wußte sie längst davon.\nZwei.\n\n"


@pytest.fixture
def paths(tmp_path):
    plain, packed, pairs = (tmp_path / name for name in ("a.txt", "b.txt.gz", "c.zip"))
    plain.write_text(TEXT, encoding="utf-8")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    with zipfile.ZipFile(pairs, "w") as archive:
        archive.writestr("x/fra.txt", "Go.\tVa !\tby someone\nRun!\tCours !\tby someone\n")
        archive.writestr("x/_about.txt", "a\tnote")
        archive.writestr("__MACOSX/._fra.txt", b"\xa2")
    return plain, packed, pairs


def test_pieces_are_whole_words_within_the_limit(paths):
    source, rng = Sentences(paths[:1], max_characters=24), np.random.default_rng(0)
    pieces = {source.draw(rng) for _ in range(300)}
    words = set(TEXT.split())
    assert len(pieces) > 20
    for piece in pieces:
        assert 1 <= len(piece) <= 24
        assert piece == piece.strip()
        whole = piece.split()[:-1] if piece.endswith("-") else piece.split()
        assert set(whole) <= words
    assert any(piece.endswith("-") for piece in pieces)
    assert "Zwei." in pieces


def test_plain_and_packed_files_are_alike(paths):
    assert read_corpus(str(paths[0])) == read_corpus(str(paths[1]))


def test_each_side_of_a_pair_is_a_text(paths):
    assert read_corpus(str(paths[2])).paragraphs == ["Go.", "Va !", "Run!", "Cours !"]


def test_words_are_of_the_text(paths):
    source, rng = Sentences(paths), np.random.default_rng(0)
    assert all(" " not in source.word(rng) for _ in range(50))


def test_a_generator_of_the_same_state_draws_the_same(paths):
    source = Sentences(paths)
    first, second = (np.random.default_rng(7) for _ in range(2))
    assert [source.draw(first) for _ in range(20)] == [source.draw(second) for _ in range(20)]


def test_errors_name_the_remedy(tmp_path):
    rng, empty, foreign = np.random.default_rng(0), tmp_path / "e.txt", tmp_path / "f.txt"
    empty.write_text(" \n")
    foreign.write_text("αβγδ\n", encoding="utf-8")
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="paths is empty"):
        Sentences([])
    with pytest.raises(ValueError, match="max_characters=2"):
        Sentences([empty], max_characters=2)
    for name, message in (
        ("e.txt", "has no text"),
        ("f.txt", "no text of known characters"),
        ("g.txt", "give UTF-8 text"),
        ("h.txt", "is no file"),
    ):
        with pytest.raises(ValueError, match=message):
            Sentences([tmp_path / name]).draw(rng)
