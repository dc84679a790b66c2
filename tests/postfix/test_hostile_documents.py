"""Hostile documents in honest mail: every message is taken and delivered, every document comes to an end that is told, and other
mail does not wait for the parsers.

The documents are those of tests/clinical/hostile.py and packages.py that fit a message, and plugin "bad" which crashes, hangs and floods on
demand. Latencies are printed as a ratio in one run; only a wide bound is held.
"""
import os
import sys
import unittest

from harness import smime
from harness.base import build_dir, source_dir, until
from harness.milter import MilterClient
from harness.site import HERE, THERE, SiteTest
from test_hostile import Honest

sys.path.insert(0, os.path.join(source_dir(), "tests", "clinical"))
import hostile  # noqa: E402
import packages  # noqa: E402

# Base64 of it must fit the message limit; what is larger never reaches a parser by mail.
LARGEST = 8 << 20
MISDEEDS = {"crash": "crashed", "abort": "crashed", "stack": "crashed", "throw": "crashed", "hang": "timeout",
            "flood-channel": "limit", "flood-politely": "limit", "big-item": "limit", "garbage": "crashed",
            "length": "crashed", "many-children": "limit"}
BUDGET = "2s"
# A machine that others use: what would be noticed is a session that waits for a parser, which is seconds.
SLOWER = 25


class HostileDocuments(SiteTest):
    @classmethod
    def prepare(cls):
        folder = cls.scratch.folder("plugins")
        for name in os.listdir(os.path.join(build_dir(), "lib/direct/plugins")):
            if name.endswith(".so"):
                os.symlink(os.path.join(build_dir(), "lib/direct/plugins", name), os.path.join(folder, name))
        os.symlink(os.path.join(build_dir(), "tests/neighbours/bad.so"), os.path.join(folder, "bad.so"))
        cls.daemon.sections["plugins"] = {"path": folder, "parse_budget": BUDGET,
                                          "worker": os.path.join(build_dir(), "bin/direct-parse")}
        cls.daemon.write_config()

    def rows(self):
        """(name, bytes, states a document may end in)"""
        for document in hostile.documents() + packages.documents():
            content = document.content
            if 0 < len(content) <= LARGEST:
                # A parser that takes longer than the budget of this test on a busy machine is stopped, and says so.
                yield document.name, content, {"file" if s == "parsed" else s for s in document.statuses} | \
                    document.statuses | {"timeout"}
        for word, status in MISDEEDS.items():
            yield "bad:" + word, b"bad:" + word.encode(), {status}

    def state_of(self, message_id):
        done = self.daemon.ctl("record", "show", message_id, "--json")
        documents = done.json.get("documents", []) if done.code == 0 else []
        return documents[0]["state"] if documents else "pending"

    def test_hostile_documents_disturb_nobody(self):
        rows, sent = list(self.rows()), []
        self.assertGreaterEqual(len(rows), 45)
        for name, content, states in rows:
            inner, message = self.from_bob(attachments=[("x.xml", "text/xml", content)])
            sent.append((name, smime.field(inner, "Message-ID"), message, states))
        pid = self.daemon.process.pid
        honest = Honest(self.daemon.socket, [self.from_bob(to=f"carol@{HERE}", recipients=[self.here])[1]
                                             for _ in range(5)])
        honest.start()
        honest.enough.wait()
        honest.phase = "attacked"
        with MilterClient(self.daemon.socket, client_ip="127.0.1.1") as client:
            for name, _, message, _ in sent:
                answer = client.send(f"bob@{THERE}", f"alice@{HERE}", message, queue_id="X")
                self.assertTrue(answer.taken, (name, answer.raw))
        waiting = {message_id for _, message_id, _, _ in sent}
        ended = {}

        def all_ended():
            for message_id in list(waiting):
                state = self.state_of(message_id)
                if state != "pending":
                    ended[message_id] = state
                    waiting.discard(message_id)
            return not waiting
        until(all_ended, "every document's end", 300, lambda: [n for n, m, _, _ in sent if m in waiting])
        honest.ending.set()
        honest.join()

        self.assertEqual(honest.trouble, [], "honest mail is always taken")
        self.assertEqual([(name, ended[m]) for name, m, _, states in sent if ended[m] not in states], [])
        self.assertEqual((self.daemon.running, self.daemon.process.pid), (True, pid))
        quiet, attacked = honest.figures("quiet"), honest.figures("attacked")
        print(f"{len(rows)} documents, up to {max(len(c) for _, c, _ in rows)} bytes; honest mail meanwhile: "
              f"{len(honest.latency['attacked'])}, median x {attacked[0] / quiet[0]:.2f}, 99th of a hundred x "
              f"{attacked[1] / quiet[1]:.2f} (quiet {quiet[0] * 1e3:.1f} and {quiet[1] * 1e3:.1f} ms, attacked "
              f"{attacked[0] * 1e3:.1f} and {attacked[1] * 1e3:.1f} ms)", flush=True)
        self.assertLess(attacked[0], SLOWER * quiet[0])
        # The administrator is told, and where to look.
        told = [f for f in self.daemon.ctl_json("check")["findings"]
                if "attachments could not be read since the daemon was started" in f["what"]]
        self.assertEqual([f["severity"] for f in told], ["note"])
        self.assertIn("parse and child", told[0]["remedy"])
        # What was taken is delivered, whatever its attachment did.
        self.delivered(count=len(rows))
        # The parser that died is marked, and a document of its kind is still read by the others.
        _, message = again = self.from_bob(attachments=[("y.txt", "text/plain", b"plain words")])
        self.accepted(self.inbound(message))
        self.assertEqual(until(lambda: self.known(smime.field(again[0], "Message-ID")), "the next document"), "file")

    def known(self, message_id):
        state = self.state_of(message_id)
        return state if state != "pending" else None


if __name__ == "__main__":
    unittest.main()
