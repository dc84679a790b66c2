#!/usr/bin/env python3
"""Postfix with our milter against the same Postfix with a milter that does nothing: accepted messages per second.

smtp-source (package postfix) sends 4 KB messages at 8 and 32 sessions, a connection for each. Rows: a null milter that
answers every step, and one that asks for the end only; ours sealing outbound mail in place; ours accepting inbound
mail (what it owes goes to a sink); ours end to end (into the mailbox, delivery reports included) against the null
milter's time into the same mailbox. Added latency: our message_seconds against the store's commits of that run, with
every session sending at once (then it is mostly the wait for a core) and with --paced messages a second.
"""
import collections
import os
import statistics
import subprocess
import time

import driver
from driver import HERE, REPORT_DOMAIN, THERE
from harness.base import until, write
from harness.postfix import PrivatePostfix

BOX = "everybody"


class NullMilter:
    def __init__(self, folder, kind):
        program, self.path = os.path.join(folder, "null_milter"), os.path.join(folder, kind + ".sock")
        self.socket = "unix:" + self.path
        if not os.path.exists(program):
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "null_milter.c")
            subprocess.run(["cc", "-O2", "-o", program, source, "-lmilter", "-lpthread"], check=True)
        self.process = subprocess.Popen([program, self.socket, kind])
        until(lambda: os.path.exists(self.path), "the null milter")
        os.chmod(self.path, 0o666)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, given):
        self.given = given
        self.site = driver.Site({"listeners": {"local": "submission"}})
        site = self.site
        self.postfix = PrivatePostfix(
            site.scratch.folder("postfix"), transport={THERE: "discard:"},
            settings={"virtual_mailbox_maps": f"static:{BOX}/", "relay_domains": f"{REPORT_DOMAIN} {THERE}",
                      "smtpd_client_event_limit_exceptions": "static:all", "default_process_limit": "100", "in_flow_delay": given.flow_delay})
        (_, _, inbound, _), = site.inbound(4096, 1)
        (_, _, outbound, _), = site.outbound(2000, 1)
        folder = site.scratch.folder("messages")
        self.files = {"in": write(os.path.join(folder, "in"), inbound.replace(b"\r\n", b"\n")),
                      "out": write(os.path.join(folder, "out"), outbound.replace(b"\r\n", b"\n"))}
        print(f"inbound {len(inbound)} bytes, outbound {len(outbound)} bytes, on {given.on}", flush=True)
        self.sent = 0

    def mailbox(self):
        try:
            return len(os.listdir(os.path.join(self.postfix.root, "mail", BOX, "new")))
        except OSError:
            return 0

    def send(self, way, sessions, count):
        """Accepted messages per second. Every inbound recipient is another, so none is a repeat."""
        self.sent += 1
        who = ["-f", f"bob@{THERE}", "-N", "-t", f"r{self.sent}@{HERE}", "-F", self.files["in"]] if way == "in" else \
            ["-f", f"box0@{HERE}", "-t", f"bob@{THERE}", "-F", self.files["out"]]
        port = self.postfix.mx if way == "in" else self.postfix.submission
        begun = time.monotonic()
        done = subprocess.run(["smtp-source", "-s", str(sessions), "-m", str(count), *who, f"127.0.0.1:{port}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise SystemExit(done.stdout.decode() + self.postfix.log_tail() + self.site.daemon.log_tail())
        return count / (time.monotonic() - begun)

    def paced(self, way, processes, each):
        """One message a second from each of `processes`, one after the other: what a site feels that is not saturated."""
        running = []
        for i in range(processes):
            self.sent += 1
            who = ["-f", f"bob@{THERE}", "-N", "-t", f"p{self.sent}@{HERE}", "-F", self.files["in"]] if way == "in" else \
                ["-f", f"box0@{HERE}", "-t", f"bob@{THERE}", "-F", self.files["out"]]
            port = self.postfix.mx if way == "in" else self.postfix.submission
            running.append(subprocess.Popen(["smtp-source", "-s", "1", "-w", "1", "-m", str(each), *who, f"127.0.0.1:{port}"]))
            time.sleep(1 / processes)  # the pace itself: they stay apart because each waits a second
        if any([p.wait() for p in running]):
            raise SystemExit(self.postfix.log_tail() + self.site.daemon.log_tail())
        self.settle()

    def with_milter(self, socket):
        self.postfix.stop()
        self.postfix.milter = socket
        self.postfix.start()
        for way in ("in", "out"):  # processes are there when it counts
            self.send(way, 8, 40)
        self.settle()

    def settle(self):
        self.postfix.wait_queue_empty(seconds=600)
        if self.site.daemon.running:
            self.site.wait_outbox_empty()
            self.postfix.wait_queue_empty(seconds=600)

    def reinject_to(self, port):
        self.site.daemon.sections["reinject"]["smtp"] = f"127.0.0.1:{port}"
        self.site.daemon.write_config()

    def into_mailbox(self, sessions, count):
        before = self.mailbox()
        begun = time.monotonic()
        accepted = self.send("in", sessions, count)
        until(lambda: self.mailbox() >= before + count, "every message in the mailbox", 900,
              lambda: f"{self.mailbox() - before} of {count}")
        return accepted, count / (time.monotonic() - begun)

    def run(self):
        results, saturated = collections.defaultdict(list), []
        for _ in range(self.given.rounds):
            for kind in ("null", "skip"):
                milter = NullMilter(self.site.scratch.path, kind)
                self.with_milter(milter.socket)
                for sessions in (8, 32):
                    self.outbound(kind, sessions, results)
                    accepted, delivered = self.into_mailbox(sessions, self.given.count)
                    results[kind, "accepting", sessions].append(accepted)
                    results[kind, "mailbox", sessions].append(delivered)
                    self.settle()
                self.postfix.stop()
                milter.stop()
            saturated.append(self.ours(results))
        calm = [self.site.histograms()]
        for way in ("out", "in"):
            self.paced(way, self.given.paced, 25)
            calm.append(self.site.histograms())
        self.postfix.stop()
        self.show({k: statistics.median(v) for k, v in results.items()})
        for number, (before, after) in enumerate(saturated, 1):
            self.show_latency(f"saturated, round {number}", before, after)
        for way, (a, b) in zip(("outbound", "inbound"), zip(calm, calm[1:])):
            self.show_latency(f"{way}, {self.given.paced} a second", a, b)

    def outbound(self, kind, sessions, results):
        results[kind, "outbound", sessions].append(self.send("out", sessions, self.given.count))
        self.settle()

    def ours(self, results):
        """One round with our milter; the histograms before and after what saturates it. What is owed goes to a sink, then
        into Postfix."""
        self.reinject_to(self.site.sink.port)
        if self.site.daemon.running:
            self.site.daemon.restart()
        else:
            self.site.start()
        self.with_milter(self.site.daemon.socket)
        before = self.site.histograms()
        for sessions in (8, 32):
            self.outbound("ours", sessions, results)
            results["ours", "accepting", sessions].append(self.send("in", sessions, self.given.count))
            self.settle()
        after = self.site.histograms()
        self.reinject_to(self.postfix.reinject)
        self.site.daemon.restart()
        self.settle()
        for sessions in (8, 32):
            carried = self.carried()
            results["ours", "mailbox", sessions].append(self.into_mailbox(sessions, self.given.count)[1])
            self.settle()
            results["carried", sessions].append((self.carried() - carried) / self.given.count)
        self.reinject_to(self.site.sink.port)
        self.site.daemon.restart()
        self.postfix.stop()
        self.postfix.start()
        return before, after

    def carried(self):
        """Messages Postfix has begun to file."""
        return self.postfix.log().count(": message-id=")

    def show(self, results):
        widths = (10, 8, 12, 12, 12, 12, 12, 8)
        driver.row("", "sessions", "null msg/s", "skip msg/s", "ours msg/s", "ours/null", "ours/skip", "wanted",
                   widths=widths)
        for what, wanted in (("outbound", ".80"), ("accepting", ".80"), ("mailbox", ".45")):
            for sessions in (8, 32):
                null, skip, ours = (results[k, what, sessions] for k in ("null", "skip", "ours"))
                driver.row(what, sessions, f"{null:.0f}", f"{skip:.0f}", f"{ours:.0f}", f"{ours / null:.2f}",
                           f"{ours / skip:.2f}", wanted, widths=widths)
        for sessions in (8, 32):
            many = results["carried", sessions]
            print(f"mailbox, {sessions} sessions: Postfix carried {many:.1f} messages for each, so it allows {1 / many:.2f}")

    @staticmethod
    def show_latency(when, before, after):
        for q in (.5, .99):
            ours, commit = (driver.quantile_between(before[n], after[n], q)
                            for n in ("direct_message_seconds", "direct_commit_seconds"))
            print(f"{when}: p{q * 100:.0f} added latency <= {ours * 1e3:.0f} ms, commit <= {commit * 1e3:.0f} ms "
                  "(upper bounds of the histogram's buckets)")


def main():
    given = driver.arguments(__doc__, count=600, flow_delay="0", paced=16, rounds=3)
    bench = Bench(given)
    try:
        bench.run()
    finally:
        bench.postfix.stop()
        bench.site.stop()


if __name__ == "__main__":
    main()
