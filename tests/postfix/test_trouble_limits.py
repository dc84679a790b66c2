"""What is full or wrong beside the disk: the map, descriptors, file size limits, keys, the clock, the log."""
import os
import re
import resource
import socket
import struct
import subprocess
import unittest

from harness import milter, smime
from harness.base import program, until
from harness.site import HERE, THERE
from harness.trouble import TroubleTest

DAY = 24 * 3600
YEAR = 365 * DAY


class MapFull(TroubleTest):
    """store.size_max reached: 4xx, and room comes by delivering what waits or by a larger store.size_max."""
    sections = {"store": {"size_max": "16M", "inline_max": "1M"}, "items": {"keep": "records"}}

    def setUp(self):
        super().setUp()
        self.nobody_listens()

    def nobody_listens(self):
        section = self.daemon.sections["reinject"]
        if section["smtp"] != "127.0.0.1:1":
            type(self).right = section["smtp"]
        section["smtp"] = "127.0.0.1:1"
        self.configure()

    def configure(self):
        self.daemon.write_config()
        self.assertIn('taken="yes"', self.daemon.reload())

    def fill(self):
        """Messages that cannot leave, until one is deferred. Returns (markers taken, the deferred letter)."""
        before = self.metric("store_failures_total")
        markers = []
        for _ in range(60):
            marker, message = self.letter(680_000)
            answer = self.post(message)
            if not answer.taken:
                self.deferred(answer)
                self.daemon.wait_log("store.size_max reached")
                self.assertGreater(self.metric("store_failures_total"), before)
                return markers, (marker, message)
            markers.append(marker)
        self.fail("the store never became full")

    def deliver_what_waits(self):
        self.daemon.sections["reinject"]["smtp"] = self.right
        self.configure()
        self.assertEqual(self.daemon.ctl("outbox", "retry").code, 0)

    def test_a_full_store_can_be_emptied(self):
        markers, (late, message) = self.fill()
        # To the last page: small messages too, so that nothing but the reserve is left.
        while (small := self.letter(20_000)) and self.post(small[1]).taken:
            markers.append(small[0])
        self.deferred(self.post(small[1]))
        self.daemon.sections["reinject"]["smtp"] = self.right
        self.configure()
        self.daemon.ctl("outbox", "retry")  # has no room for its own audit entry; the sender tries by itself
        self.delivered(count=len(markers))
        until(lambda: self.daemon.ctl_json("outbox", "list")["outbox"] == [], "an empty outbox",
              detail=self.daemon.log_tail)
        self.taken(self.post(message))
        self.once(*markers, late)
        self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)

    def test_b_size_max_is_raised_by_a_reload(self):
        markers, (late, message) = self.fill()
        self.daemon.sections["store"]["size_max"] = "64M"
        self.configure()
        self.taken(self.post(message))
        stat = self.daemon.ctl_json("store", "stat")
        self.assertEqual(stat["size_max"], 64 << 20)
        self.deliver_what_waits()
        self.once(*markers, late)


class FileSizeLimit(TroubleTest):
    """RLIMIT_FSIZE: an error of write(), and not SIGXFSZ, whose default ends the process."""

    def limit(self, size):
        subprocess.run(["prlimit", f"--pid={self.daemon.process.pid}", f"--fsize={size}:unlimited"], check=True)

    def test_limit(self):
        marker, message = self.letter(600_000)
        self.limit(100_000)
        self.addCleanup(self.limit, "unlimited")
        before = self.metric("spool_failures_total")
        self.deferred(self.post(message))
        self.assertTrue(self.daemon.running)
        self.assertGreater(self.metric("spool_failures_total"), before)
        self.daemon.wait_log("File too large")
        self.limit("unlimited")
        self.taken(self.post(message))
        self.once(marker)


