#!/usr/bin/env python3
"""Nothing the metadata of an XDM package says may be missing from the answer of `directctl parse`.

metadata_walk.py walks METADATA.XML on its own and compares; packages of ours (metadata_documents.py), every package of the
shared corpus, and packages of elements in any order, by a seed that is printed (DIRECT_SEED takes it again).
"""
import io
import os
import random
import sys
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import metadata_documents as made  # noqa: E402
import metadata_walk as walk  # noqa: E402
from completeness_test import LINES_SHOWN, SHARED, parse  # noqa: E402

AT_RANDOM = 20


def metadata_of(package):
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        return [opened.read(name) for name in opened.namelist() if name.lower().endswith("/metadata.xml")]


def corpus_packages():
    for folder, _, files in os.walk(os.path.join(SHARED, "corpus")):
        for name in sorted(files):
            if name.lower().endswith(".zip"):
                yield os.path.join(folder, name)


class Metadata(unittest.TestCase):
    def look_at(self, package, by_place=True):
        answer = parse(package)
        self.assertNotIn("error", answer)
        lost = walk.missing(metadata_of(package), answer, by_place)
        if lost:
            self.fail("%d things are lost\n  %s" % (len(lost), "\n  ".join(lost[:LINES_SHOWN])))
        return answer

    def test_packages_made_for_it(self):
        inside = made.objects()
        for name, metadata in (("ebRS 3.0", [made.three(*inside)]), ("ebRS 2.1", [made.two(*inside)]),
                               ("provide and register", [made.provided(made.document(1), made.document(2))]),
                               ("two of them", [made.three(*inside), made.two(*inside)]),
                               ("objects alone", [inside[0].encode()]), ("nothing", [b"<a/>"])):
            with self.subTest(name):
                self.look_at(made.package(*metadata))

    def test_packages_of_the_corpus(self):
        packages = list(corpus_packages())
        if not packages:
            self.skipTest("no ../shared/corpus here")
        for name in packages:
            with self.subTest(name), open(name, "rb") as file:
                answer = self.look_at(file.read())
                self.assertEqual(answer["document"]["kind"], "xdm")

    def test_any_element_in_any_other(self):
        seed = int(os.environ.get("DIRECT_SEED") or random.SystemRandom().randrange(1 << 32))
        print("DIRECT_SEED=%d" % seed, file=sys.stderr)
        for number in range(seed, seed + AT_RANDOM):
            with self.subTest(DIRECT_SEED=number):
                self.look_at(made.package(made.of_seed(number)), by_place=False)

    def test_the_walk_sees_what_is_taken_away(self):
        """A walk that finds nothing missing in an answer without metadata would prove nothing."""
        package = made.package(made.three(*made.objects()))
        answer = self.look_at(package)
        document, container = answer["document"], answer["children"][0]["container"]
        self.assertTrue(all(document[k] for k in ("submissionSets", "folders", "packages", "associations", "objectRefs", "more")))
        for of, key, line in ((document, "folders", "package: Folder of Ada x1"), (document, "associations", "package: a mistake x1"),
                              (document, "objectRefs", "package: urn:uuid:a-house's-own x1"), (document, "more", "package: element Organization"),
                              (container["metadata"], "slots", "Document01: second signer 1 x1"),
                              (container["metadata"], "version", "Document01: 1.1 x1"),
                              (container["metadata"], "classifications", "Document01: second class x1")):
            kept = of.pop(key)
            self.assertIn(line, walk.missing(metadata_of(package), answer))
            of[key] = kept
        self.assertEqual(walk.missing(metadata_of(package), answer), [])
        document["submissionSets"].pop()
        self.assertIn("package: Set 2 x1", walk.missing(metadata_of(package), answer))


if __name__ == "__main__":
    unittest.main()
