"""Postfix killed at every step of a hand-over: no processed without custody, none missing with it, each once."""
import unittest

from harness.base import Failure, until
from harness.gate import STEPS, Gate
from harness.site import HERE
from test_notices import MARK, OPTION, NoticeTest


class KilledAtEveryStep(NoticeTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.gate = Gate(cls.postfix.reinject)
        cls.addClassCleanup(cls.gate.stop)
        cls.daemon.sections["reinject"] = {**cls.daemon.sections.get("reinject", {}), "smtp": f"127.0.0.1:{cls.gate.port}"}
        cls.daemon.write_config()

    def kill_at(self, step, notices):
        """Postfix with all its processes, the moment the hand-over comes to the step."""
        self.gate.at(step, self.postfix.kill, notices)

    def owed(self, kind):
        return [row for row in self.daemon.ctl("outbox", "list", "--json").json["outbox"] if row["kind"] == kind]

    def answer_to(self, message):
        """True when bob's side got its 250; Postfix may be killed before it could pass that on."""
        try:
            return bool(self.accepted(self.inbound(message)))
        except (Failure, OSError):
            return False

    def start_again(self, message, answered):
        self.postfix.start()
        if not answered:  # bob's side repeats it
            self.accepted(self.inbound(message))

    def test_of_the_message(self):
        for step in STEPS:
            with self.subTest(step=step):
                self.fresh()
                self.kill_at(step, None if step in ("connect", "EHLO") else False)
                _, message = self.from_bob(headers=[OPTION], text=f"{MARK} {step}")
                answered = self.answer_to(message)
                self.assertTrue(self.gate.passed.wait(30), f"the hand-over came to {step}")
                if step != "answered":
                    # We do not know of any custody: nothing that claims it is made, and the leg is still owed.
                    until(lambda: any(row["tries"] > 0 for row in self.owed("clear-leg")), "a try in vain", 30)
                    self.assertEqual(self.owed("notice"), [])
                self.start_again(message, answered)
                self.assertEqual([n[0] for n in self.notices(2)], ["dispatched", "processed"])
                # Only an answer that was lost leaves us in doubt; then it is there twice rather than not at all.
                self.assertIn(len(self.delivered()), (1, 2) if step == "answer" else (1,))

    def test_of_the_notice(self):
        for step in STEPS[2:]:
            with self.subTest(step=step):
                self.fresh()
                self.kill_at(step, True)
                _, message = self.from_bob(text=f"{MARK} notice {step}")
                answered = self.answer_to(message)
                self.assertTrue(self.gate.passed.wait(30), f"the notice's hand-over came to {step}")
                self.start_again(message, answered)
                self.delivered()
                told = [n[0] for n in self.notices(1)]
                self.assertIn(told, (["processed"], ["processed"] * 2) if step == "answer" else (["processed"],))


if __name__ == "__main__":
    unittest.main()