class Descriptors(TroubleTest):
    """More connections than descriptors: the rest is closed at once and deferred, the daemon goes on."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.daemon.prefix = ["prlimit", "--nofile=64"]

    def connect(self, wanted):
        """Connections until `wanted` are open or one is refused."""
        clients = []
        for _ in range(wanted):
            try:
                clients.append(milter.MilterClient(self.daemon.socket))
            except (ConnectionError, BrokenPipeError):
                break
        return clients

    def cpu(self):
        with open(f"/proc/{self.daemon.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_few_descriptors(self):
        marker, message = self.letter()
        other, over_postfix = self.letter()
        clients = self.connect(200)
        try:
            self.assertGreaterEqual(len(clients), 8)
            self.assertLess(len(clients), 64)
            self.assertGreater(self.metric("sessions_refused_total"), 0)
            self.daemon.wait_log("sessions what=")
            # Who has a session can still deliver; a message by way of Postfix finds none and is deferred.
            self.taken(clients[0].send(f"bob@{THERE}", f"alice@{HERE}", message))
            self.assertEqual(self.inbound(over_postfix).code // 100, 4)
            before = self.cpu()
            for _ in range(50):
                self.connect(1)
            self.assertLess(self.cpu() - before, 2, "it spins")
        finally:
            for client in clients:
                client.close()
        until(lambda: self.metric("sessions_open") == 0, "no open session")
        self.accepted(self.inbound(over_postfix))
        self.once(marker, other)

    def test_a_connection_that_says_no_more_than_hello_is_counted_off(self):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(milter.address_of(self.daemon.socket)[1])
            raw.sendall(milter.MilterClient.framed(b"O", struct.pack("!III", 6, milter.ALL_ACTIONS, milter.ALL_STEPS)))
            self.assertTrue(raw.recv(4096))
            self.assertEqual(self.metric("sessions_open"), 1)
        until(lambda: self.metric("sessions_open") == 0, "no open session")

    def test_spools_leave_some_for_the_rest(self):
        clients = self.connect(8)
        big = [self.letter(600_000) for _ in clients]
        held = []
        for client, (_, message) in zip(clients, big):  # all bytes but the end of message: each holds a spool open
            head, rest = client.message_bytes(f"bob@{THERE}", [f"alice@{HERE}"], message)
            client.socket.sendall(head)
            self.assertEqual(client.packet()[0], b"c")
            end = client.framed(b"E")
            client.socket.sendall(rest[:-len(end)])
            held.append(end)
        answers = []
        for client, end in zip(clients, held):
            client.socket.sendall(end)
            answers.append(client.answer())
            client.close()
        self.assertTrue(all(a.code in (250, 451) for a in answers), answers)
        for (_, message), answer in zip(big, answers):
            if not answer.taken:
                self.taken(self.post(message))
        self.once(*(marker for marker, _ in big))


class ManyConnections(TroubleTest):
    wanted = 10_000

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.daemon.prefix = ["prlimit", "--nofile=12000"]

    def test_ten_thousand_idle(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < self.wanted + 2000:
            self.skipTest(f"only {hard} descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        clients = []
        try:
            for _ in range(self.wanted):
                clients.append(milter.MilterClient(self.daemon.socket))
            self.assertEqual(self.metric("sessions_open"), self.wanted)
            marker, message = self.letter(600_000)
            self.taken(self.post(message))
            self.taken(clients[self.wanted // 2].send(f"bob@{THERE}", f"alice@{HERE}", message))
            self.once(marker)
            with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as status:
                found = dict(re.findall(r"(?m)^(VmRSS|Threads):\s+(\d+)", status.read()))
            print(f"10000 idle sessions: {int(found['VmRSS']) // 1024} MB, {found['Threads']} threads", flush=True)
        finally:
            for client in clients:
                client.vanish()
        until(lambda: self.metric("sessions_open") == 0, "no open session")


class Keys(TroubleTest):
    def reload(self, *rules):
        before = self.metric("reload_failures_total")
        self.weather.set(*rules)
        said = self.daemon.reload()
        self.weather.fine()
        self.assertIn('taken="no"', said)
        self.assertGreater(self.metric("reload_failures_total"), before)
        marker, message = self.letter()
        self.taken(self.post(message))  # the old site goes on
        self.once(marker)
        self.assertIn('taken="yes"', self.daemon.reload())
        return said

    def test_a_key_that_cannot_be_read_at_reload(self):
        self.assertIn("Permission denied", self.reload(f"open keys/alice@{HERE} EACCES"))

    def test_an_anchor_that_cannot_be_read_at_reload(self):
        self.assertIn("Input/output error", self.reload("open anchors/ EIO"))

    def test_no_descriptors_at_reload(self):
        self.reload("open keys/ EMFILE", "open anchors/ EMFILE")

    def test_a_key_that_cannot_be_read_at_start_is_no_refusal_for_good(self):
        self.daemon.stop()
        self.weather.set(f"open keys/alice@{HERE} EIO", f"open keys/{HERE} EIO")
        self.daemon.start()
        marker, message = self.letter()
        self.deferred(self.post(message))
        self.assertGreater(self.metric("key_failures_total"), 0)
        self.assertEqual(self.submit(smime.mail(f"alice@{HERE}", f"bob@{THERE}"), f"bob@{THERE}").code // 100, 4)
        self.weather.fine()
        self.assertIn('taken="yes"', self.daemon.reload())
        self.taken(self.post(message))
        self.once(marker)


    def test_an_anchor_that_cannot_be_read_at_start_is_no_refusal_for_good(self):
        self.daemon.stop()
        self.weather.set("open anchors/ EIO")
        self.daemon.start()
        marker, message = self.letter()
        self.deferred(self.post(message))
        self.assertEqual(self.submit(smime.mail(f"alice@{HERE}", f"bob@{THERE}"), f"bob@{THERE}").code // 100, 4)
        self.weather.fine()
        self.assertIn('taken="yes"', self.daemon.reload())
        self.taken(self.post(message))
        self.once(marker)


class Clock(TroubleTest):
    """The wall clock jumps: nothing is refused for good, deleted, or put off for as long as the jump."""

    def jump(self, seconds):
        """Deferred while it is away; taken when it is back."""
        marker, message = self.letter()
        before = self.metric("clock_jumps_total")
        self.weather.set(f"clock {seconds}")
        self.deferred(self.post(message))
        self.daemon.wait_log(": clock what=")
        self.assertEqual(self.metric("clock_jumps_total"), before + 1)
        self.weather.fine()
        self.taken(self.post(message))
        self.once(marker)
        self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)

    def test_a_day_forward(self):
        self.jump(DAY)

    def test_a_day_back(self):
        self.jump(-DAY)

    def test_ten_years_forward(self):
        self.jump(10 * YEAR)

    def test_ten_years_back(self):
        self.jump(-10 * YEAR)

    def test_a_reload_confirms_the_new_time(self):
        marker, message = self.letter()
        self.weather.set(f"clock {DAY // 2}")
        self.deferred(self.post(message))
        self.assertIn('taken="yes"', self.daemon.reload())
        self.taken(self.post(message))
        self.once(marker)
        self.taken(self.post(message))  # the sender's repeat
        self.weather.fine()
        self.assertIn('taken="yes"', self.daemon.reload())
        self.taken(self.post(message))
        self.once(marker)

    def test_what_is_owed_does_not_wait_for_a_clock_that_was_set_back(self):
        section = self.daemon.sections["reinject"]
        right, section["smtp"] = section["smtp"], "127.0.0.1:1"
        self.daemon.write_config()
        self.weather.set(f"clock {DAY}")
        self.daemon.reload()
        marker, message = self.letter()
        self.taken(self.post(message))
        until(lambda: self.daemon.ctl_json("outbox", "list")["outbox"][0]["tries"] > 0, "a try in vain")
        self.weather.fine()
        section["smtp"] = right
        self.daemon.write_config()
        self.daemon.reload()
        other, message = self.letter()
        self.taken(self.post(message))  # wakes the sender; by itself it looks each minute
        self.once(marker, other)


class Log(TroubleTest):
    def works(self):
        marker, message = self.letter()
        self.taken(self.post(message))
        self.once(marker)

    def test_nobody_reads_standard_error(self):
        self.daemon.stop()
        ours, theirs = os.pipe()
        self.daemon.process = subprocess.Popen([program("direct-milter"), "--config", self.daemon.config],
                                               stdout=theirs, stderr=theirs,
                                               env={**os.environ, **self.daemon.environment})
        os.close(theirs)
        until(lambda: b" start " in os.read(ours, 65536), "its start")
        os.close(ours)
        self.works()
        self.assertEqual(self.daemon.stop(), 0)

    def test_no_syslog(self):
        self.daemon.stop()
        section = self.daemon.sections["log"]
        section["target"] = "syslog"
        self.daemon.write_config()
        self.addCleanup(section.__setitem__, "target", "stderr")
        self.daemon.start()
        self.works()
        self.assertEqual(self.daemon.stop(), 0)
        section["target"] = "stderr"
        self.daemon.write_config()

    def test_standard_error_on_a_full_disk(self):
        self.daemon.stop()
        with open("/dev/full", "wb") as full:
            self.daemon.process = subprocess.Popen([program("direct-milter"), "--config", self.daemon.config],
                                                   stdout=full, stderr=full,
                                                   env={**os.environ, **self.daemon.environment})
        until(lambda: self.daemon._ready(), "its socket")
        self.works()
        self.assertEqual(self.daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
