"""The kinds of adapter: LoRA, DoRA, rsLoRA and PiSSA, as configurations of peft."""

from __future__ import annotations

from peft import LoraConfig

METHODS = ("lora", "dora", "rslora", "pissa")
"""lora: `W + (alpha / r) B A`. dora: the same, with a learned length for each row (Liu et al. 2024,
https://arxiv.org/abs/2402.09353). rslora: `W + (alpha / sqrt(r)) B A` (Kalajdzievski 2023,
https://arxiv.org/abs/2312.03732). pissa: LoRA that starts at the leading singular part of `W` (Meng
et al. 2024, https://arxiv.org/abs/2404.02948)."""

_RSLORA_ALPHA = 6.0  # a scale of about 2 at rank 8, like the other methods


def configured(method: str, rank: int, alpha: float | None, layers: list[str]) -> LoraConfig:
    """peft's configuration of a new adapter.

    That of PiSSA is a LoRA of twice the rank and the same scale, which is how it is saved; see
    `isotrope.lora.pissa`.

    Raises:
        ValueError: an unknown method, or a rank below 1.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is not known; use one of {', '.join(METHODS)}")
    if rank < 1:
        raise ValueError(f"rank={rank} must be 1 or more; 4 or 8 is often enough")
    if alpha is None:
        alpha = _RSLORA_ALPHA if method == "rslora" else 2.0 * rank
    times = 2 if method == "pissa" else 1
    return LoraConfig(
        r=times * rank,
        lora_alpha=times * alpha,  # pyright: ignore[reportArgumentType] # may be a float
        use_dora=method == "dora",
        use_rslora=method == "rslora",
        target_modules=layers,
    )


def method_of(config: LoraConfig) -> str:
    """The method of a saved adapter; PiSSA is saved as LoRA."""
    return "dora" if config.use_dora else "rslora" if config.use_rslora else "lora"
