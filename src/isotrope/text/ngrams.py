"""A language model: how likely each character is after those before it. No torch.

`p(c | h)` for a character `c` and a history `h` is estimated from counts `n`, and backs off to the
history without its first character, `h'` (Witten and Bell 1991):

    p(c | h) = (n(hc) + u(h) p(c | h')) / (n(h) + u(h))

where `u(h)` is the number of different characters seen after `h`. Below the empty history all
characters are equally likely. N-grams seen fewer than `least` times are dropped, and their share
goes to the shorter history.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

ORDER = 6
"""Characters in the longest n-gram."""

_STEPS = 16
"""Log-probabilities are saved in sixteenths, in one byte: from 0 to -15.9."""


class Ngrams:
    """A character n-gram model, as a trie.

    Node 0 is the empty n-gram, and node `i + 1` the n-gram of `keys[i]`, shorter ones first. A
    state is the row of the nodes of the last 0, 1, .., `order - 1` characters; -1 where that n-gram
    has not been seen.

    Args:
        characters: The characters it knows.
        order: Characters in the longest n-gram.
        keys: `parent * len(characters) + last`, sorted: the node of the n-gram without its last
            character, and the number of that character.
        scores: `log p(last | the others)`.
        backoffs: For each node, the factor of `p(c | h')` in `p(c | h)`, as a logarithm.
    """

    def __init__(
        self,
        characters: str,
        order: int,
        keys: np.ndarray,
        scores: np.ndarray,
        backoffs: np.ndarray,
    ) -> None:
        self.characters, self.order = characters, order
        self.keys, self.scores, self.backoffs = keys, scores, backoffs
        self._ids = {character: place for place, character in enumerate(characters)}

    def __len__(self) -> int:
        return len(self.keys)

    def encode(self, text: str) -> np.ndarray:
        """The numbers of characters; -1 for one that is not known."""
        return np.array([self._ids.get(c, -1) for c in text], np.int64)

    def states(self, text: str) -> np.ndarray:
        """The states at the start of a line, after a space, and after each character of a text.

        Returns:
            `(len(text) + 1, order)`.
        """
        ids = self.encode(" " + text)
        states = np.full((len(ids), self.order), -1, np.int64)
        states[:, 0] = 0
        for length in range(1, self.order):
            before = np.concatenate([[0 if length == 1 else -1], states[:-1, length - 1]])
            states[:, length] = self._children(before, ids)
        return states

    def step(self, states: np.ndarray, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score characters after states.

        Args:
            states: `(B, order)`.
            characters: `(C,)` from `encode`, or `(B, C)`, others for every state.

        Returns:
            `log p`, `(B, C)`, and the states that follow, `(B, C, order)`.
        """
        many = np.broadcast_to(characters, (len(states), characters.shape[-1]))
        nodes = self._children(states[:, None, :], many[:, :, None])  # (B, C, order)
        found = nodes >= 0
        longest = self.order - 1 - found[:, :, ::-1].argmax(axis=2)
        # What is lost on the way from the longest history that was seen to the one that is used.
        lost = np.where(states >= 0, self.backoffs[states], 0.0)
        lost = np.cumsum(lost[:, ::-1], axis=1)[:, ::-1]
        lost = np.concatenate([lost, np.zeros((len(states), 1))], axis=1)
        best = np.take_along_axis(nodes, longest[:, :, None], axis=2)[:, :, 0]
        scores = self.scores[best - 1] + np.take_along_axis(lost, longest + 1, axis=1)
        never = -np.log(len(self.characters) + 1.0) + lost[:, :1]
        after = np.concatenate([np.zeros((*many.shape, 1), np.int64), nodes[:, :, :-1]], axis=2)
        return np.where(found.any(axis=2), scores, never), after

    def log_probabilities(self, text: str) -> np.ndarray:
        """`log p` of each character of a line."""
        return self.step(self.states(text)[:-1], self.encode(text)[:, None])[0][:, 0]

    def _children(self, nodes: np.ndarray, characters: np.ndarray) -> np.ndarray:
        """The nodes that are one character longer; -1 if not seen."""
        keys = nodes * len(self.characters) + characters
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = (self.keys[places] == keys) & (nodes >= 0) & (characters >= 0)
        return np.where(found, places + 1, -1)

    def save(self, path: str | Path) -> None:
        """Write the model; an n-gram takes about two bytes."""
        parents, last = np.divmod(self.keys, len(self.characters))
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file,
                characters=np.array(list(self.characters)),
                order=np.array(self.order),
                parents=np.diff(parents, prepend=0).astype(np.uint32),
                last=last.astype(np.uint16),
                scores=_bytes(self.scores),
                backoffs=_bytes(self.backoffs),
            )

    @classmethod
    def load(cls, path: str | Path) -> Ngrams:
        """Load a model that `save` wrote.

        Raises:
            ValueError: The file is missing or broken.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                characters = "".join(arrays["characters"].tolist())
                parents = np.cumsum(arrays["parents"].astype(np.int64))
                return cls(
                    characters,
                    int(arrays["order"]),
                    parents * len(characters) + arrays["last"],
                    arrays["scores"] / -_STEPS,
                    arrays["backoffs"] / -_STEPS,
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path}: cannot be loaded ({error}); copy it again") from error


def _bytes(logarithms: np.ndarray) -> np.ndarray:
    return np.clip(np.round(-_STEPS * logarithms), 0, 255).astype(np.uint8)


def count(texts: Iterable[str], order: int = ORDER, least: int = 1) -> Ngrams:
    """Estimate a model from texts.

    Args:
        texts: Lines or paragraphs; they are joined with spaces.
        order: Characters in the longest n-gram.
        least: N-grams of three characters or more that are seen less often are dropped.

    Raises:
        ValueError: There is no text.
    """
    text = f" {' '.join(texts)} "
    if not text.strip():
        raise ValueError("there is no text to count; give at least one line")
    characters = "".join(sorted(set(text)))
    ids = np.searchsorted(np.array(list(characters)), np.array(list(text)))
    keys, scores, backoffs = [], [np.array([-np.log(len(characters) + 1.0)])], [np.zeros(1)]
    nodes = np.zeros(len(text), np.int64)  # of the n-gram that begins at each character; -1: none
    begin, end = 0, 1  # the nodes of this length
    for length in range(1, order + 1):
        starts = np.flatnonzero(nodes[: len(text) - length + 1] >= 0)
        grams, first, back, counts = np.unique(
            nodes[starts] * len(characters) + ids[starts + length - 1],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        parents = grams // len(characters) - begin
        total = np.bincount(parents, counts, end - begin) + np.bincount(parents, None, end - begin)
        kept = counts >= (least if length > 2 else 1)
        own = (counts / total[parents])[kept]
        parents = parents[kept]
        rest = 1 - np.bincount(parents, own, end - begin)
        # The n-gram without its first character begins one later, and is one shorter.
        shorter = nodes[starts[first[kept]] + 1] if length > 1 else np.zeros(len(own), np.int64)
        below = np.concatenate(scores)[shorter]
        backoffs[-1] = np.log(np.maximum(rest, 1e-9))
        keys.append(grams[kept])
        scores.append(np.log(own + rest[parents] * np.exp(below)))
        backoffs.append(np.zeros(len(own)))
        begin, end = end, end + len(own)
        nodes = np.full(len(text), -1, np.int64)
        nodes[starts] = np.where(kept, begin + np.cumsum(kept) - 1, -1)[back]
    return Ngrams(
        characters,
        order,
        np.concatenate(keys),
        np.concatenate(scores)[1:],
        np.concatenate(backoffs),
    )
