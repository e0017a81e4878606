"""A soup of two recognisers: weights that lie between theirs, Wortsman et al. 2022.

    python examples/soup.py runs/words/model runs/lines/model runs/soup --share 0.75

`w = w_first + share * (w_second - w_first)`, for a second that was trained on from the first: it
keeps much of what the one could read and the other has forgotten. No line of training is spent.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer


def soup(first: Recognizer, second: Recognizer, share: float) -> Recognizer:
    """`second`, with the weights `share` of the way from `first` to it.

    Raises:
        ValueError: the two differ in a weight's name or shape.
    """
    own, other = second.state_dict(), first.state_dict()
    if {n: w.shape for n, w in own.items()} != {n: w.shape for n, w in other.items()}:
        raise ValueError("the two have weights of other names or shapes; train one from the other")
    second.load_state_dict({n: torch.lerp(other[n], w, share) for n, w in own.items()})
    return second


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="0: the first; 1: the second")
    arguments = parser.parse_args()
    both = load_recognizer(arguments.first), load_recognizer(arguments.second)
    soup(*both, arguments.share).save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
