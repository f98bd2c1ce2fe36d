"""Draws the table of what may become of a charge, for the documents; a test holds the picture to the table."""

from __future__ import annotations

from service.books.decisions.person_charges import TRANSITIONS, ChargeEvent
from wire.payers import ChargeState

PLACES: dict[ChargeState, tuple[int, int]] = {
    ChargeState.CREATED: (110, 60),
    ChargeState.SENT: (330, 60),
    ChargeState.SEEN: (550, 60),
    ChargeState.ACCEPTED: (770, 60),
    ChargeState.UNKNOWN: (770, 210),
    ChargeState.DECLINED: (110, 360),
    ChargeState.EXPIRED: (330, 360),
    ChargeState.PAID: (550, 360),
    ChargeState.DISPUTED: (330, 530),
    ChargeState.REFUNDED: (770, 530),
}
WIDTH, HEIGHT, BOX = 900, 600, (120, 40)


def arrows() -> dict[tuple[ChargeState, ChargeState], list[ChargeEvent]]:
    """The events that lead from one state to another."""
    found: dict[tuple[ChargeState, ChargeState], list[ChargeEvent]] = {}
    for (old, event), new in TRANSITIONS.items():
        found.setdefault((old, new), []).append(event)
    return found


def drawn() -> str:
    """The diagram as SVG."""
    parts = [_line(old, new, events) for (old, new), events in sorted(arrows().items())]
    parts += [_box(state) for state in PLACES]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
    )
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return "\n".join([head, marker, background, *parts, "</svg>", ""])


def _box(state: ChargeState) -> str:
    x, y = PLACES[state]
    left, top = x - BOX[0] // 2, y - BOX[1] // 2
    fill = {"paid": "#d8f0d8", "refunded": "#e4e4f4", "disputed": "#fbe8c8"}.get(state.value, "#f2f2f2")
    box = f'<rect x="{left}" y="{top}" width="{BOX[0]}" height="{BOX[1]}" rx="8" fill="{fill}" stroke="#333"/>'
    return f'{box}<text x="{x}" y="{y + 5}" text-anchor="middle" font-size="15">{state.value}</text>'


def _line(old: ChargeState, new: ChargeState, events: list[ChargeEvent]) -> str:
    """An arc, bent to its left, so that two that go back and forth stay apart."""
    (x1, y1), (x2, y2) = PLACES[old], PLACES[new]
    words = ", ".join(event.value.replace("_", " ") for event in events)
    if old is new:
        path, (label_x, label_y) = (
            f"M{x1 - 40} {y1 - 20}C{x1 - 80} {y1 - 80} {x1 + 80} {y1 - 80} {x1 + 40} {y1 - 20}",
            (
                x1,
                y1 - 70,
            ),
        )
    else:
        length = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
        bend = 24 + length / 14
        middle_x = (x1 + x2) / 2 + (y2 - y1) / length * bend
        middle_y = (y1 + y2) / 2 - (x2 - x1) / length * bend
        start, end = _edge((x1, y1), (middle_x, middle_y)), _edge((x2, y2), (middle_x, middle_y))
        path = f"M{start[0]:.0f} {start[1]:.0f}Q{middle_x:.0f} {middle_y:.0f} {end[0]:.0f} {end[1]:.0f}"
        label_x, label_y = round((x1 + 2 * middle_x + x2) / 4), round((y1 + 2 * middle_y + y2) / 4)
    arc = f'<path d="{path}" fill="none" stroke="#777" marker-end="url(#tip)"/>'
    style = 'font-size="10" fill="#333" stroke="#fff" stroke-width="3" paint-order="stroke"'
    return f'{arc}<text x="{label_x}" y="{label_y}" text-anchor="middle" {style}>{words}</text>'


def _edge(centre: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where a line from the middle of a box leaves it."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    scale = min(
        BOX[0] / 2 / abs(dx) if dx else float("inf"),
        BOX[1] / 2 / abs(dy) if dy else float("inf"),
    )
    return centre[0] + dx * scale, centre[1] + dy * scale
