"""Drawings as inline SVG: bars, histograms and curves are rectangles and lines, for which no library is needed.

They carry no text but their title, so that they may be stretched to any width; what they show stands beside them in tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.report.marks import Marks, element, short

WIDTH, HEIGHT = 1000.0, 200.0


def drawing(kind: str, title: str, parts: Sequence[Marks], height: float = HEIGHT) -> Marks:
    """A drawing with the title by which it is read aloud."""
    box = f"0 0 {WIDTH:g} {height:g}"
    return element(
        "svg",
        element("title", short(title)),
        *parts,
        class_=kind,
        role="img",
        viewBox=box,
        preserveAspectRatio="none",
        focusable="false",
    )


def rectangle(kind: str, x: float, y: float, width: float, height: float) -> Marks:
    return element("rect", class_=kind, x=place(x), y=place(y), width=place(width), height=place(height))


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Marks:
    return element("line", class_=kind, x1=place(x1), y1=place(y1), x2=place(x2), y2=place(y2))


def place(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def bar(title: str, parts: Sequence[tuple[str, float]], whole: float) -> Marks:
    """(kind, amount) one after another, as shares of a whole."""
    at, made = 0.0, list[Marks]()
    for kind, amount in parts:
        width = WIDTH * amount / whole if whole else 0.0
        made.append(rectangle(kind, at, 0, width, 20))
        at += width
    return drawing("bar", title, made, 20)


def histogram(title: str, edges: Sequence[float], kept: Sequence[int], dropped: Sequence[int], bounds: Sequence[float]) -> Marks:
    """A column for each bin, what is dropped upon what is kept, with a line at each bound."""
    highest, low, span = max((a + b for a, b in zip(kept, dropped, strict=True)), default=0) or 1, edges[0], edges[-1] - edges[0]
    made, width = list[Marks](), WIDTH / max(len(kept), 1)
    for at, (stays, goes) in enumerate(zip(kept, dropped, strict=True)):
        high, up = HEIGHT * stays / highest, HEIGHT * goes / highest
        made += [rectangle("kept", at * width, HEIGHT - high, width * 0.92, high)] if stays else []
        made += [rectangle("dropped", at * width, HEIGHT - high - up, width * 0.92, up)] if goes else []
    places = [WIDTH * (bound - low) / span for bound in bounds]
    return drawing("chart", title, [*made, *(line("bound", at, 0, at, HEIGHT) for at in places)])


def curve(title: str, points: Sequence[tuple[int, float]]) -> Marks:
    """A line through points."""
    (first, last), values = (points[0][0], points[-1][0]), [value for _, value in points]
    low, high = min(values), max(values)
    placed = [
        (WIDTH * (x - first) / max(last - first, 1), HEIGHT - HEIGHT * (value - low) / ((high - low) or 1)) for x, value in points
    ]
    return drawing(
        "chart", title, [element("polyline", class_="curve", points=" ".join(f"{place(x)},{place(y)}" for x, y in placed))]
    )


def whisker(title: str, mean: float, error: float | None) -> Marks:
    """A share in percent with one standard error on both sides."""
    at, wide = WIDTH * mean / 100, WIDTH * (error or 0.0) / 100
    return drawing("bar", title, [rectangle("kept", 0, 4, at, 12), line("bound", max(at - wide, 0), 10, at + wide, 10)], 20)
