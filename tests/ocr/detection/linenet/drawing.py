"""Maps of lines as `LineNet` should draw them, and what a turn does to maps and lines."""

from dataclasses import replace

import numpy as np

from isotrope.ocr.detection.linenet.decoding import SCALE, Field
from isotrope.ocr.geometry import turned


def drawn(size, lines):
    """`(5, h, w)` for lines `(x, y, length, height, radians clockwise, rise)`, in positions.

    A line is a parabola that rises above its chord by `rise`, and is read from its start.
    """
    rows, columns = size
    y, x = np.mgrid[:rows, :columns] + 0.5
    core, end = np.full(size, -6.0), np.full(size, -6.0)
    arrow, logs = np.zeros((2, *size)), np.full(size, 3.0)
    for cx, cy, length, height, angle, rise in lines:
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        s = (x - cx) * along[0] + (y - cy) * along[1]
        t = (x - cx) * across[0] + (y - cy) * across[1] - rise * (2 * s / length) ** 2
        inside = np.minimum(length / 2 - 0.3 * height - abs(s), 0.2 * height - abs(t))
        core = np.maximum(core, np.clip(6 * inside, -6, 6))
        tips = np.minimum(0.6 * height - abs(length / 2 - abs(s)), 0.3 * height - abs(t))
        end = np.maximum(end, np.clip(6 * tips, -6, 6))
        near = (abs(s) < length / 2 + 2) & (abs(t) < height / 2)
        bent = along[:, None, None] + across[:, None, None] * (8 * rise * s / length**2)
        arrow = np.where(near, bent / np.hypot(*bent), arrow)
        logs = np.where(near, np.log(SCALE * height), logs)
    return np.concatenate([core[None], end[None], arrow, logs[None]])


def turned_maps(out, degrees):
    """The maps of the page turned counter-clockwise: the arrows turn too."""
    out = np.rot90(out, degrees // 90, (1, 2)).copy()
    for _ in range(degrees // 90):
        out[2], out[3] = out[3].copy(), -out[2]
    return out


def turned_field(field, degrees):
    """The same for a `Field`."""
    x, y = field.arrow
    logits = np.stack([field.core, field.end, x, y, field.height])
    core, end, x, y, height = turned_maps(logits, degrees)
    return Field(core, end, np.stack([x, y]), height)


def turned_line(line, degrees, size):
    """The line on the page turned counter-clockwise, whose width and height were `size`."""
    return replace(
        line,
        baseline=turned(line.baseline, degrees, size),
        polygon=turned(line.polygon, degrees, size),
    )


def distance(found, expected):
    """The largest distance between the points of lines matched one to one, in any order."""
    assert len(found) == len(expected)
    rest, worst = list(found), 0.0
    for line in expected:
        off = [_distance(other, line) for other in rest]
        nearest = int(np.argmin(off))
        worst = max(worst, off[nearest])
        rest.pop(nearest)
    return worst


def _distance(one, other):
    if len(one.polygon) != len(other.polygon) or one.directed != other.directed:
        return np.inf
    pairs = ((one.polygon, other.polygon), (one.baseline, other.baseline))
    off = max(float(np.abs(np.array(a) - np.array(b)).max()) for a, b in pairs)
    return max(off, abs(one.height - other.height), abs(one.confidence - other.confidence))
