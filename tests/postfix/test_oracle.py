"""No oracle: ten thousand variants of one recorded message get one answer, byte for byte (C14, O4, decision 1).

When the answers come is measured by tests/bench/oracle.py; here they must at least never come before the grid line.
"""
import collections
import os
import random
import threading
import time
import unittest

from harness.milter import MilterClient
from harness.site import HERE, THERE, SiteTest
from harness.variants import KINDS, Recorded, seed_from_environment

VARIANTS = int(os.environ.get("DIRECT_VARIANTS", "10000"))
AT_ONCE = 64
GRID = 0.1  # limits.refusal_grid, default


class Oracle(SiteTest):
    sections = {"store": {"size_max": "2G"}}

    def test_ten_thousand_variants_one_answer(self):
        recorded = Recorded(f"bob@{THERE}", f"alice@{HERE}", self.bob, self.alice)
        with MilterClient(self.daemon.socket) as client:
            self.assertTrue(client.send(f"bob@{THERE}", f"alice@{HERE}", recorded.message, queue_id="Q").taken)
        seed = seed_from_environment()
        print(f"seed {seed}", flush=True)
        answers, early, troubles = collections.Counter(), collections.Counter(), []
        lock = threading.Lock()

        def send_share(share):
            rng = random.Random(seed * 1000 + share)
            try:
                with MilterClient(self.daemon.socket, client_ip=f"127.0.1.{share}") as client:
                    for i in range(share, VARIANTS, AT_ONCE):
                        kind = KINDS[i // AT_ONCE % len(KINDS)]
                        message = recorded.variant(kind, rng)
                        begun = time.monotonic()
                        answer = client.send(f"bob@{THERE}", f"alice@{HERE}", message, queue_id=f"Q{i}")
                        took = time.monotonic() - begun
                        with lock:
                            answers[answer.raw, bool(answer.dropped or answer.added or answer.changed)] += 1
                            early[kind] += took < GRID
            except Exception as e:  # reported by the test's own thread
                troubles.append(e)
        threads = [threading.Thread(target=send_share, args=(share,)) for share in range(AT_ONCE)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(troubles, [])
        self.assertEqual(dict(answers), {(b"y554 5.7.1 direct: not-accepted\0", False): VARIANTS})
        self.assertEqual(sum(early.values()), 0, early)
        tokens = collections.Counter(e["token"] for e in self.audit_of_refusals())
        print("what the audit tells the administrator:", dict(tokens), flush=True)
        self.assertGreaterEqual(len(tokens), 3, "the variants fail at different depths")

    def audit_of_refusals(self):
        return [e for e in self.daemon.ctl("audit", "--json").json["entries"] if e["event"] == "message-in"
                and e["token"] != "accepted"]


if __name__ == "__main__":
    unittest.main()
