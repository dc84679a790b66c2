"""Crashes under load: two thousand mixed messages, kill -9 at random points, and every copy counted."""
import os
import random
import sys
import tempfile
import types
import unittest

from harness.base import write
from harness.faults.cases import ALICE, BOB, OUTSIDER, Case
from harness.faults.killer import HAND_OVERS_AT_ONCE, Kill
from harness.faults.ledger import CLEAR, NOTICE, SEALED, UNTOUCHED, Copy, Ledger
from harness.faults.run import FaultSite, run_once
from harness.faults.senders import REFUSED, TAKEN, Fate
from harness.faults.verdict import Verdict


def say(line):
    print(line, file=sys.stderr, flush=True)


class Faults(FaultSite):
    def test_nothing_is_lost_doubled_misdelivered_or_leaked(self):
        messages = int(os.environ.get("DIRECT_FAULT_MESSAGES", "2000"))
        seed = os.environ.get("DIRECT_FAULT_SEED") or str(random.SystemRandom().randrange(10 ** 6))
        run_once(self, messages, seed, say=say)


class Counting(unittest.TestCase):
    """The count sees what it is there for: each fault made by hand is told by its name, and nothing else is."""

    def setUp(self):
        self.ledger = Ledger(None)
        self.killer = types.SimpleNamespace(kills=[])

    def message(self, *copies, result=TAKEN, unclear=0, **case):
        number = len(self.ledger.fates) + 1
        case = Case(number, "in-one", message_id=f"<{number}>", **case)
        self.ledger.fates[number] = Fate(case, "smtp", result, unclear=unclear)
        for copy in copies:
            copy.number = number
            self.ledger.keep(copy)

    def clear(self, entry="e1", queue_id="Q1", received=100.0, address=ALICE):
        return Copy(0, address, CLEAR, "mailbox", entry, queue_id, received)

    def found(self, held=(), documents=None):
        audited = {f.case.message_id for f in self.ledger.fates.values()}
        verdict = Verdict(self.ledger, self.killer)
        verdict.judge(held, audited, documents or {})
        return {kind: n for kind, n in verdict.counts().items() if n}, dict(verdict.explained)

    def test_all_is_well(self):
        self.message(self.clear(), clear=(ALICE,))
        self.message(result=REFUSED, refused=True)
        self.assertEqual(self.found(), ({}, {}))

    def test_lost_and_misdelivered(self):
        self.message(clear=(ALICE,))
        self.message(self.clear(), self.clear(address=OUTSIDER), clear=(ALICE,))
        self.message(Copy(0, BOB, CLEAR, "sink"), Copy(0, BOB, SEALED, "sink"), sealed=(BOB,))
        self.assertEqual(self.found()[0], {"lost": 1, "misdelivered": 2})

    def test_refused_and_delivered_anyway(self):
        self.message(self.clear(), result=REFUSED, refused=True)
        self.message(self.clear(), result=TAKEN, refused=True)
        self.assertEqual(self.found()[0], {"refused-delivered": 1, "misdelivered": 1, "answered-wrong": 1})

    def test_a_torn_hand_over_needs_a_kill_of_its_own_at_that_moment(self):
        self.killer.kills = [Kill("daemon", 101.0)]
        self.message(self.clear("e1", "Q1"), self.clear("e1", "Q2", 103.0), clear=(ALICE,))
        counts, explained = self.found()
        self.assertEqual((counts, list(explained.values())), ({}, [1]))
        # As many entries as are handed over at once, and not one more.
        for i in range(2, HAND_OVERS_AT_ONCE + 1):
            self.message(self.clear(f"e{i}", f"Q{i}a"), self.clear(f"e{i}", f"Q{i}b", 103.0), clear=(ALICE,))
        self.killer.kills = [Kill("daemon", 101.0)]
        self.assertEqual(self.found()[0], {})
        self.message(self.clear("more", "Q3"), self.clear("more", "Q4", 103.0), clear=(ALICE,))
        self.killer.kills = [Kill("daemon", 101.0)]
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_one_process_of_many_tears_one_hand_over(self):
        self.killer.kills = [Kill("reinject", 101.0)]
        for i in range(2):
            self.message(self.clear(f"e{i}", f"Q{i}a"), self.clear(f"e{i}", f"Q{i}b", 103.0), clear=(ALICE,))
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_neither_an_early_nor_an_ordered_end_explains_a_double(self):
        self.killer.kills = [Kill("daemon", 90.0), Kill("term", 101.0), Kill("reload", 101.0), Kill("daemon", 500.0)]
        self.message(self.clear("e1", "Q1"), self.clear("e1", "Q2", 103.0), clear=(ALICE,))
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_what_was_noted_is_not_handed_over_again(self):
        self.killer.kills = [Kill("daemon", 101.0)]
        self.ledger.read_daemon_log('x: outbox id="1" what="handed-over" answer="250 2.0.0 Ok: 9 bytes queued as Q1"\n'
                                    'x: outbox id="1" what="handed-over" answer="250 2.0.0 Ok: 9 bytes queued as Q2"\n')
        self.message(self.clear("e1", "Q1"), self.clear("e1", "Q2", 103.0), clear=(ALICE,))
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_an_entry_made_twice_is_never_explained(self):
        self.killer.kills = [Kill("daemon", 101.0)]
        self.message(self.clear("e1", "Q1"), self.clear("e2", "Q2"), clear=(ALICE,), unclear=3)
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_in_place_once_more_for_each_unclear_try(self):
        self.message(*[Copy(0, OUTSIDER, UNTOUCHED, "sink", "", f"Q{i}") for i in range(2)], untouched=(OUTSIDER,),
                     unclear=1)
        self.assertEqual(self.found()[0], {})
        self.message(*[Copy(0, OUTSIDER, UNTOUCHED, "sink", "", f"Q{i}") for i in range(3)], untouched=(OUTSIDER,),
                     unclear=1)
        self.assertEqual(self.found()[0], {"doubled": 1})

    def test_postfix_delivering_a_queue_file_twice(self):
        self.message(self.clear(), self.clear(), clear=(ALICE,))
        self.assertEqual(self.found()[0], {"doubled": 1})
        self.setUp()
        self.killer.kills = [Kill("postfix", 100.5)]
        self.message(self.clear(), self.clear(), clear=(ALICE,))
        self.assertEqual(self.found()[0], {})

    def test_records_and_documents(self):
        notice = Copy(0, "p@person.test", NOTICE, "sink", "n1", "Q1", 1.0)
        self.message(notice, contact="p@person.test")
        self.assertEqual(self.found(held=["p@person.test"])[0], {})
        self.assertEqual(self.found(held=["p@person.test"] * 2)[0], {"held-wrong": 1})
        self.message(self.clear(), clear=(ALICE,), documents=2)
        states = {"<2>": ["parsed", "pending"]}
        self.assertEqual(self.found(["p@person.test"], states)[0], {"held-wrong": 1, "documents-wrong": 2})

    def test_secrets_are_found_in_any_file(self):
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "a"), b"\0\1SUB000007deadbeef\0 and OPN000007deadbeefZ")
            self.ledger.search_files(folder)
            self.assertEqual(self.ledger.faults, [])
            write(os.path.join(folder, "b"), b"\0\1BOD000007deadbeefZ\0")
            self.ledger.search_files(folder)
            self.assertEqual([kind for kind, _ in self.ledger.faults], ["leaked"])


if __name__ == "__main__":
    unittest.main()
