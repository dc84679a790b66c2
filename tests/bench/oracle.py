#!/usr/bin/env python3
"""Can the moment of a refusal tell how far the message got? Classes of variants, one after the other in random order
over one connection, and what a statistician sees: the distance of their distributions.

    DIRECT_BUILD=build tests/bench/oracle.py [--per-class N] [--grid 100ms] [--text-kib K] [--busy N]

Prints per class the times, and per pair the Kolmogorov-Smirnov distance D with its p (two-sided, asymptotic) and
Welch's t. D that chance alone exceeds once in a hundred pairs: 1.63 * sqrt(2/N). Needs root (the private Postfix).
Exit code 1 when more pairs are apart than chance allows. `--grid 10ms` with a text of some MiB shows the classes apart: the test can see what there is to be seen.
"""
import argparse
import itertools
import math
import os
import random
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postfix"))
from harness.milter import MilterClient  # noqa: E402
from harness.site import HERE, THERE, SiteTest  # noqa: E402
from harness.variants import KINDS, TEXT, Recorded, seed_from_environment  # noqa: E402


def distance(a, b):
    """Kolmogorov-Smirnov: the greatest difference of the two cumulative distributions, and its p."""
    a, b = sorted(a), sorted(b)
    i = j = 0
    d = 0.0
    while i < len(a) and j < len(b):
        x = min(a[i], b[j])
        while i < len(a) and a[i] <= x:
            i += 1
        while j < len(b) and b[j] <= x:
            j += 1
        d = max(d, abs(i / len(a) - j / len(b)))
    n = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    lam = (n + 0.12 + 0.11 / n) * d
    p = 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * lam) ** 2) for k in range(1, 101))
    return d, min(1.0, max(0.0, p)) if lam > 0.2 else 1.0


def welch(a, b):
    spread = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(spread) if spread else 0.0


def measure(site, recorded, per_class, seed):
    rng = random.Random(seed)
    plan = [kind for kind in KINDS for _ in range(per_class)]
    rng.shuffle(plan)
    times = {kind: [] for kind in KINDS}
    with MilterClient(site.daemon.socket) as client:
        for i, kind in enumerate(plan):
            message = recorded.variant(kind, rng)
            head, rest = client.message_bytes(f"bob@{THERE}", [f"alice@{HERE}"], message, queue_id=f"Q{i}")
            client.socket.sendall(head)
            client.packet()
            # The clock starts when everything but the end of the message is there.
            cut = rest.rindex(client.framed(b"E"))
            client.socket.sendall(rest[:cut])
            time.sleep(rng.random() * 0.01)
            begun = time.perf_counter()
            client.socket.sendall(rest[cut:])
            client.answer()
            times[kind].append(time.perf_counter() - begun)
    return times


def tell(times, per_class):
    for kind, t in times.items():
        t = sorted(t)
        print(f"{kind:20s} median {t[len(t) // 2] * 1e3:9.3f} ms  mean {statistics.fmean(t) * 1e3:9.3f}  "
              f"p99 {t[int(len(t) * 0.99)] * 1e3:9.3f}  sd {statistics.stdev(t) * 1e3:7.3f}")
    limit = 1.63 * math.sqrt(2 / per_class)
    apart = 0
    for a, b in itertools.combinations(times, 2):
        d, p = distance(times[a], times[b])
        apart += p < 0.01
        mark = "  <-- apart" if p < 0.01 else ""
        print(f"{a:20s} {b:20s} D {d:.3f} (1 %: {limit:.3f})  p {p:.4f}  t {welch(times[a], times[b]):+.2f}{mark}")
    pairs = len(times) * (len(times) - 1) // 2
    print(f"pairs told apart at p < 0.01: {apart} of {pairs} (chance alone: {pairs * 0.01:.1f})")
    return apart <= max(2, pairs // 7)


def busy(site, stop):
    """Other sessions that keep the machine at work."""
    with MilterClient(site.daemon.socket, client_ip="127.0.2.1") as client:
        while not stop.is_set():
            client.send("x@y.test", f"alice@{HERE}", b"Subject: plain\r\n\r\nplain\r\n", queue_id="B")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--per-class", type=int, default=300)
    arguments.add_argument("--grid", default="100ms")
    arguments.add_argument("--text-kib", type=int, default=4)
    arguments.add_argument("--busy", type=int, default=0)
    given = arguments.parse_args()

    class Site(SiteTest):
        alike = False
        sections = {"limits": {"refusal_grid": given.grid}, "store": {"size_max": "2G"}}

        def runTest(self):
            text = TEXT * max(1, given.text_kib * 1024 // len(TEXT))
            recorded = Recorded(f"bob@{THERE}", f"alice@{HERE}", self.bob, self.alice, text)
            seed = seed_from_environment()
            print(f"seed {seed}, {given.per_class} per class, grid {given.grid}, message {len(recorded.message)} bytes")
            stop = threading.Event()
            others = [threading.Thread(target=busy, args=(self, stop)) for _ in range(given.busy)]
            for t in others:
                t.start()
            try:
                Site.alike = tell(measure(self, recorded, given.per_class, seed), given.per_class)
            finally:
                stop.set()
                for t in others:
                    t.join()

    Site.setUpClass()
    try:
        Site("runTest").runTest()
    finally:
        Site.doClassCleanups()
    sys.exit(0 if Site.alike else 1)


if __name__ == "__main__":
    main()
