#!/usr/bin/env python3
"""What do idle sessions cost? RSS, CPU over ten seconds and the latency of one active session, with and without them."""
import resource
import time

import driver
from driver import Connection


def active(site, pool, first, count=300):
    run = driver.Run(site, pool, 1, count, first=first).join()
    return f"p50 {run.quantile(.5) * 1e3:.2f} ms, p99 {run.quantile(.99) * 1e3:.2f} ms, {run.rate:.0f} msg/s"


def main():
    given = driver.arguments(__doc__, sessions=1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (given.sessions + 200,) * 2)
    with driver.Site() as site:
        pool = site.inbound()
        active(site, pool, 10 ** 6)
        print(f"without: RssAnon {site.status('RssAnon')} KiB, {active(site, pool, 0)}")
        base = site.status("RssAnon")
        idle = [Connection(site.daemon.socket) for _ in range(given.sessions)]
        cpu, begun = site.cpu(), time.monotonic()
        time.sleep(10)  # the measurement itself
        cpu = (site.cpu() - cpu) / (time.monotonic() - begun)
        print(f"{len(idle)} idle: RssAnon {site.status('RssAnon')} KiB (+{site.status('RssAnon') - base}), "
              f"{site.status('Threads')} threads, CPU {cpu * 100:.2f} % of one core")
        print(f"with them: {active(site, pool, 10 ** 5)}")
        for c in idle:
            c.close()


if __name__ == "__main__":
    main()
