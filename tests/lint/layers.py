#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom.

- include/lb/ includes itself, libc and rte_ring alone.
- dataplane/ never includes a header of controlplane/, nor the reverse.
- Inside the dataplane, the packet's way (files of dp_core_sources) never includes port/ or kernel/;
  inside the control plane, model/ and build/ never include what talks to the world.
- No two headers include each other, in however many steps.
"""
import re
import sys
from pathlib import Path

TREE = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
CONTRACT_MAY = {"assert.h", "errno.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "rte_ring.h", "rte_ring_elem.h"}
CP_PURE_MUST_NOT = re.compile(r"uv\.h|sqlite3|curl/|publish\.h|store\.h|apply\.h|ctl_socket|health/health\.h|daemon\.h")


def includes(path):
    return re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', path.read_text(), re.M)


def resolve(path, name):
    for base in (path.parent, TREE / "include", TREE / "dataplane", TREE / "controlplane", TREE):
        if (base / name).is_file():
            return (base / name).resolve()
    return None


def core_sources():
    text = (TREE / "dataplane/meson.build").read_text()
    block = re.search(r"dp_core_sources = files\((.*?)\)", text, re.S)
    return {(TREE / "dataplane" / name).resolve() for name in re.findall(r"'([^']+)'", block.group(1))}


def cycles(graph):
    """Headers that reach themselves."""
    def reaches(start):
        seen, todo = set(), list(graph[start])
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += graph.get(at, ())
        return start in seen
    return [start for start in graph if reaches(start)]


def main():
    problems, graph, core = [], {}, core_sources()
    core |= {c.with_suffix(".h") for c in core if c.with_suffix(".h").exists()}
    for path in sorted(p for top in ("include", "dataplane", "controlplane") for p in (TREE / top).rglob("*.[ch]")):
        name = path.relative_to(TREE)
        graph[path] = set()
        for kind, header in includes(path):
            found = resolve(path, header) if kind == '"' else None
            if found:
                graph[path].add(found)
            side = found.relative_to(TREE).parts[0] if found else None
            if name.parts[0] == "include" and side != "include" and header not in CONTRACT_MAY:
                problems.append(f"{name} includes {header}: the contract needs libc and rte_ring alone")
            if name.parts[0] == "dataplane" and side == "controlplane" or name.parts[0] == "controlplane" and side == "dataplane":
                problems.append(f"{name} includes {header}: the two processes share include/lb/ alone")
            if path in core and found and found.parent.name in ("port", "kernel"):
                problems.append(f"{name} includes {header}: the packet's way stands below ports and kernel")
            if name.parts[:2] in (("controlplane", "model"), ("controlplane", "build")) and CP_PURE_MUST_NOT.search(header):
                problems.append(f"{name} includes {header}: {name.parts[1]}/ is pure")
    problems += [f"{p.relative_to(TREE)} includes itself through others" for p in cycles(graph)]
    print("\n".join(problems) or f"{len(graph)} files keep their layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
