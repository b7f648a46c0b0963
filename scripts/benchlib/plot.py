# SPDX-License-Identifier: BSD-3-Clause
"""Cost of a packet against the number of flows, as an SVG of its own: no library, no script, readable on light and on
dark ground. What is drawn: hits, by family and direction, and the references that depend on the number of flows."""
import math
from html import escape

from report import flows as flows_text

WIDTH, HEIGHT = 940, 560
LEFT, RIGHT, TOP, BOTTOM = 66, 214, 108, 66
LABEL_HEIGHT = 17

# name, family, direction: label, class of its colour, dashes
HITS = {("ipv4", "forward"): ("IPv4 to target", "a", ""), ("ipv4", "return"): ("IPv4 to client", "b", ""),
        ("ipv6", "forward"): ("IPv6 to target", "c", ""), ("ipv6", "return"): ("IPv6 to client", "d", "")}
REFERENCES = {"touch": ("touch: swap 5-tuple", "7 4"), "table": ("bare table, prefetched", "2 3"),
              "rte_hash": ("rte_hash bulk", "10 3 2 3")}

# class: colour on light ground, on dark ground. Different in lightness too, for eyes that see few colours.
COLOURS = {"a": ("#1d5fd1", "#74a9ff"), "b": ("#0f8a7e", "#4fd1b8"), "c": ("#c2570c", "#ff9c57"), "d": ("#9c2f73", "#ee8fce"),
           "r": ("#6b7785", "#9aa8b6")}
GROUNDS = {"ground": ("#ffffff", "#12171d"), "ink": ("#1f2933", "#e6ebf0"), "soft": ("#5f6c7b", "#9fabb8")}
RULES = {"grid": ("#e4e8ed", "#27303a"), "axis": ("#9aa5b1", "#56626f")}


def colours(dark):
    """CSS without custom properties, which many programs that draw SVG do not know."""
    rules = [f".{name} {{ fill: {pair[dark]} }}" for name, pair in GROUNDS.items()]
    rules += [f".{name} {{ stroke: {pair[dark]} }}" for name, pair in RULES.items()]
    for name, pair in COLOURS.items():
        rules.append(f".{name}s {{ stroke: {pair[dark]} }} .{name}f {{ fill: {pair[dark]} }}")
    return "\n".join(rules)


STYLE = f"""
{colours(False)}
@media (prefers-color-scheme: dark) {{
{colours(True)}
}}
.line {{ fill: none; stroke-width: 2.4; stroke-linejoin: round }} .rs.line {{ stroke-width: 1.7 }}
.whisker {{ stroke-width: 1.2; stroke-opacity: .55 }} .lead {{ stroke-width: 1; stroke-opacity: .6 }}
text {{ font: 13px system-ui, "DejaVu Sans", sans-serif }} .title {{ font-size: 18px; font-weight: 600 }}
.name {{ font-weight: 600 }}"""


class Series:
    def __init__(self, label, colour, dashes, rows):
        self.label, self.colour, self.dashes = label, colour, dashes
        self.rows = sorted(rows, key=lambda r: r["flows"])

    @property
    def last(self):
        return self.rows[-1]


def series(result):
    """Hits of one worker, then references; those without points are not there."""
    found = [Series(label, colour, dashes, [c for c in result["cells"] if c["name"] == "hit" and c.get("workers") == 1 and
                                            (c.get("family"), c.get("direction")) == key and c.get("flows")])
             for key, (label, colour, dashes) in HITS.items()]
    found += [Series(label, "r", dashes, [r for r in result["references"] if r["name"] == name and r.get("flows") and
                                          r.get("family", "ipv4") == "ipv4"])
              for name, (label, dashes) in REFERENCES.items()]
    return [s for s in found if s.rows]


def without_repeats(rows):
    """One row for a number of flows: the first."""
    return list({r["flows"]: r for r in reversed(rows)}.values())[::-1]


def nice_step(top):
    """A round step that divides 0..top into five to ten parts."""
    raw = top / 8
    size = 10 ** math.floor(math.log10(raw))
    return next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw)


