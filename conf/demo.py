"""What ./conf/demo shows: mail from a foreign Direct domain and to it, through a private Postfix with our filter.

Uses the harness of the end-to-end tests; certificates are made for this run, the person in the document is made up.
Exit code 0 when every message took the way it should, 1 otherwise.
"""
import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "postfix"))

from harness import base, client, smime  # noqa: E402
from harness.daemon import Daemon  # noqa: E402
from harness.pki import Pki  # noqa: E402
from harness.postfix import REPORT_DOMAIN, PrivatePostfix, is_possible  # noqa: E402
from harness.sink import Sink  # noqa: E402

HERE, THERE = "direct.here.test", "direct.there.test"
ALICE, NEWUSER, BOB = f"alice@{HERE}", f"newuser@{HERE}", f"bob@{THERE}"
PERSON = "tilda@person.test"
PASSWORD = "demo"
DOCUMENT = os.path.join(ROOT, "tests", "mail", "ccd_demo.xml")
KEEPER = "keeper.pid"


def shown(label, text):
    """One fact: a label and its text, wrapped under itself."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    for number, line in enumerate(text.strip().splitlines() or [""]):
        for piece in textwrap.wrap(re.sub(r"\s+", " ", line), 96, break_on_hyphens=False) or [""]:
            print(f"   {label if number == 0 else '':<10} {piece}")
            label = ""
    sys.stdout.flush()


class Demo:
    """The whole arrangement in one folder: our site, its Postfix, and the outside world."""

    def __init__(self, folder):
        self.folder = folder
        self.faults = []
        self.number = 0
        self.outside = self.postfix = self.daemon = None

    # --- life ------------------------------------------------------------------------------------------

    def start(self):
        pki = self.pki = Pki(self._place("pki", 0o700))
        here_ca, self.there_ca = pki.root("here-ca"), pki.root("there-ca")
        self.alice = pki.end("alice", here_ca, email=ALICE)
        self.here = pki.end("here", here_ca, dns=HERE)
        self.bob = pki.end("bob", self.there_ca, email=BOB)
        self.outside = Sink()
        self.postfix = PrivatePostfix(self._place("postfix"), mailboxes=(ALICE, NEWUSER), logins={ALICE: PASSWORD},
                                      outside=self.outside)
        domain = {"name": HERE, "environment": "test", "pickup_url": f"http://pickup.{HERE}"}
        self.daemon = Daemon(self._place("direct"), reinject_port=self.postfix.reinject, report_domain=REPORT_DOMAIN,
                             domains=[domain])
        self.daemon.add_key(ALICE, self.alice)
        self.daemon.add_key(HERE, self.here)
        self.daemon.add_anchor(HERE, here_ca)
        self.daemon.add_anchor(HERE, self.there_ca)
        self.daemon.add_certificate(BOB, self.bob)
        self.postfix.milter = self.daemon.socket
        self.daemon.start()
        self.postfix.start()

    def stop(self):
        for what in (self.postfix, self.daemon, self.outside):
            if what:
                what.stop()
        self.postfix = self.daemon = self.outside = None

    def _place(self, name, mode=0o755):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    # --- telling ---------------------------------------------------------------------------------------

    def title(self, text):
        self.number += 1
        print(f"\n{self.number}  {text}")

    def must(self, true, what):
        if not true:
            self.faults.append(f"{self.number}: {what}")
            shown("NOT RIGHT", what)
        return true

    def audit(self, since):
        """Entries after that one, oldest first."""
        return [row for row in self.daemon.ctl("audit", "--json").json["entries"] if row["sequence"] > since]

    def last_audit(self):
        return max((row["sequence"] for row in self.audit(-1)), default=-1)

    def tell_audit(self, since, token):
        rows = base.until(lambda: [r for r in self.audit(since) if r["token"] == token], f"{token} in the audit",
                          20, lambda: self.audit(since))
        row = rows[0]
        who = f"{row['sender'] or 'nobody who could be verified'} to {row['recipient']}"
        shown("audit", f"{row['event']} {row['token']}, from {who}" + (f": {row['detail']}" if row["detail"] else ""))

    def deliver(self, message, recipients):
        outcome = client.send(self.postfix.mx, BOB, recipients, message)
        shown("peer saw", outcome.last)
        return outcome

    # --- the messages ----------------------------------------------------------------------------------

    def letter(self, to=ALICE, subject="Summary of care", text="Dear colleague, please see the enclosed summary.\n"):
        document = base.read(DOCUMENT)
        inner = smime.mail(BOB, to, subject, text, [("summary.xml", "text/xml", document)])
        return inner, document

    def opened(self):
        self.title(f"A signed and encrypted message with a clinical document, {BOB} to {ALICE}")
        inner, document = self.letter()
        message = smime.sealed(inner, [self.bob], [self.alice])
        shown("on the way", f"{smime.field(message, 'Content-Type')}, {len(message)} bytes, Subject: "
                            f"{smime.field(message, 'Subject')}")
        if not self.must(self.deliver(message, ALICE).accepted, "it should have been accepted"):
            return
        mail = self.postfix.wait_mail(ALICE)[-1]
        for name in ("Subject", "Authentication-Results", "X-Direct-Trust"):
            shown("mailbox", f"{name}: {smime.field(mail, name)}")
        same = smime.attachments_of(mail).get("summary.xml") == document
        self.must(same, "the attachment should have come as it was sent")
        shown("", f"summary.xml, {len(document)} bytes, " + ("byte for byte what was sent" if same else "CHANGED"))
        self.tell_items(smime.field(inner, "Message-ID"))
        self.told(smime.field(inner, "Message-ID"))

    def tell_items(self, message_id):
        def look():
            done = self.daemon.ctl("record", "show", message_id, "--json")
            documents = done.json["documents"] if done.code == 0 else []
            return documents if documents and all(d["state"] != "pending" for d in documents) else None
        document = base.until(look, "the document to be parsed", detail=self.daemon.log_tail)[0]
        shown("document", f"{document['filename']}: {document['kind']}, {document['state']} by {document['plugin']}")
        for item in document["items"]:
            shown("item", f"{item['section']}: {named(item)}")
        self.must({"demographics", "allergies", "medications", "problems", "results"}
                  <= {i["section"] for i in document["items"]}, "items of five sections should be there")

    def held(self):
        self.title(f"The same to {NEWUSER}: held until the person it is for has answered")
        line = f"{PERSON};Name of your first school;Kirkwood Lane;Summary of care"
        shown("subject", f"{PERSON};(question);(answer);(the real subject), inside the encrypted message")
        inner, _ = self.letter(to=NEWUSER, subject=line)
        message = smime.sealed(inner, [self.bob], [self.here])
        if not self.must(self.deliver(message, NEWUSER).accepted, "it should have been accepted"):
            return
        records = self.daemon.ctl("held", "list", "--json").json["held"]
        record = [r for r in records if r["contact"] == PERSON][0]
        shown("held", f"{record['id']}: {record['state']}, for {record['contact']}, from {record['sender']}, until "
                      f"{record['expires']}")
        notice = self.outside.wait_for(PERSON)[0].data
        shown("notice", f"From: {smime.field(notice, 'From')}  To: {smime.field(notice, 'To')}\n"
                        f"Subject: {smime.field(notice, 'Subject')}")
        print(textwrap.indent(text_of(notice), "              | ", lambda line: True))
        self.must(b"Kirkwood" not in notice and b"first school" not in notice, "no secret may be in the notice")
        self.must(not self.postfix.maildir(NEWUSER), "nothing may lie in the mailbox")

    def from_alice(self):
        """What left for bob beside the notifications, which have no sender."""
        def look():
            return [m.data for m in self.outside.for_address(BOB) if m.sender]
        return base.until(look, "alice's message outside", detail=self.daemon.log_tail)[0]

    def told(self, message_id):
        """The notification bob gets about a message of his."""
        def look():
            opened = [smime.open_sealed(m.data, self.bob)[0] for m in self.outside.for_address(BOB) if not m.sender]
            return [m for m in opened if message_id.encode() in m]
        notice = base.until(look, "a notification to bob", detail=self.daemon.log_tail)[0]
        shown("bob hears", f"Subject: {smime.field(notice, 'Subject')}, signed and encrypted by us")

    def sealed(self):
        self.title(f"A message from {ALICE} (with login) to {BOB}")
        inner = smime.mail(ALICE, BOB, "About your patient", "Clear text as our user typed it.\n")
        outcome = client.send(self.postfix.submission, ALICE, BOB, inner, login=ALICE, password=PASSWORD)
        shown("user saw", outcome.last)
        if not self.must(outcome.accepted, "it should have been accepted"):
            return
        left = self.from_alice()
        shown("what left", f"Subject: {smime.field(left, 'Subject')}\n"
                           f"Content-Type: {smime.field(left, 'Content-Type')}\n"
                           f"{smime.split(left)[1][:64].decode()}...")
        self.must(b"patient" not in left and b"Clear text" not in left, "no clear text may leave")
        back, _ = smime.open_sealed(left, self.bob)
        shown("bob reads", f"openssl opens it with his key; Subject: {smime.field(back, 'Subject')}")
        self.must(smime.field(back, "Subject") == "About your patient", "bob should read what alice wrote")

    def refused(self, title, message, token):
        self.title(title)
        before, since = len(self.postfix.maildir(ALICE)), self.last_audit()
        self.must(not self.deliver(message, ALICE).accepted, "it should have been refused")
        self.tell_audit(since, token)
        self.must(len(self.postfix.maildir(ALICE)) == before, "nothing may have been delivered")

    def refusals(self):
        inner, _ = self.letter()
        entity = smime.signed_entity(smime.wrap(inner), [self.bob])
        changed = entity.replace(b"please see", b"please pay", 1)
        sealed = smime.pkcs7_mime(smime.cms_encrypt(changed, [self.alice]), "enveloped-data")
        self.refused("Tampered: a word changed after it was signed",
                     smime.outer(inner, sealed), "bad-signature")

        inner, _ = self.letter()
        stranger_ca = self.pki.root("stranger-ca")
        stranger = self.pki.end("stranger", stranger_ca, email=BOB)
        how = smime.Sealing(extra_certificates=(stranger_ca,))
        self.refused("Untrusted: a good signature, by a CA that nobody here trusts",
                     smime.sealed(inner, [stranger], [self.alice], how), "untrusted")

        inner, _ = self.letter()
        self.refused("Plain: ordinary mail to a Direct address", inner, "not-encrypted")

    def run(self):
        try:
            self.start()
        except base.Failure as e:
            print(f"It could not be started: {e}")
            return 1
        print(f"A private Postfix on 127.0.0.1 (mx {self.postfix.mx}, submission {self.postfix.submission}) with "
              f"direct-milter.\nOur domain is {HERE}, the foreign one {THERE}; each trusts the other's CA.")
        for step in (self.opened, self.held, self.sealed, self.refusals):
            try:
                step()
            except (base.Failure, KeyError, IndexError) as e:
                self.must(False, f"{type(e).__name__}: {e}")
        print("\nEverything went as it should." if not self.faults else
              "\nNot as it should:\n  " + "\n  ".join(self.faults) + "\n--- log of the daemon\n" + self.daemon.log_tail())
        return 1 if self.faults else 0

    def say_how_to_go_on(self):
        inner, _ = self.letter(text="Sent by hand.\n")
        base.write(os.path.join(self.folder, "sealed.eml"), smime.sealed(inner, [self.bob], [self.alice]))
        ctl = f"{base.program('directctl')} --config {self.daemon.config}"
        swaks = f"swaks --server 127.0.0.1:{self.postfix.mx} --from {BOB} --to {ALICE}"
        print(f"""
