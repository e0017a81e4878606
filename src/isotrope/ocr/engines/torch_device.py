"""Devices for the engines that run on torch."""

from __future__ import annotations

from isotrope.ocr.devices import check_device


def torch_device(device: str | None) -> str:
    """Return torch's name for an available device.

    Args:
        device: One of `DEVICES`. None: the CPU.

    Raises:
        ValueError: The device is unknown, or torch does not see it.
    """
    import torch

    check_device(device)
    there = [
        name
        for name, seen in {
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
            "cpu": True,
        }.items()
        if seen
    ]
    if device == "auto":
        return there[0]
    if device is not None and device not in there:
        raise ValueError(
            f"device={device!r}: torch sees no such device here; use auto or {' or '.join(there)}"
        )
    return device or "cpu"
