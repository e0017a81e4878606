"""The word pieces that a translator writes, learned from the translations."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from isotrope.ocr.translation.config import SPACE

_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def learn_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """Learn at most `size` pieces by byte-pair encoding; a piece may begin with a space."""
    tokenizer = Tokenizer(models.BPE(unk_token=_SPECIAL[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(SPACE), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Metaspace(SPACE)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=_SPECIAL, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def vocabulary(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The pieces in the order of their tokens."""
    pieces = tokenizer.get_vocab()
    return tuple(sorted(pieces, key=pieces.__getitem__))
