"""directctl record reparse: what a plugin died of is read again once the plugin has been mended."""
import os
import unittest

from harness import smime
from harness.base import build_dir, until
from harness.site import SiteTest


class Reparse(SiteTest):
    @classmethod
    def prepare(cls):
        cls.folder = cls.scratch.folder("plugins")
        for path in ("lib/direct/plugins/file.so", "tests/neighbours/bad.so"):
            os.symlink(os.path.join(build_dir(), path), os.path.join(cls.folder, os.path.basename(path)))
        cls.daemon.sections["plugins"] = {"path": cls.folder, "worker": os.path.join(build_dir(), "bin/direct-parse")}
        cls.daemon.write_config()

    def read(self, message_id):
        """Its one document, once that has been read."""
        def look():
            documents = self.daemon.ctl_json("record", "show", message_id)["documents"]
            return documents[0] if documents[0]["state"] != "pending" else None
        return until(look, "the document's end", detail=self.daemon.log_tail)

    def test_a_mended_plugin_reads_what_the_old_one_died_of(self):
        sent = []
        for content in (b"bad:crash", b"bad:good"):
            inner, message = self.from_bob(attachments=[("x.bin", "application/octet-stream", content)])
            self.accepted(self.inbound(message))
            sent.append(smime.field(inner, "Message-ID"))
        crashed, good = [self.read(m) for m in sent]
        self.assertEqual((crashed["state"], crashed["refused_by"]), ("crashed", ["bad 0.1"]))
        self.assertEqual(good["plugin"], "bad 0.1")

        # A plugin that leaves such documents alone.
        os.unlink(os.path.join(self.folder, "bad.so"))
        self.daemon.restart()
        self.assertEqual(self.daemon.ctl_json("record", "reparse", "--plugin", "other")["documents"], 0)
        self.assertEqual(self.daemon.ctl_json("record", "reparse", "--plugin", "bad")["documents"], 1)
        read = self.read(sent[0])
        self.assertEqual((read["state"], read["plugin"], read.get("refused_by")), ("file", "file 1.0", None))
        self.assertEqual(self.read(sent[1])["plugin"], "bad 0.1", "nobody asked for that one")
        # All of one message, whatever became of it.
        self.assertEqual(self.daemon.ctl_json("record", "reparse", sent[1])["documents"], 1)
        self.assertEqual(self.read(sent[1])["plugin"], "file 1.0")

        self.assertEqual(self.daemon.ctl("record", "reparse").code, 2)
        self.assertEqual(self.daemon.ctl("record", "reparse", "<nobody@there.example>").code, 1)
        events = [e["event"] for e in self.daemon.ctl_json("audit")["entries"]]
        self.assertEqual(events.count("record-reparse"), 3)


if __name__ == "__main__":
    unittest.main()
