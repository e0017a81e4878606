import numpy as np

from isotrope.ocr.translation.pieces import SIZE, gathered, spans


def cut(text):
    return [text[first:end] for first, end in spans(text)]


def test_words_signs_and_final_apostrophes_are_pieces_and_spaces_are_not():
    assert cut("L'arbre  que j’ai vu, n'est-ce pas ?") == [
        *("L'", "arbre", "que", "j’", "ai", "vu", ",", "n'", "est", "-", "ce", "pas", "?"),
    ]


def test_long_words_are_cut():
    assert cut("Donaudampfschiffe") == ["Donaudam", "pfschiff", "e"]


def test_a_text_without_words_has_no_pieces():
    assert spans("  ") == []
    assert gathered(np.ones((2, 3)), "  ").shape == (0, SIZE, 3)


def test_features_go_to_their_piece_and_place():
    features = np.arange(5, dtype=np.float32)[:, None] + 1
    pieces = gathered(features, "ab c!")
    assert pieces.shape == (3, SIZE, 1)
    assert pieces[:, :2, 0].tolist() == [[1, 2], [4, 0], [5, 0]]
    assert not pieces[:, 2:].any()
