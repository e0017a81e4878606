"""Pages set in type: lines at known places."""

from dataclasses import replace

import pytest

from isotrope.ocr.document import Line
from isotrope.ocr.geometry import rounded, turned
from isotrope.ocr.order.boxes import level


class Type:
    """Sets lines on a sheet of 1000 x 1400 pixels."""

    size = (1000.0, 1400.0)

    def line(self, text, left, top, right, height=20.0):
        """An upright line whose letters fill `height`."""
        bottom = top + height
        base = bottom - height / 4
        outline = ((left, top), (right, top), (right, bottom), (left, bottom))
        return Line(text, 1.0, 0, outline, ((left, base), (right, base)))

    def column(self, name, left, top, right, count, step=28.0, height=20.0):
        """Full lines one under the other; the last is short."""
        ends = [right] * (count - 1) + [left + 0.6 * (right - left)]
        return [
            self.line(f"{name}{k}", left, top + k * step, end, height) for k, end in enumerate(ends)
        ]

    def quarter(self, lines, degrees, size):
        """Turn lines along with a sheet of `size`."""

        def points(of):
            return turned(of, degrees, size)

        return [
            replace(
                line,
                orientation=(line.orientation + degrees) % 360,
                polygon=points(line.polygon),
                baseline=points(line.baseline),
            )
            for line in lines
        ]

    def slanted(self, lines, degrees):
        """Turn lines by a small angle around the origin."""

        def points(of):
            return rounded(level(of, -degrees))

        return [
            replace(
                line,
                polygon=points(line.polygon),
                baseline=points(line.baseline),
                slant=line.slant + degrees,
            )
            for line in lines
        ]

    def moved(self, lines, x, y):
        """Move lines on the sheet."""

        def points(of):
            return tuple((a + x, b + y) for a, b in of)

        return [
            replace(line, polygon=points(line.polygon), baseline=points(line.baseline))
            for line in lines
        ]


@pytest.fixture
def typeset():
    return Type()
