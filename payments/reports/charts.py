"""Charts without scripts: the geometry of bars, which a template draws as SVG beside a table."""

from collections.abc import Sequence
from dataclasses import dataclass

_STEP = 10.0
_GAP = 2.0
_HEIGHT = 100.0
# A bar of something is never invisible.
_LEAST = 1.0


@dataclass(frozen=True)
class Point:
    """One bar: what it is of, how high it is, and how its value reads."""

    label: str
    value: int
    text: str
    more: str = ""


@dataclass(frozen=True)
class Bar:
    """Where a bar is drawn, within the chart's width and a height of 100."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """A bar chart: its bars, its extent, and the same as rows of a table."""

    width: float
    bars: Sequence[Bar]
    points: Sequence[Point]
    highest: Point | None

    @property
    def is_empty(self) -> bool:
        """Whether every value is nothing."""
        return self.highest is None


def draw_bars(points: Sequence[Point], *, ceiling: int | None = None) -> Chart:
    """Return the bars of values of 0 and more; the highest, or ``ceiling``, fills the height."""
    top = max((point.value for point in points), default=0)
    scale = _HEIGHT / max(ceiling or top, 1)
    bars = []
    for number, point in enumerate(points):
        height = max(round(point.value * scale, 2), _LEAST) if point.value > 0 else 0.0
        bars.append(
            Bar(
                x=number * _STEP + _GAP / 2,
                y=round(_HEIGHT - height, 2),
                width=_STEP - _GAP,
                height=height,
                title=f"{point.label}: {point.text}",
            )
        )
    highest = max(points, key=lambda point: point.value) if top > 0 else None
    return Chart(max(len(points), 1) * _STEP, bars, points, highest)
