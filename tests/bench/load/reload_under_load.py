#!/usr/bin/env python3
"""Reloads every 50 ms while 16 sessions send: nothing fails, and the memory of old sites comes back."""
import signal
import threading

import driver


def main():
    given = driver.arguments(__doc__, total=10000, sessions=16, every_ms=50)
    with driver.Site() as site:
        pool = site.inbound() + site.outbound() + site.not_ours()
        driver.Run(site, pool, given.sessions, given.total // 5, first=10 ** 6).join()
        before = site.metrics()["direct_reloads_total"]
        run = driver.Run(site, pool, given.sessions, given.total)
        over, seen = threading.Event(), []

        def reload():
            while not over.wait(given.every_ms / 1000):
                site.daemon.process.send_signal(signal.SIGUSR1)
                seen.append(site.status("RssAnon"))
        thread = threading.Thread(target=reload)
        thread.start()
        run.join()
        over.set()
        thread.join()
        m = site.metrics()
        tenth = max(1, len(seen) // 10)
        print(f"{given.total} messages, {run.rate:.0f}/s, {run.verdicts}")
        print(f"reloads {m['direct_reloads_total'] - before:.0f}, refused {m['direct_reload_failures_total']:.0f}; RssAnon "
              f"KiB: first tenth {max(seen[:tenth])}, middle {seen[len(seen) // 2]}, last tenth {max(seen[-tenth:])}")
        print(f"threads {site.status('Threads')}, descriptors {site.descriptors()}")


if __name__ == "__main__":
    main()
