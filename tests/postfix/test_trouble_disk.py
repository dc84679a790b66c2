"""A disk that fails under the running daemon: each failure is a 4xx, told and counted; nothing clear is left; and
when the disk is well again the same message is taken without a restart and delivered once."""
import email
import os
import signal
import subprocess
import threading
import time
import unittest

from harness import milter
from harness.base import program, until
from harness.site import HERE, THERE, NotPossible
from harness.trouble import TroubleTest

BIG = 200_000       # its content goes to a file beside the environment
SPOOLED = 600_000   # does not fit into the memory of the spool


class Commit(TroubleTest):
    """LMDB's own writes: pages, the sync before the meta page, the meta page."""

    def test_no_space_for_pages(self):
        said = self.in_bad_weather("write data.mdb ENOSPC")
        self.assertIn("No space left on device", said)
        self.assertIn("disk-free=", said)

    def test_pages_fail(self):
        self.in_bad_weather("write data.mdb EIO")

    def test_pages_come_out_short(self):
        self.in_bad_weather("write data.mdb short")

    def test_sync_fails(self):
        self.in_bad_weather("sync data.mdb EIO")

    def test_sync_finds_no_space(self):
        self.in_bad_weather("sync data.mdb ENOSPC")

    def test_the_meta_page_fails(self):
        self.in_bad_weather("meta data.mdb EIO")

    def test_the_meta_page_comes_out_short(self):
        self.in_bad_weather("meta data.mdb short")

    def test_read_only(self):
        self.in_bad_weather("write data.mdb EROFS", "meta data.mdb EROFS", "open store/ EROFS")

    def test_it_cannot_even_be_opened_again(self):
        self.in_bad_weather("sync data.mdb EIO", "open data.mdb EMFILE", "open lock.mdb EMFILE")

    def test_readers_do_not_wait_for_the_next_write(self):
        # Closed after a failed commit, and nobody sends mail: what only reads opens it again.
        self.weather.set("sync data.mdb EIO", "open lock.mdb EIO")
        self.deferred(self.post(self.letter()[1]))
        self.assertEqual(self.daemon.ctl("outbox", "list").code, 75)
        self.weather.fine()
        self.assertEqual(self.daemon.ctl("outbox", "list").code, 0)

    def test_everything_is_full(self):
        self.in_bad_weather("write store/ ENOSPC", "meta store/ ENOSPC", "open store/ ENOSPC", size=SPOOLED,
                            event="spool", metric="spool_failures_total")


class Content(TroubleTest):
    """Content files beside the environment."""

    def test_no_space(self):
        self.in_bad_weather("write /content/ ENOSPC", size=BIG)

    def test_fails_in_the_middle(self):
        self.in_bad_weather("write /content/ EIO skip=2", size=BIG)

    def test_sync_of_the_file_fails(self):
        self.in_bad_weather("sync /content/ EIO", size=BIG)

    def test_sync_of_the_folder_fails(self):
        self.in_bad_weather("sync /store/content EIO skip=1", size=BIG)

    def test_cannot_get_its_name(self):
        self.in_bad_weather("rename /content/ EIO", size=BIG)

    def test_cannot_be_made(self):
        self.in_bad_weather("open /content/ EMFILE", size=BIG)

    def test_what_cannot_be_removed_is_swept_later_and_tells_nothing(self):
        self.in_bad_weather("sync /content/ EIO", "unlink /content/ EIO", size=BIG)

    def test_short_writes_are_carried_on(self):
        marker, message = self.letter(BIG)
        self.weather.set("write /content/ short count=20")
        self.taken(self.post(message))
        self.assertTrue(self.weather.hits())
        self.once(marker)
        got = email.message_from_bytes(self.delivered()[0])
        [attachment] = [part for part in got.walk() if part.get_filename() == "a.bin"]
        self.assertEqual(attachment.get_payload(decode=True), self.attachment)


class Spooling(TroubleTest):
    spool = {"event": "spool", "metric": "spool_failures_total"}

    def test_no_space(self):
        said = self.in_bad_weather("write /store/# ENOSPC", size=SPOOLED, **self.spool)
        self.assertIn("No space left on device", said)

    def test_fails_in_the_middle(self):
        self.in_bad_weather("write /store/# EIO skip=5", size=SPOOLED, **self.spool)

    def test_cannot_be_read_back(self):
        self.in_bad_weather("read /store/# EIO skip=2", size=SPOOLED, **self.spool)

    def test_no_file(self):
        self.in_bad_weather("open direct/store ENFILE count=1", size=SPOOLED, **self.spool)

    def test_short_writes_are_carried_on(self):
        marker, message = self.letter(SPOOLED)
        self.weather.set("write /store/# short count=20")
        self.taken(self.post(message))
        self.assertTrue(self.weather.hits())
        self.once(marker)


class Owed(TroubleTest):
    """Trouble after the message was taken: nothing is lost and nothing comes twice."""

    def test_the_outcome_cannot_be_written(self):
        marker, message = self.letter()
        self.weather.set("sync data.mdb EIO skip=1 count=3")  # the first commit takes the message
        self.taken(self.post(message))
        until(lambda: len(self.weather.hits()) == 3, "failed commits of the outbox", detail=self.daemon.log_tail)
        self.once(marker)

    def test_the_content_cannot_be_read(self):
        marker, message = self.letter(BIG)
        self.weather.set("read /content/ EIO count=1")
        self.taken(self.post(message))
        self.once(marker)
        self.assertTrue(self.weather.hits())

    def test_parsers_that_cannot_be_started(self):
        parsed = self.metric("documents_parsed_total")
        self.weather.set("spawn direct-parse EMFILE")
        for pid in self.parsers():
            os.kill(pid, signal.SIGKILL)
        marker, message = self.letter(1000)
        self.taken(self.post(message))
        self.once(marker)
        self.daemon.wait_log("cannot start")
        self.assertEqual(self.metric("documents_parsed_total"), parsed)
        self.weather.fine()
        again, message = self.letter(1000)
        self.taken(self.post(message))  # wakes the hand-over; by itself it tries each half minute
        until(lambda: self.metric("documents_parsed_total") == parsed + 2, "both attachments read",
              detail=self.daemon.log_tail)
        self.once(marker, again)

    def parsers(self):
        """Process numbers of the daemon's children."""
        out = subprocess.run(["ps", "--ppid", str(self.daemon.process.pid), "-o", "pid="], stdout=subprocess.PIPE,
                             check=False).stdout
        return [int(n) for n in out.split()]


