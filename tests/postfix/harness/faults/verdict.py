"""What was due against what is there. Every number but the explained doubles must be zero."""
import collections
import re

from .cases import ALICE
from .ledger import CLEAR, NOTICE, REPORT, SEALED, UNTOUCHED
from .killer import TEARS_HAND_OVER
from .senders import REFUSED, TAKEN

MUST_BE_ZERO = ("lost", "doubled", "misdelivered", "leaked", "refused-delivered", "answered-wrong", "changed",
                "unreadable", "disclosed", "strange", "held-wrong", "documents-wrong", "audit-missing")
# A hand-over that was torn began before the kill; a busy machine takes its time.
HAND_OVER_SECONDS = 30.0
GOOD_STATES = ("parsed", "file")


def due_of(case):
    """{(address, form)} of an accepted message."""
    due = {(a, form) for form, to in ((CLEAR, case.clear), (SEALED, case.sealed), (UNTOUCHED, case.untouched))
           for a in to}
    if case.contact:
        due.add((case.contact, NOTICE))
    due |= {(case.sender, what) for what in case.heard}
    if case.unreachable:
        due.add((ALICE, REPORT))
    return due


class Verdict:
    """Fills ledger.faults and the counts of explained doubles."""

    def __init__(self, ledger, killer):
        self.ledger, self.killer = ledger, killer
        self.explained = collections.Counter()
        self._by_case = collections.defaultdict(list)
        for copy in ledger.copies:
            self._by_case[copy.number].append(copy)
        self._torn = {}  # outbox entry -> extra hand-overs already explained

    def judge(self, held, audited, documents):
        """held: contacts of the records held, as listed; audited: Message-IDs in the audit; documents: {Message-ID:
        states of its documents}."""
        held = collections.Counter(held)
        spoiled = sum(state not in GOOD_STATES for states in documents.values() for state in states)
        if spoiled > sum(k.what == "parser" for k in self.killer.kills):
            self.ledger.fault("documents-wrong", f"{spoiled} documents not parsed, more than parsers were killed")
        for number, fate in sorted(self.ledger.fates.items()):
            self._one(number, fate)
            self._records(fate, held, audited, documents)
        for number in set(self._by_case) - set(self.ledger.fates):
            self._fault("strange", number, None, "a copy of a message nobody sent")

    def _fault(self, kind, number, case, text):
        self.ledger.fault(kind, f"{number:06d} {case.kind if case else ''}: {text}")

    def _one(self, number, fate):
        case, copies = fate.case, self._by_case.get(number, [])
        if fate.result != (REFUSED if case.refused else TAKEN):
            self._fault("answered-wrong", number, case, f"{fate.result} ({fate.way}): {fate.reply}")
        if fate.result == REFUSED:
            for copy in copies:
                self._fault("refused-delivered", number, case, f"{copy}")
            return
        due = due_of(case)
        found = collections.defaultdict(list)
        for copy in copies:
            found[(copy.address, copy.form)].append(copy)
        for what in due - set(found):
            self._fault("lost", number, case, f"{what} ({fate.way}, {fate.tries} tries, {fate.unclear} unclear)")
        for what in set(found) - due:
            self._fault("misdelivered", number, case, f"{found[what]}")
        for what, several in found.items():
            if len(several) > 1:
                self._doubles(fate, what, several)

    def _doubles(self, fate, what, copies):
        hand_overs = {}
        for copy in copies:
            same = hand_overs.setdefault((copy.entry, copy.queue_id or id(copy)), copy)
            if same is not copy:
                self._by_postfix(fate, what, copy)
        entries = collections.defaultdict(list)
        for copy in hand_overs.values():
            entries[copy.entry].append(copy)
        in_place = entries.pop("", [])
        if len(in_place) > 1:
            if len(in_place) > 1 + fate.unclear:
                self._fault("doubled", fate.case.number, fate.case, f"{what} in place {len(in_place)} times, "
                            f"{fate.unclear} unclear tries ({fate.way})")
            else:
                self.explained["outbound or untouched, the client lost its 250"] += len(in_place) - 1
        if len(entries) + bool(in_place) > 1:
            self._fault("doubled", fate.case.number, fate.case, f"{what} was owed {len(entries)} times: {copies}")
        for entry, several in entries.items():
            self._torn_hand_over(fate, what, entry, sorted(several, key=lambda c: c.received))

    def _by_postfix(self, fate, what, copy):
        """One queue file delivered twice: Postfix's own, when its delivery was killed."""
        killed = [k for k in self.killer.kills if k.what in ("qmgr", "postfix") and k.at >= copy.received - 1]
        if killed:
            self.explained["one queue file twice, Postfix killed while it delivered"] += 1
        else:
            self._fault("doubled", fate.case.number, fate.case, f"{what}: queue file {copy.queue_id} twice, no kill")

    def _torn_hand_over(self, fate, what, entry, copies):
        """One entry handed over again: each hand-over but one was not noted, and needs a kill of its own while it was
        in work. reinject.connections entries are in work at once, so a kill explains as many, with all their recipients."""
        noted = [c for c in copies if c.queue_id in self.ledger.noted]
        if len(noted) > 1:
            self._fault("doubled", fate.case.number, fate.case, f"{what}: handed over again although noted: {noted}")
            return
        extra = self._torn.setdefault(entry, {})
        last = noted[0] if noted else copies[-1]
        for copy in copies:
            if copy is last or copy.queue_id in extra:
                continue
            kill = next((k for k in self.killer.kills if k.what in TEARS_HAND_OVER and not k.used_up and
                         copy.received - 1 <= k.at <= copy.received + HAND_OVER_SECONDS), None)
            if not kill:
                self._fault("doubled", fate.case.number, fate.case, f"{what}: entry {entry} handed over again, no "
                            f"kill at that moment: {copies}")
                continue
            kill.explains.append(entry)
            extra[copy.queue_id] = entry
            self.explained[f"handed over again, {kill.what} killed between Postfix's 250 and our noting it"] += 1

    def _records(self, fate, held, audited, documents):
        case = fate.case
        wanted = 1 if case.contact and fate.result == TAKEN else 0
        if case.contact and held[case.contact] != wanted:
            self._fault("held-wrong", case.number, case, f"{held[case.contact]} held records, {wanted} due")
        ours = case.kind not in ("not-ours", "in-plain", "in-forged", "out-refused")
        if fate.result == TAKEN and ours and case.message_id not in audited:
            self._fault("audit-missing", case.number, case, case.message_id)
        if case.documents and fate.result == TAKEN:
            states = documents.get(case.message_id, [])
            if len(states) != case.documents or "pending" in states:
                self._fault("documents-wrong", case.number, case, f"{states}, {case.documents} due")
            for state in states:
                self.explained[f"document {state}, its parser was killed"] += state not in GOOD_STATES

    def counts(self):
        """{kind: number} of what must be zero."""
        seen = collections.Counter(kind for kind, _ in self.ledger.faults)
        return {kind: seen[kind] for kind in MUST_BE_ZERO}

    def lines(self, most=40):
        return [f"{kind}: {re.sub(r'[^ -~]', '?', text)}" for kind, text in self.ledger.faults[:most]]
