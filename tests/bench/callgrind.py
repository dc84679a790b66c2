#!/usr/bin/env python3
"""Counts the instructions of one opening and one sealing at 4 KB and holds their ratio to the key operations alone
against tests/bench/instructions.txt, and one opening under ten thousand anchors against one under ten. Instructions depend on neither load nor clock; valgrind shows every program the
same plain processor, so they hardly depend on the machine.

    callgrind.py PROGRAM

Exit code 0: as kept; 1: a ratio has left its bounds; 77: no valgrind here.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
WAYS = ("open", "seal")
FEW, MANY = 10, 10000  # anchors
ANCHORS_PERCENT = 1.0  # one opening under many anchors may cost so much more or less than under few


def count(program):
    """Instructions by function: {"open": n, "raw_open": n, ...}."""
    with tempfile.TemporaryDirectory(prefix="direct-callgrind-") as folder:
        out = os.path.join(folder, "out")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
                   "--toggle-collect=measured_*"]
        files = [os.path.join(folder, f"{count}.pem") for count in (FEW, MANY)]
        for file, count in zip(files, (FEW, MANY)):
            subprocess.run([program, "--anchors", file, str(count)], check=True)
        for way in ("few_anchors", "many_anchors"):
            command.append(f"--dump-after=measured_{way}")
        for way in WAYS:  # a pattern would not do: it dumps at the end only
            command += [f"--dump-after=measured_{way}", f"--dump-after=measured_raw_{way}"]
        command += [program, *files]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                text = f.read()
            trigger = re.search(r"^desc: Trigger: --dump-after=measured_(\w+)", text, re.M)
            total = re.search(r"^totals: (\d+)", text, re.M)
            if trigger and total:
                found[trigger[1]] = int(total[1])
    return found


def kept_bounds():
    """{"open": (ratio, deviation allowed in percent)} from instructions.txt."""
    rows = {}
    with open(KEPT, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                way, ratio, percent = line.split()
                rows[way] = (float(ratio), float(percent))
    return rows


def main():
    if not shutil.which("valgrind"):
        print("no valgrind")
        return 1 if os.environ.get("CI") else 77
    counts = count(sys.argv[1])
    code = 0
    for way, (kept, percent) in kept_bounds().items():
        mine, raw = counts[way], counts["raw_" + way]
        ratio = mine / raw
        off = (ratio / kept - 1) * 100
        good = abs(off) <= percent
        print(f"{way}: {mine} instructions, {raw} of them at least by the key operations: ratio {ratio:.3f}, "
              f"kept {kept:.3f}, {off:+.1f} % of {percent:g} % allowed{'' if good else ': OUT OF BOUNDS'}")
        code = code if good else 1
    few, many = counts["few_anchors"], counts["many_anchors"]
    off = (many / few - 1) * 100
    good = abs(off) <= ANCHORS_PERCENT
    print(f"open: {few} instructions under {FEW} anchors, {many} under {MANY}: {off:+.2f} % of {ANCHORS_PERCENT:g} % "
          f"allowed{'' if good else ': OUT OF BOUNDS'}")
    return code if good else 1


if __name__ == "__main__":
    sys.exit(main())