class Slow(TroubleTest):
    """A disk that takes its time loses nothing, and who does not need it does not wait."""

    def test_slow_sync(self):
        letters = [self.letter() for _ in range(6)]
        before = self.metric("commit_seconds_sum"), self.metric("commits_total")
        done = []
        self.weather.set("sync data.mdb hold count=1")
        threads = [threading.Thread(target=lambda m=message: done.append(self.post(m))) for _, message in letters]
        for t in threads:
            t.start()
        held = time.monotonic()
        until(self.weather.hits, "a slow commit")
        plain = milter.deliver(self.daemon.socket, "a@elsewhere.test", "plain@here.test", b"Subject: s\r\n\r\nx\r\n")
        self.assertTrue(plain.untouched)
        self.assertEqual(done, [])
        took = time.monotonic() - held
        self.weather.set("sync data.mdb delay=200 count=2")
        for t in threads:
            t.join()
        for answer in done:
            self.taken(answer)
        self.once(*(marker for marker, _ in letters))
        self.assertGreater(self.metric("commit_seconds_sum"), before[0] + took / 2)
        self.assertGreater(self.metric("commits_total"), before[1])


class RealDisk(TroubleTest):
    """A file system of its own that is really full; the kernel's errors instead of ours."""
    size = 24

    @classmethod
    def prepare(cls):
        super().prepare()
        store = os.path.join(cls.daemon.root, "store")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.size}m,mode=700", "none", store],
                                 stderr=subprocess.PIPE, check=False)
        if mounted.returncode:
            raise NotPossible(f"no mount here: {mounted.stderr.decode().strip()}")
        # Lazily: the daemon, which has it open, is stopped by a cleanup of its own.
        cls.addClassCleanup(subprocess.run, ["umount", "-l", store], check=False)

    def fill(self):
        path = os.path.join(self.daemon.root, "store", "filler")
        with open(path, "wb", buffering=0) as out:
            for piece in (1 << 20, 4096):
                try:
                    while True:
                        out.write(b"\0" * piece)
                except OSError:
                    pass
        return path

    def test_full(self):
        warm, message = self.letter()
        self.taken(self.post(message))
        self.once(warm)
        filler = self.fill()
        before = self.metric("store_failures_total")
        small, big, spooled = self.letter(), self.letter(BIG), self.letter(SPOOLED)
        for _, message in (big, spooled):
            self.deferred(self.post(message))
        # Some may still fit into free pages of the file: they must be there in the end.
        kept = []
        while self.post(small[1]).taken:
            kept.append(small[0])
            self.assertLess(len(kept), 200, "a full disk takes mail for ever")
            small = self.letter()
        # Readers take slots of the shared lock file: on a full disk a page of it that has no room kills.
        clients = [threading.Thread(target=self.daemon.ctl, args=("store", "stat")) for _ in range(8)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        until(lambda: self.metric("store_failures_total") > before, "a failure of the store in the metrics")
        self.assertTrue(self.daemon.running)
        self.nothing_clear_on_disk()
        os.unlink(filler)
        for marker, message in (small, big, spooled):
            self.taken(self.post(message))
        self.once(warm, *{small[0], big[0], spooled[0], *kept})
        self.assertEqual(self.daemon.ctl("audit", "verify").code, 0)


class AtStart(TroubleTest):
    def start_fails(self, *rules):
        self.daemon.stop()
        self.weather.set(*rules)
        done = subprocess.run([program("direct-milter"), "--config", self.daemon.config], capture_output=True,
                              timeout=60, check=False, env={**os.environ, **self.daemon.environment})
        self.assertTrue(self.weather.hits())
        self.weather.fine()
        return done.returncode, done.stderr.decode()

    def and_then_works(self):
        self.daemon.start()
        marker, message = self.letter()
        self.taken(self.post(message))
        self.once(marker)

    def test_read_only_store(self):
        code, said = self.start_fails("open store/ EROFS")
        self.assertNotEqual(code, 0)
        self.assertIn("Read-only file system", said)
        self.and_then_works()

    def test_no_room_for_the_lock_table(self):
        code, said = self.start_fails("truncate lock.mdb ENOSPC")
        self.assertEqual(code, 75, said)
        self.assertIn("No space left on device", said)
        self.and_then_works()

    def test_unreadable_store_key(self):
        code, said = self.start_fails("open keys/store.key EACCES")
        self.assertEqual(code, 2, said)
        self.assertIn("store.key", said)
        self.and_then_works()

    def test_with_the_daemon_away_postfix_defers(self):
        self.daemon.stop()
        marker, message = self.letter()
        self.assertEqual(self.inbound(message).code // 100, 4)
        self.daemon.start()
        self.accepted(self.inbound(message, sender=f"bob@{THERE}", recipients=f"alice@{HERE}"))
        self.once(marker)


if __name__ == "__main__":
    unittest.main()
