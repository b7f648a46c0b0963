# SPDX-License-Identifier: BSD-3-Clause
"""The tables for people."""
import textwrap

TOUCH = "touch"
KNOWN = {"name", "family", "direction", "flows", "workers", "ns_per_packet", "min", "max", "runs", "mpps", "touch_ns",
         "touch_min", "touch_max", "ratio_to_touch", "ratio_to_testpmd"}


def touch_of(result, cell):
    """The reference 'touch' of a cell: of its family and its number of flows, or of the nearest number."""
    rows = [r for r in result["references"] if r["name"] == TOUCH and r.get("family", cell.get("family")) == cell.get("family")]
    return min(rows, key=lambda r: abs(r.get("flows", 1) - cell.get("flows", 1)), default=None)


def add_ratios(result):
    """Every cell gets ratio_to_touch: null where nothing was measured to compare it with."""
    for cell in result["cells"]:
        touch = touch_of(result, cell)
        cell.setdefault("ratio_to_touch", round(cell["ns_per_packet"] / touch["ns_per_packet"], 3) if touch else None)


def table(title, columns, rows):
    """Columns as wide as they must be. A column's name that begins with '<' is flush left."""
    if not rows:
        return ""
    rows = [[name.lstrip("<") for name in columns], *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    lines = ["  " + "  ".join(text.ljust(w) if name.startswith("<") else text.rjust(w)
                             for text, w, name in zip(row, widths, columns)).rstrip() for row in rows]
    return "\n".join([title, lines[0], "  " + "-" * (len(max(lines, key=len)) - 2), *lines[1:]]) + "\n"


def number(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def flows(value):
    """1024 as 1 Ki."""
    if not value:
        return ""
    for unit, size in (("Mi", 1 << 20), ("Ki", 1 << 10)):
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return str(value)


def figures(row):
    spread = f"{row['min']:.2f} - {row['max']:.2f}" if "min" in row else ""
    return [number(row["ns_per_packet"]), spread]


def references(result):
    return table("References", ["<name", "<family", "flows", "ns/packet", "min - max"],
                 [[r["name"], r.get("family", ""), flows(r.get("flows")), *figures(r)] for r in result["references"]])


def cells(result):
    return table("Cells", ["<name", "<family", "<direction", "flows", "workers", "ns/packet", "min - max", "Mpps", "x touch",
                           "x testpmd"],
                 [[c["name"], c.get("family", ""), c.get("direction", ""), flows(c.get("flows")), str(c.get("workers", "")),
                   *figures(c), number(c.get("mpps")), number(c["ratio_to_touch"]), number(c.get("ratio_to_testpmd"))]
                  for c in result["cells"]])


def more(result):
    """What some cells have beside their cost."""
    lines = []
    for c in result["cells"]:
        special = ", ".join(f"{key} {value:g}" if isinstance(value, (int, float)) else f"{key} {value}"
                            for key, value in c.items() if key not in KNOWN)
        if special:
            lines += textwrap.wrap(f"{c['name']}, {c.get('family', '')}, {flows(c.get('flows'))} flows: {special}", 118,
                                   initial_indent="  ", subsequent_indent="      ")
    return "\n".join(["More of some cells", *lines]) + "\n" if lines else ""


def latencies(result):
    percentiles = list(result["latency"][0]["us"]) if result["latency"] else []
    return table("Latency, microseconds there and back: medians of the runs' percentiles", ["<path", *percentiles, *(f"added {p}" for p in percentiles)],
                 [[r["name"], *(number(r["us"][p]) for p in percentiles),
                   *(f"{r['added_us'][p]:+.2f}" if r["added_us"] else "" for p in percentiles)] for r in result["latency"]])


def goals(result):
    return table("What it must show", ["<goal", "measured", "<", "limit", "<verdict"],
                 [[g["name"], number(g["measured"]), f"at {g['at']}", f"{g['limit']:g} {g['unit']}".strip(),
                   "held" if g["holds"] else "MISSED"] for g in result["goals"]])


def text(result):
    m = result["machine"]
    head = f"{m['cpu']}, {m['cpus']} processors, {m['memory_mb']} MB, Linux {m['kernel']}, anabranch {m['commit']}\n" \
           "Medians of at least five runs. Machines differ and are shared: quote ratios, not times.\n"
    if m.get("runs_repeated"):
        head += f"{m['runs_repeated']} runs in memory were repeated, because touch was slow beside them.\n"
    notes = "\n".join([*(f"Left out: {what}" for what in result["left_out"]), *(f"Failed: {what}" for what in result["errors"])])
    parts = head, references(result), cells(result), more(result), latencies(result), goals(result), notes
    return "\n".join(part for part in parts if part)
