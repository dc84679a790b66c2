#!/usr/bin/env python3
"""Hostile documents through direct-parse, as `directctl parse` runs it and by hand: each gives an error token or an answer that
holds, the child lives on unless a limit ended it, and its memory stays below the limit (measured, not believed)."""
import json
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import hostile  # noqa: E402
import packages  # noqa: E402
import worker  # noqa: E402

PATIENCE = 120


class HostileDocuments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = os.environ.get("TMPDIR", "/tmp")
        cls.canary = os.path.join(folder, "direct-canary-%d" % os.getpid())
        with open(cls.canary, "wb") as file:
            file.write(hostile.CANARY)
        cls.documents = hostile.documents(cls.canary) + packages.documents(cls.canary)

    @classmethod
    def tearDownClass(cls):
        os.unlink(cls.canary)

    def test_an_error_token_or_an_answer_that_holds(self):
        for document in self.documents:
            with self.subTest(document.name):
                ran = subprocess.run([os.path.join(worker.BUILD, "bin", "directctl"), "parse", "-"], input=document.content,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
                answer = json.loads(ran.stdout)
                self.assertIn(answer.get("error", "parsed"), document.statuses, answer.get("detail"))
                self.assertNotIn(hostile.CANARY, ran.stdout + ran.stderr)
                if document.holds and "error" not in answer:
                    self.assertTrue(document.holds(answer), str(answer)[:2000])

    @unittest.skipIf(worker.is_sanitized(), "sanitizers need memory of their own")
    def test_memory_stays_below_the_limit_and_the_child_lives(self):
        most, spent = {}, {}
        with worker.Worker(document_max=64 << 20) as child:
            pid = child.process.pid
            for document in self.documents:
                with self.subTest(document.name):
                    content = document.content
                    begun = time.monotonic()
                    status, _ = child.parse(content)
                    spent[document.name] = time.monotonic() - begun
                    self.assertIn("parsed" if status == "nobody" else status, document.statuses)
                    space, resident = child.memory()
                    self.assertLess(space, worker.MEMORY)
                    most[document.name] = resident
            self.assertEqual(child.process.pid, pid)
            self.assertIsNone(child.process.poll())
            print("largest resident set: %d MB of %d MB; slowest: %s" % (
                max(most.values()) >> 20, worker.MEMORY >> 20,
                ", ".join("%s %.2f s" % (n, spent[n]) for n in sorted(spent, key=spent.get)[-3:])), file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
