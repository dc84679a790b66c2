#!/usr/bin/env python3
"""Do many saturating connections get the same? Messages per connection and latency at 8, 32 and 100 connections."""
import driver


def main():
    given = driver.arguments(__doc__, total=4000, kind="inbound", only=0)
    with driver.Site() as site:
        pool = getattr(site, given.kind)()
        widths = (12, 8, 22, 10, 10, 10, 12)
        driver.row("connections", "msg/s", "per conn min/med/max", "p50 ms", "p99 ms", "max ms", "CPU ms/msg",
                   widths=widths)
        driver.Run(site, pool, 4, 200, first=10 ** 9).join()
        first = 0
        for connections in [given.only] if given.only else (8, 32, 100):
            before = site.cpu()
            run = driver.Run(site, pool, connections, given.total, first=first,
                             daemon_name="ORIGINATING" if given.kind == "outbound" else "mx").join()
            first += given.total
            counts = run.per_connection
            driver.row(connections, f"{run.rate:.0f}", f"{counts[0]}/{counts[len(counts) // 2]}/{counts[-1]}",
                       f"{run.quantile(.5) * 1e3:.1f}", f"{run.quantile(.99) * 1e3:.1f}", f"{run.took[-1] * 1e3:.0f}",
                       f"{(site.cpu() - before) / given.total * 1e3:.2f}", widths=widths)
            quarter = max(1, connections // 4)
            shares = [len(t.took) for t in run.by_age]
            oldest, newest = sum(shares[:quarter]), sum(shares[-quarter:])
            print(f"   {run.verdicts}; oldest quarter : newest quarter = {oldest / max(1, newest):.2f}", flush=True)
        waiting = site.metrics()["direct_outbox_waiting"]
        print(f"outbox waiting at the end: {waiting:.0f}; handed over: {site.sink.messages if site.sink else '-'}")


if __name__ == "__main__":
    main()
