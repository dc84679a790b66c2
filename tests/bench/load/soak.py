#!/usr/bin/env python3
"""Does anything grow with the number of messages? A mix of inbound, outbound, not ours and newuser; figures each tenth.

Wanted: RssAnon within 5 % between a tenth and the end; threads and descriptors flat. The store grows by what is kept
on purpose: audit, message records, idempotency rows (10 days), settled entries.
"""
import random
import sys

import driver
from big import du


def main():
    given = driver.arguments(__doc__, total=100000, sessions=16)
    sections = {"newuser": {"quota_sender": 1000000, "quota_contact": 10000}}
    with driver.Site(sections) as site:
        pool = site.inbound(count=16) * 25 + site.outbound(count=16) * 25 + site.not_ours() * 24 + site.newuser(4)
        random.Random(1).shuffle(pool)
        widths = (9, 8, 12, 12, 8, 12, 12, 9, 10)
        driver.row("messages", "msg/s", "RssAnon KiB", "VmRSS KiB", "threads", "descriptors", "store MiB", "B/message",
                   "handed on", widths=widths)
        tenth, anon, verdicts = given.total // 10, [], {}
        for i in range(10):
            run = driver.Run(site, pool, given.sessions, tenth, first=i * tenth).join()
            site.wait_outbox_empty()
            for v, n in run.verdicts.items():
                verdicts[v] = verdicts.get(v, 0) + n
            anon.append(site.status("RssAnon"))
            size = du(site.daemon.root + "/store")
            driver.row((i + 1) * tenth, f"{run.rate:.0f}", anon[-1], site.status("VmRSS"), site.status("Threads"),
                       site.descriptors(), size >> 20, size // ((i + 1) * tenth), site.sink.messages, widths=widths)
        print(f"RssAnon at the end / at a tenth: {anon[-1] / anon[0]:.3f}; {verdicts}")
        print(site.daemon.ctl("store", "stat").out)
    sys.exit(0 if anon[-1] <= anon[0] * 1.05 else 1)


if __name__ == "__main__":
    main()