class Scale:
    def __init__(self, drawn):
        self.flows = sorted({r["flows"] for s in drawn for r in s.rows})
        self.low, self.high = math.log2(self.flows[0]), max(math.log2(self.flows[-1]), math.log2(self.flows[0]) + 1)
        top = max(r.get("max", r["ns_per_packet"]) for s in drawn for r in s.rows) * 1.02
        self.step = nice_step(top)
        self.top = math.ceil(top / self.step) * self.step

    def x(self, flows):
        return LEFT + (math.log2(flows) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, ns):
        return HEIGHT - BOTTOM - min(ns, self.top) / self.top * (HEIGHT - TOP - BOTTOM)


def text(x, y, content, css="ink", anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}"{more}>{escape(content)}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def grid(scale):
    out = []
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for i in range(round(scale.top / scale.step) + 1):
        y = scale.y(i * scale.step)
        out += [line(LEFT, y, right, y, "axis" if i == 0 else "grid"),
                text(LEFT - 10, y + 4.5, f"{i * scale.step:g}", "soft", "end")]
    for n in scale.flows:
        out += [line(scale.x(n), bottom, scale.x(n), bottom + 5, "axis"),
                text(scale.x(n), bottom + 22, flows_text(n), "soft", "middle")]
    out += [text((LEFT + right) / 2, HEIGHT - 16, "established flows in the table, looked up in random order", "soft", "middle"),
            text(LEFT - 46, TOP - 18, "nanoseconds a packet", "soft")]
    return out


def curve(s, scale, aside):
    """'aside': how far its whiskers stand beside its points, so that those of several curves can be told apart."""
    points = " ".join(f"{scale.x(r['flows']):.1f},{scale.y(r['ns_per_packet']):.1f}" for r in s.rows)
    dashes = f' stroke-dasharray="{s.dashes}"' if s.dashes else ""
    out = [f'<polyline points="{points}" class="{s.colour}s line"{dashes}/>']
    for r in s.rows:
        x = scale.x(r["flows"])
        if s.colour != "r" and "min" in r:
            out.append(line(x + aside, scale.y(r["min"]), x + aside, scale.y(r["max"]), f"{s.colour}s whisker"))
        out.append(f'<circle cx="{x:.1f}" cy="{scale.y(r["ns_per_packet"]):.1f}" r="{2.4 if s.colour == "r" else 3.6}" '
                   f'class="{s.colour}f"><title>{escape(s.label)}, {flows_text(r["flows"])} flows: '
                   f'{r["ns_per_packet"]:.2f} ns</title></circle>')
    return out


def labels(drawn, scale):
    """At the curves' ends, pushed apart where they would stand on each other."""
    order = sorted(drawn, key=lambda s: scale.y(s.last["ns_per_packet"]))
    places, floor = [], TOP
    for s in order:
        floor = max(scale.y(s.last["ns_per_packet"]), floor)
        places.append(floor)
        floor += LABEL_HEIGHT
    for i in reversed(range(len(places))):
        below = places[i + 1] if i + 1 < len(places) else HEIGHT - BOTTOM + LABEL_HEIGHT
        places[i] = min(places[i], below - LABEL_HEIGHT)
    out = []
    for s, y in zip(order, places):
        end = scale.x(s.last["flows"])
        out += [line(end + 6, scale.y(s.last["ns_per_packet"]), max(end + 10, WIDTH - RIGHT + 20), y, f"{s.colour}s lead"),
                text(WIDTH - RIGHT + 24, y + 4.5, s.label, f"{s.colour}f name")]
    return out


def draw(result):
    """The SVG as text."""
    drawn = series(result)
    for s in drawn:
        s.rows = without_repeats(s.rows)
    machine = result["machine"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
           f'aria-label="cost of a packet against the number of flows">', f"<style>{STYLE}\n</style>",
           f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
           text(20, 32, "What a packet of an established flow costs", "ink title"),
           text(20, 52, f"one worker, packets in memory; {machine['cpu']}, {machine['commit']}; dashed: references of the same run",
                "soft")]
    if drawn:
        scale = Scale(drawn)
        out += grid(scale)
        for i, s in reversed(list(enumerate(drawn))):
            out += curve(s, scale, 3 * i - 4)
        out += labels(drawn, scale)
    else:
        out.append(text(20, 90, "nothing was measured", "soft"))
    return "\n".join([*out, "</svg>"]) + "\n"
