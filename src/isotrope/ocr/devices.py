"""Devices by name, and onnxruntime's providers for them. No torch."""

from __future__ import annotations

DEVICES = ("auto", "cpu", "cuda", "mps")
"""`auto` is the fastest available one."""


def onnx_providers(device: str | None) -> list[str]:
    """List onnxruntime's providers for a device, the preferred one first.

    Args:
        device: One of `DEVICES`. None: the CPU.

    Raises:
        ValueError: The device is unknown, or this onnxruntime cannot use it.
    """
    import onnxruntime

    check_device(device)
    cpu, cuda = "CPUExecutionProvider", "CUDAExecutionProvider"
    if device in (None, "cpu"):
        return [cpu]
    if device == "mps":
        raise ValueError("device='mps': onnxruntime runs on auto, cpu or cuda; mps is torch's")
    if cuda in onnxruntime.get_available_providers():
        return [cuda, cpu]
    if device == "auto":
        return [cpu]
    raise ValueError(
        "device='cuda': this onnxruntime has no CUDA; use cpu, or install onnxruntime-gpu in place "
        "of onnxruntime"
    )


def check_device(device: str | None) -> None:
    """Reject a name that is neither one of `DEVICES` nor None.

    Raises:
        ValueError: The name is not one of them.
    """
    if device is not None and device not in DEVICES:
        raise ValueError(f"device={device!r} is not known; use {', '.join(DEVICES)}")
