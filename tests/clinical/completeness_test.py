#!/usr/bin/env python3
"""Nothing a clinical document says in codes, times or quantities may be missing from the answer of `directctl parse`.

Counts per section can be met by empty items, so this walks the raw XML on its own (walk.py) and compares. The documents made
for the project are all looked at; of the shared corpus ten per run, by a seed that is printed (DIRECT_SEED takes it again),
or all of them with DIRECT_ALL=1.
"""
import json
import os
import random
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import walk  # noqa: E402

SOURCE = os.environ.get("DIRECT_SOURCE", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("DIRECT_BUILD", os.path.join(SOURCE, "build"))
SHARED = os.environ.get("DIRECT_SHARED", os.path.join(os.path.dirname(SOURCE), "shared"))
PER_RUN = 10
LINES_SHOWN = 40


def parse(content, *options):
    ran = subprocess.run([os.path.join(BUILD, "bin", "directctl"), "parse", *options, "-"], input=content,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    return json.loads(ran.stdout)


def own_documents():
    for top in ("tests/vectors", "tests/mail"):
        for folder, _, files in os.walk(os.path.join(SOURCE, top)):
            for name in sorted(files):
                if name.endswith(".xml"):
                    with open(os.path.join(folder, name), "rb") as file:
                        content = file.read()
                    if b"ClinicalDocument" in content or b"ContinuityOfCareRecord" in content:
                        yield os.path.join(os.path.relpath(folder, SOURCE), name), content


def corpus_documents():
    corpus = os.path.join(SHARED, "corpus")
    if not os.path.exists(os.path.join(corpus, "truth.tsv")):
        return []
    with open(os.path.join(corpus, "truth.tsv"), encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t")[4] for line in file if line.startswith("D\t")]


def corpus_bytes(path):
    outer, _, inner = path.partition("!")
    full = os.path.join(SHARED, "corpus", outer)
    if inner:
        return subprocess.run(["unzip", "-p", full, inner], stdout=subprocess.PIPE, check=True).stdout
    with open(full, "rb") as file:
        return file.read()


class Completeness(unittest.TestCase):
    def look_at(self, name, content):
        answer = parse(content)
        self.assertNotIn("error", answer, name)
        lost = walk.missing(content, answer)
        if lost:
            self.fail("%s: %d things are lost\n  %s" % (name, len(lost), "\n  ".join(lost[:LINES_SHOWN])))

    def test_documents_made_for_the_project(self):
        documents = list(own_documents())
        self.assertGreaterEqual(len(documents), 2)
        for name, content in documents:
            with self.subTest(name):
                self.look_at(name, content)

    def test_documents_of_the_corpus(self):
        documents = corpus_documents()
        if not documents:
            self.skipTest("no ../shared/corpus here")
        if os.environ.get("DIRECT_ALL") != "1":
            seed = int(os.environ.get("DIRECT_SEED") or random.SystemRandom().randrange(1 << 32))
            print("DIRECT_SEED=%d" % seed, file=sys.stderr)
            documents = random.Random(seed).sample(documents, min(PER_RUN, len(documents)))
        for name in documents:
            with self.subTest(name):
                self.look_at(name, corpus_bytes(name))

    def test_the_walk_sees_what_is_taken_away(self):
        """A walk that finds nothing missing in an answer without items would prove nothing."""
        name, content = next((n, c) for n, c in own_documents() if n.endswith("ccda/ccd.xml"))
        answer = parse(content)
        code = next(i["code"] for i in answer["items"] if "/entry[" in i["path"] and "code" in i.get("code", {}))
        whole = walk.missing(content, answer)
        kept, code["code"] = code["code"], "else"
        lost = [line for line in walk.missing(content, answer) if line not in whole]
        self.assertTrue(any("code " + kept in line for line in lost), name)
        document = (b'<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"><recordTarget><patientRole><patient><sdtc:deceasedInd value=" True"/></patient>'
                    b'</patientRole></recordTarget><component><structuredBody><component><section><entry><act negationInd="TRUE">'
                    b'<text nullFlavor="MSK"/><priorityCode/><entryRelationship inversionInd=" True"><act/></entryRelationship>'
                    b'<entryRelationship inversionInd="perhaps"><act/></entryRelationship></act></entry><entry><act negationInd="maybe"/></entry></section></component>'
                    b'</structuredBody></component></ClinicalDocument>')
        parsed = parse(document)
        self.assertEqual(walk.missing(document, parsed), [])
        for item in parsed["items"]:
            for member in ("deceased", "negationInd", "negationIndRaw", "textNullFlavor"):
                item.pop(member, None)
            for related in item.get("related", []):
                for member in ("inversionInd", "inversionIndRaw"):
                    related.pop(member, None)
        lost = " ".join(walk.missing(document, parsed))
        for line in ("truth deceased true x1", "truth negationInd true x1", "truth inversionInd true x1", "value maybe x1", "value perhaps x1",
                     "nullFlavor MSK x1"):
            self.assertIn(line, lost)
        answer["items"] = []
        self.assertGreater(len(walk.missing(content, answer)), len(whole) + 20)


if __name__ == "__main__":
    unittest.main()
