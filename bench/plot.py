"""Line charts as SVG: a panel a question, with a logarithmic axis to the right."""
import html
import math

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 420, 260, 60, 36, 44, 30
COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#8250df"]


def short(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:.3g}"


def panel(title, x_label, y_label, series, at):
    """series: {name: [(x, y), …]}."""
    points = [p for line in series.values() for p in line]
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    top = 1.15 * max(y for _, y in points)
    right, bottom = WIDTH - 16, HEIGHT - BOTTOM

    def place(x, y):
        return (LEFT + (math.log10(x) - low) / ((high - low) or 1) * (right - LEFT), bottom - y / top * (bottom - TOP))

    out = [f'<g transform="translate({at},0)">', f'<text x="{LEFT}" y="18" font-weight="bold">{html.escape(title)}</text>',
           f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#57606a"/>',
           f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(x_label)}</text>',
           f'<text x="14" y="{(TOP + bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 {(TOP + bottom) / 2})">'
           f'{html.escape(y_label)}</text>']
    for x in sorted({x for x, _ in points}):
        out.append(f'<text x="{place(x, 0)[0]:.1f}" y="{bottom + 16}" text-anchor="middle">{short(x)}</text>')
    for part in (0, 0.5, 1):
        y = top * part
        out.append(f'<text x="{LEFT - 6}" y="{place(10 ** low, y)[1] + 4:.1f}" text-anchor="end">{short(y)}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in line))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in (place(*p) for p in line)]
        out.append(f'<text x="{right}" y="{TOP + 14 * number}" text-anchor="end" fill="{colour}">{html.escape(name)}</text>')
    return "\n".join(out + ["</g>"])


def write(path, panels):
    """panels: (title, x label, y label, series) each."""
    panels = [p for p in panels if any(p[3].values())]
    width = len(panels) * (WIDTH + GAP)
    drawn = "\n".join(panel(*p, number * (WIDTH + GAP)) for number, p in enumerate(panels))
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
                    f'font-family="sans-serif" font-size="12" fill="#24292f">\n<rect width="100%" height="100%" fill="white"/>\n'
                    f'{drawn}\n</svg>\n', encoding="utf-8")
