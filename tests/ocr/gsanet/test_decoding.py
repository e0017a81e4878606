"""Greedy and beam search on decoders whose best text is known, or can be scored again."""

import math

import numpy as np
import pytest
import torch

from isotrope.ocr.gsanet.decoding import POWER, Alphabet, decode

START, PAD, END, A, B = range(5)
ALPHABET = Alphabet(START, END, PAD, longest=6)


def garden_path(token, place, past):
    """A is likelier at first, and then nothing is likely; after B all is sure."""
    after = {START: {A: 0.6, B: 0.4}, A: {A: 0.34, B: 0.33, END: 0.33}, B: {END: 1.0}}
    rows = []
    for last in token.tolist():
        chances = after.get(last, {END: 1.0})
        rows.append([math.log(chances.get(t, 1e-9)) for t in range(5)])
    return torch.tensor(rows), token[:, None].float(), [(token,)]


def recurrent(images, seed=0, vocabulary=9, width=8):
    """A decoder whose every step depends on all before: `(advance, first state)`."""
    draw = torch.Generator().manual_seed(seed)
    embed, turn, out = (
        torch.randn(n, width, generator=draw, dtype=torch.float64)
        for n in (vocabulary, width, vocabulary)
    )
    first = torch.randn(images, width, generator=draw, dtype=torch.float64)

    def advance(token, place, past):
        rows = len(token) // images
        state = first.repeat_interleave(rows, 0) if past is None else past[0][0]
        state = torch.tanh(state @ turn.T / 2 + embed[token])
        logits = state @ out.T
        logits[:, :END] = -1e9  # START and PAD are never written
        logits[:, END] += place
        return logits.log_softmax(-1), state, [(state,)]

    return advance


def scored(advance, tokens):
    """What `decode` should say of these tokens of one image: each log p, the states on the way."""
    log_p, states, past, last = [], [], None, START
    for place, token in enumerate(tokens):
        next_p, state, past = advance(torch.tensor([last]), place, past)
        log_p.append(next_p[0, token].item())
        last = token
        states.append(state[0])
        if token == END:
            break
    return log_p, torch.stack(states, dim=-1)


def test_beam_search_finds_what_greedy_walks_past():
    greedy, found = (decode(garden_path, ALPHABET, 1, beams) for beams in (1, 2))
    assert greedy[0][0, 0] == A
    assert found[0].tolist() == [[B, END]]
    assert found.log_p.sum().exp().item() == pytest.approx(0.4)
    assert greedy.log_p.sum() < found.log_p.sum()


def test_a_text_that_is_behind_may_still_win_by_its_length():
    """The empty text ends ahead; AB, sure from its second character on, is better a character."""
    after = {START: {END: 0.45, A: 0.4}, A: {B: 1.0}, B: {END: 1.0}}

    def advance(token, place, past):
        chances = [after.get(last, {END: 1.0}) for last in token.tolist()]
        rows = [[math.log(chance.get(t, 1e-9)) for t in range(5)] for chance in chances]
        return torch.tensor(rows), token[:, None].float(), [(token,)]

    tokens, log_p, _ = decode(advance, ALPHABET, 1, 2)
    assert math.log(0.4) / 3**POWER > math.log(0.45)
    assert tokens.tolist() == [[A, B, END]]
    assert log_p.exp().tolist() == [pytest.approx([0.4, 1.0, 1.0])]


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_probabilities_and_states_are_those_of_the_text(beams, seed):
    found = tokens, log_p, kept = decode(recurrent(1, seed), ALPHABET, 1, beams)
    text = tokens[0].tolist()
    assert len(text) <= ALPHABET.longest + 1
    expected, states = scored(recurrent(1, seed), text)
    assert log_p[0, : len(expected)].tolist() == pytest.approx(expected)
    assert not log_p[0, len(expected) :].any()
    assert ALPHABET.confidences(found).item() == pytest.approx(math.exp(np.mean(expected)))
    torch.testing.assert_close(kept[0, :, : states.shape[1]], states)
    if END in text:
        assert set(text[text.index(END) + 1 :]) <= {PAD}


@pytest.mark.parametrize("beams", [1, 3])
def test_an_image_among_others_is_read_as_alone(beams):
    tokens, log_p, _ = decode(recurrent(4), ALPHABET, 4, beams)
    for image in range(4):

        def alone(token, place, past, image=image):
            rows = len(token)
            several = torch.full((4 * rows,), PAD)
            several[image * rows : (image + 1) * rows] = token
            states = None
            if past is not None:
                states = torch.zeros(4 * rows, 8, dtype=torch.float64)
                states[image * rows : (image + 1) * rows] = past[0][0]
                states = [(states,)]
            results = recurrent(4)(several, place, states)
            own = slice(image * rows, (image + 1) * rows)
            return results[0][own], results[1][own], [(results[2][0][0][own],)]

        own, own_log_p, _ = decode(alone, ALPHABET, 1, beams)
        assert tokens[image, : own.shape[1]].tolist() == own[0].tolist()
        assert log_p[image].sum() == pytest.approx(own_log_p.sum().item())


def test_more_beams_find_likelier_texts_on_the_whole():
    measures = {1: 0.0, 4: 0.0}
    for seed in range(20):
        for beams in measures:
            tokens, log_p, _ = decode(recurrent(1, seed), ALPHABET, 1, beams)
            length = (tokens[0] != PAD).sum().item()
            measures[beams] += log_p.sum().item() / length**POWER
    assert measures[4] > measures[1]


def test_no_beams_are_refused():
    with pytest.raises(ValueError, match="beams=0 must be 1 or more"):
        decode(garden_path, ALPHABET, 1, 0)
