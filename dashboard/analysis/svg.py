"""Where the lines and marks of small charts stand: texts for a template's SVG, drawn by the server.

Each chart's numbers also stand in a table beside it; a chart here is a picture of that table.
"""

from collections.abc import Sequence

SIZE, LEFT, BOTTOM, TOP, RIGHT = 320, 40, 30, 10, 10


def _square(points: Sequence[tuple[float, float]], highest: float = 1.0) -> list[tuple[str, str]]:
    width, height = SIZE - LEFT - RIGHT, SIZE - TOP - BOTTOM
    return [
        (f"{LEFT + width * min(x / highest, 1):.1f}", f"{TOP + height * (1 - min(y / highest, 1)):.1f}")
        for x, y in points
    ]


def curve(points: Sequence[tuple[float, float]], highest: float = 1.0, ticks: int = 4) -> dict | None:
    """Return a line through `points` in a square from 0 to `highest`, with its diagonal and its scale in percent."""
    if len(points) < 2:
        return None
    placed = _square(points, highest)
    marks = [highest * step / ticks for step in range(ticks + 1)]
    (left, bottom), (right, top) = _square([(0, 0), (highest, highest)], highest)
    return {
        "box": f"0 0 {SIZE} {SIZE}",
        "path": "M" + " L".join(f"{x} {y}" for x, y in placed),
        "points": [{"x": x, "y": y, "left": point[0], "up": point[1]} for (x, y), point in zip(placed, points, strict=True)],
        "diagonal": {"x1": left, "y1": bottom, "x2": right, "y2": top},
        "ticks": [
            {"label": f"{100 * mark:.0f}%", "x": x, "y": y}
            for mark, (x, y) in zip(marks, _square([(mark, mark) for mark in marks], highest), strict=True)
        ],
        "left": left, "right": right, "top": top, "bottom": bottom, "foot": SIZE - BOTTOM + 16,
    }  # fmt: skip


def widths(values: Sequence[float | None]) -> list[str]:
    """Return the lengths of bars, in percent of the longest, as SVG text."""
    longest = max((value for value in values if value), default=0)
    return [f"{100 * (value or 0) / longest:.2f}" if longest else "0" for value in values]


def round_up(value: float) -> float:
    """Return the end of a scale for shares: the next of 5, 10, 20, 50 and 100 percent."""
    return next((step for step in (0.05, 0.1, 0.2, 0.5) if value <= step), 1.0)
