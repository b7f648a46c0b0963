#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts test cases in meson's logs (one JSON object a line) and prints what failed or was skipped.

A cmocka or pytest program counts its cases, any other program counts as one; what it left out of itself, a line with the
reason each that begins with SKIPPED, counts as skipped beside it. A program that ended badly without
a failed case of its own (a crash, a time-out, a leak found at exit) counts as one failure.
Exit status 0 only if something passed and nothing failed.
"""
import json
import re
import sys

CMOCKA = {"passed": r"^\[  PASSED  \] (\d+) test", "failed": r"^\[  FAILED  \] (\d+) test", "skipped": r"^\[  SKIPPED \] (\d+) test"}
PYTEST = r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s"


def cases(text):
    found = {kind: sum(map(int, re.findall(p, text, re.M))) for kind, p in CMOCKA.items()}
    for line in re.findall(PYTEST, text, re.M):
        for number, word in re.findall(r"(\d+) (\w+)", line):
            kind = {"error": "failed", "errors": "failed"}.get(word, word)
            if kind in found:
                found[kind] += int(number)
    return found


def main(paths):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        for line in open(path, encoding="utf-8"):
            test = json.loads(line)
            text = re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout", "") + "\n" + test.get("stderr", ""))
            found, verdict = cases(text), test["result"]
            reasons = re.findall(r"^SKIPPED.*", text, re.M)
            if verdict == "SKIP":
                print(f"skipped: {test['name']}: {text.strip()[:300] or 'no reason given'}")
                found = {"passed": 0, "failed": 0, "skipped": 1}
            elif verdict == "OK" and not any(found.values()):
                found["passed"], found["skipped"] = 1, len(reasons)
            elif verdict not in ("OK", "EXPECTEDFAIL") and not found["failed"]:
                found["failed"] = 1
            if found["skipped"] and verdict != "SKIP":
                print(f"skipped: {found['skipped']} cases of {test['name']}:", *reasons, sep="\n  ")
            if found["failed"]:
                print(f"failed: {test['name']} ({verdict.lower()})")
            for kind in total:
                total[kind] += found[kind]
    print(f"{total['passed']} passed, {total['failed']} failed" + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