It is left running in {self.folder}
  send a sealed message   {swaks} --data @{self.folder}/sealed.eml
  send a plain one        {swaks}
  send as a user          swaks --server 127.0.0.1:{self.postfix.submission} --auth PLAIN --auth-user {ALICE} \\
                              --auth-password {PASSWORD} --from {ALICE} --to {BOB}
  mailboxes               {self.postfix.root}/mail/*/new/
  logs                    {self.daemon.log_path} {self.postfix.root}/maillog
  ask it                  {ctl} audit
  stop it                 {os.path.join(ROOT, 'conf', 'demo')} --stop {self.folder}""", flush=True)


def named(item):
    """A few words that a reader recognises an item by."""
    if item["section"] == "demographics":
        words = [item.get("names", [{}])[0].get("text"), "born", item.get("birthTime", {}).get("value")]
    elif item["section"] == "other":
        words = [item.get("title", ""), "-", item.get("narrative", "")]
    elif item["section"] == "results":
        parts = [f"{one.get('code', {}).get('displayName')} {one.get('value', {}).get('value', '')} "
                 f"{one.get('value', {}).get('unit', '')}".strip() for one in item.get("sub", [])]
        words = [item.get("code", {}).get("displayName", "") + ":", ", ".join(parts)]
    else:
        words = [item.get("text") or item.get("code", {}).get("displayName", "")]
    return textwrap.shorten(" ".join(str(w) for w in words), 76)


def text_of(message):
    """The readable text of a message."""
    part = smime.parsed(message).get_body(("plain",))
    text = part.get_content() if part else smime.split(message)[1].decode(errors="replace")
    return text.replace("\r\n", "\n")


def interrupted(*_):
    raise SystemExit(130)


def show_and_stop():
    folder = new_folder()
    demo = Demo(folder)
    try:
        return demo.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)


def new_folder():
    """Searchable for the users that Postfix runs as; everything temporary of this run lies in it."""
    folder = tempfile.mkdtemp(prefix="direct-demo-")
    os.chmod(folder, 0o755)
    tempfile.tempdir = os.path.join(folder, "tmp")
    os.mkdir(tempfile.tempdir, 0o700)
    return folder


def show_and_keep():
    """A child shows everything and stays: it is the outside world, and it stops the rest when it is told to."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
        code = os.read(told, 1)
        if not code:
            os.waitpid(child, 0)
        return code[0] if code else 1
    os.setsid()
    folder = new_folder()
    demo = Demo(folder)
    try:
        code = demo.run()
        if not demo.number:
            return code
        base.write(os.path.join(folder, KEEPER), f"{os.getpid()}\n")
        demo.say_how_to_go_on()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        os.write(tell, bytes([code]))
        os.close(tell)
        while True:
            signal.pause()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)


def stop_kept(folder):
    """Tells the child that stays to stop everything; waits until it has."""
    folder = os.path.abspath(folder)
    if not re.fullmatch(r"direct-demo-\w+", os.path.basename(folder)) or not os.path.exists(f"{folder}/{KEEPER}"):
        print(f"conf/demo: nothing of ours runs in {folder}", file=sys.stderr)
        return 1
    pid = int(base.read(f"{folder}/{KEEPER}"))
    if base.alive(pid) and b"demo.py" in base.read(f"/proc/{pid}/cmdline"):
        os.kill(pid, signal.SIGTERM)
        base.until(lambda: not base.alive(pid), "the demo to stop")
    shutil.rmtree(folder, ignore_errors=True)
    print("stopped")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="conf/demo")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--stop", metavar="DIR")
    given = parser.parse_args()
    if given.stop:
        return stop_kept(given.stop)
    if why := is_possible():
        print(f"conf/demo: {why}", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    return show_and_keep() if given.keep else show_and_stop()


if __name__ == "__main__":
    sys.exit(main())
