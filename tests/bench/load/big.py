#!/usr/bin/env python3
"""Many big messages at once: is the memory bound held, does everybody get 250 or 451, does a small one get through?

Bound: limits.work_memory + 256 KiB for each session + one message in the outbox's hand (its content twice) + what the
daemon had before. RssAnon is what counts: mapped pages of the store are the kernel's to take back.
"""
import os
import sys
import threading
import time

import driver
from driver import Connection
from harness.milter import FINAL


def send_some(socket_name, one, numbers, seconds, pipe):
    """One thread for each session, one message each; the message's bytes are there once for all of them."""
    sender, recipient, message, _ = one
    probe = Connection.__new__(Connection)
    _, rest = probe.message_bytes(sender, [recipient.format(0)], message)
    head_of = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    answers = []

    def session(number):
        try:
            c = Connection(socket_name, timeout=seconds)
            head, _ = c.message_bytes(sender, [recipient.format(number)], head_of, queue_id=f"B{number}")
            c.socket.sendall(head)
            c.packet()
            c.socket.sendall(rest)
            begun = time.monotonic()
            code, text = c.packet()
            while code not in FINAL:
                code, text = c.packet()
            answers.append((FINAL[code] + " " + text[:3].decode(errors="replace"), time.monotonic() - begun))
            c.close()
        except OSError as e:
            answers.append((f"lost: {e}", 0.0))
    threads = [threading.Thread(target=session, args=(n,)) for n in numbers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    pipe.send(answers)


def main():
    given = driver.arguments(__doc__, sessions=200, megabytes=25, work_memory="1G", work_wait="60s")
    sections = {"limits": {"work_memory": given.work_memory, "work_wait": given.work_wait},
                "milter": {"message_max": f"{given.megabytes * 2 + 4}M"}, "store": {"size_max": "64G"}}
    with driver.Site(sections) as site:
        one, = site.inbound(given.megabytes << 20, 1)
        small = site.not_ours()
        driver.Run(site, site.inbound(), 4, 100, first=10 ** 6).join()
        base, size = site.status("RssAnon"), len(one[2])
        print(f"{given.sessions} messages of {size >> 20} MiB; base {base >> 10} MiB", flush=True)
        watch, begun, children = driver.Watch(site), time.monotonic(), []
        for p in range(2):
            ours, theirs = driver.fork.Pipe()
            child = driver.fork.Process(target=send_some, daemon=True, args=(
                site.daemon.socket, one, range(p, given.sessions, 2), 600, theirs))
            child.start()
            children.append(ours)
        # Meanwhile small messages on one connection: what a session waits for libmilter's workers.
        over, slowest = threading.Event(), [0.0, 0]

        def probe():
            with Connection(site.daemon.socket, timeout=600) as c:
                while not over.wait(0.02):
                    before = time.monotonic()
                    c.send(small[0][0], "b@elsewhere.test", small[0][2])
                    slowest[:] = max(slowest[0], time.monotonic() - before), slowest[1] + 1
        prober = threading.Thread(target=probe)
        prober.start()
        answers = [a for pipe in children for a in pipe.recv()]
        over.set()
        prober.join()
        seconds, peak = time.monotonic() - begun, watch.stop()
        verdicts = {}
        for verdict, _ in answers:
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
        took = sorted(t for _, t in answers)
        work = int(given.work_memory[:-1]) << {"M": 10, "G": 20}[given.work_memory[-1]]
        bound = work + 256 * given.sessions + 2 * size // 1024 + base
        print(f"{seconds:.0f} s; {verdicts}; wait for the answer p50 {took[len(took) // 2]:.1f} s, max {took[-1]:.1f} s")
        print(f"peak RssAnon {peak >> 10} MiB, VmHWM {site.status('VmHWM') >> 10} MiB, bound {bound >> 10} MiB: "
              f"{peak / bound:.2f}")
        print(f"small ones meanwhile: {slowest[1]}, slowest {slowest[0] * 1e3:.0f} ms")
        before = time.monotonic()
        site.wait_outbox_empty()
        taken = sum(n for v, n in verdicts.items() if v.startswith(("discard", "accept")))
        print(f"outbox empty after {time.monotonic() - before:.0f} s more; handed over {site.sink.messages - 100} of {taken}; "
              f"RssAnon then {site.status('RssAnon') >> 10} MiB; store {du(site.daemon.root) >> 20} MiB")
    sys.exit(0 if peak <= bound else 1)


def du(folder):
    return sum(os.stat(os.path.join(at, f)).st_blocks * 512 for at, _, files in os.walk(folder) for f in files)


if __name__ == "__main__":
    main()
