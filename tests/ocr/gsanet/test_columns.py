"""Joint CTC and attention: against all paths written out, torch's CTC, and turns of the image."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from isotrope.groups import group_from_name
from isotrope.ocr.gsanet.columns import BLANK, ColumnSearch, all_columns, log_columns
from isotrope.ocr.gsanet.decoding import Alphabet, decode

END, SILENT, A, B = 2, 3, 4, 5
VOCABULARY = 6


def random_columns(images=1, orientations=1, length=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shape = images, orientations, length, VOCABULARY
    return torch.randn(shape, generator=draw, dtype=torch.float64).log_softmax(-1)


def spelled(path):
    """The text of a path through the columns: repeats are one, blanks are none."""
    kept = [c for c, before in zip(path, (BLANK, *path), strict=False) if c != before]
    return tuple(c for c in kept if c != BLANK)


def by_paths(log_p, text, prefix):
    """Probability of all paths of `(T, V)` that spell the text, or begin with it."""
    total = 0.0
    for path in product(range(VOCABULARY), repeat=len(log_p)):
        found = spelled(path)
        if (found[: len(text)] if prefix else found) == text:
            total += log_p[range(len(path)), path].sum().exp().item()
    return total


def grown(log_p, text, beams=1):
    """The search after a text, all rows alike."""
    search = ColumnSearch(log_p, beams, END, SILENT)
    rows = torch.arange(len(log_p) * beams)
    for token in text:
        search.weigh(torch.zeros(len(rows), VOCABULARY))
        search.follow(torch.full_like(rows, token), rows)
    search.weigh(torch.zeros(len(rows), VOCABULARY))
    return search


@pytest.mark.parametrize("text", [(), (A,), (A, A), (A, B, A), (B, B, B)])
def test_texts_are_as_likely_as_all_their_paths_together(text):
    log_p = random_columns()
    longer = grown(log_p, text).longer[0, 0].exp()
    assert longer[END].item() == pytest.approx(by_paths(log_p[0, 0], text, prefix=False), abs=1e-12)
    for token in (A, B):
        expected = by_paths(log_p[0, 0], (*text, token), prefix=True)
        assert longer[token].item() == pytest.approx(expected, abs=1e-12)


def test_a_text_is_as_likely_as_ctc_says():
    log_p, text = random_columns(length=30), (A, B, B, A, A, B)
    expected = functional.ctc_loss(
        log_p[0, 0][:, None], torch.tensor([text]), [30], [len(text)], BLANK, reduction="sum"
    )
    assert grown(log_p, text).longer[0, 0, END].item() == pytest.approx(-expected.item())


def test_spaces_leave_no_ink():
    log_p = random_columns()
    with_spaces, without = (
        grown(log_p, text).longer for text in ((SILENT, A, SILENT, SILENT, B), (A, B))
    )
    torch.testing.assert_close(with_spaces, without)


def test_orientations_are_summed_over():
    log_p = random_columns(orientations=3)
    each = [grown(log_p[:, g : g + 1], (A, B)).longer for g in range(3)]
    expected = torch.stack(each).exp().mean(0)
    torch.testing.assert_close(grown(log_p, (A, B)).longer.exp(), expected)


def test_a_row_follows_the_one_it_came_from_and_no_other_image():
    log_p = random_columns(images=2)
    search = ColumnSearch(log_p, 2, END, SILENT)
    search.weigh(torch.zeros(4, VOCABULARY))
    search.follow(torch.tensor([A, B, B, A]), torch.arange(4))
    search.weigh(torch.zeros(4, VOCABULARY))
    search.follow(torch.tensor([B, A, B, A]), torch.tensor([1, 1, 2, 2]))
    search.weigh(torch.zeros(4, VOCABULARY))
    for image, row, text in ((0, 0, (B, B)), (0, 1, (B, A)), (1, 0, (B, B)), (1, 1, (B, A))):
        expected = grown(log_p[image : image + 1], text).longer[0, 0]
        torch.testing.assert_close(search.longer[image, row], expected)


def test_more_characters_than_columns_leave_the_decoder_its_say():
    search = grown(random_columns(length=2), (A, B, A, B, A))
    joint = search.weigh(torch.linspace(-3, 0, VOCABULARY)[None])
    assert joint.isfinite().all()
    assert joint[0, A] < joint[0, B]


@pytest.mark.parametrize("beams", [1, 3])
def test_columns_keep_a_decoder_from_repeating_itself(beams):
    """It would write A and B in turns for ever; the columns say that there is one of each."""
    log_p = torch.full((1, 1, 5, VOCABULARY), 1e-4)
    for column, token in enumerate((BLANK, A, BLANK, B, BLANK)):
        log_p[0, 0, column, token] = 1.0

    def advance(token, place, past):
        next_p = torch.full((len(token), VOCABULARY), 1e-6)
        for row, last in enumerate(token.tolist()):
            next_p[row, B if last == A else A] = 0.6
            next_p[row, END] = 0.4
        return next_p.log(), token[:, None].float(), [(token,)]

    alphabet = Alphabet(BLANK, END, 1, longest=8)
    search = ColumnSearch(log_p.log(), beams, END, SILENT)
    with_columns, log_own, _ = decode(advance, alphabet, 1, beams, columns=search)
    alone, _, _ = decode(advance, alphabet, 1, 1)
    assert with_columns[0].tolist() == [A, B, END]
    assert log_own.sum().exp().item() == pytest.approx(0.6 * 0.6 * 0.4), "of the decoder alone"
    assert len(alone[0]) > 3


@pytest.mark.parametrize("name", ["C1", "C2", "C4", "D1", "D2", "D4"])
def test_a_turn_permutes_the_columns(name):
    group = group_from_name(name)
    lifted = torch.randn(2, group.order, 3, 5, VOCABULARY, dtype=torch.float64)
    before = all_columns(lifted.flatten(1, 3), group, (3, 5))
    for h in group.elements:
        turned = group.act_lifted(h, lifted)
        after = all_columns(turned.flatten(1, 3), group, tuple(turned.shape[2:4]))
        torch.testing.assert_close(after, before[:, list(group.relative[h])])
        if h:  # the control: one orientation alone knows which way up the image lies
            assert (after[:, 0] - before[:, 0]).abs().max() > 0.1


def test_columns_that_are_missing_are_blank():
    group = group_from_name("C4")
    columns = all_columns(torch.randn(1, 4 * 6, VOCABULARY), group, (2, 3))
    assert columns.shape == (1, 4, 3, VOCABULARY)
    assert columns.exp().sum(-1) == pytest.approx(1.0)
    assert columns[0, 1, 2].exp()[BLANK] == 1.0
    torch.testing.assert_close(columns[0, 0, :, :].exp().sum(-1), torch.ones(3))


def test_the_rows_that_say_most_of_a_column_decide():
    logits = torch.zeros(2, 1, VOCABULARY)
    logits[..., BLANK] = 5.0
    logits[0, 0, A] = 20.0
    assert log_columns(logits)[0].argmax() == A
