#!/usr/bin/env python3
"""From start to ready with many keys and many anchors: what has to be read before the first session, and what memory it
takes then and when everything has been read in the background.

    DIRECT_BUILD=build tests/bench/start.py [--keys 10000] [--anchors 10000] [--maker build-bench/bin/bench_make_site]
                                            [--keep FOLDER]

With --keep the site is made once and used again. Prints, decides nothing. One RSA key serves all certificates: making
ten thousand would take an hour and reading costs the same.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postfix"))
from harness.base import free_port, run  # noqa: E402
from harness.daemon import Daemon  # noqa: E402

DOMAIN = "direct.clinic.example"
TICKS = os.sysconf("SC_CLK_TCK")


def usage(pid):
    """CPU seconds and resident MB of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / TICKS, rss / 1024


def start(folder):
    shutil.rmtree(os.path.join(folder, "store"), ignore_errors=True)  # each Daemon has a store key of its own
    daemon = Daemon(folder, reinject_port=free_port(), report_domain="report.test", domains=[{"name": DOMAIN}])
    begin = time.monotonic()
    daemon.start()
    ready = time.monotonic() - begin
    cpu, rss = usage(daemon.process.pid)
    print(f"  ready after {ready:6.2f} s, CPU {cpu:6.2f} s, resident {rss:6.0f} MB")
    before = -1.0
    while cpu > before:  # until it has nothing left to do
        before = cpu
        time.sleep(1)
        cpu, rss = usage(daemon.process.pid)
    print(f"  all read by {time.monotonic() - begin:6.2f} s, CPU {cpu:6.2f} s, resident {rss:6.0f} MB")
    daemon.stop()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keys", type=int, default=10000)
    options.add_argument("--anchors", type=int, default=10000)
    options.add_argument("--maker", default="build-bench/bin/bench_make_site")
    options.add_argument("--keep")
    given = options.parse_args()
    folder = given.keep or tempfile.mkdtemp(prefix="direct-bench-start-")
    os.environ.setdefault("DIRECT_BUILD", "build")
    try:
        if not os.path.isdir(os.path.join(folder, "anchors", DOMAIN)):
            run([given.maker, folder, str(given.keys), str(given.anchors)])
        print(f"{given.keys} keys, {given.anchors} anchors")
        for _ in range(3):
            start(folder)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
