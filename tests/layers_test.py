#!/usr/bin/env python3
"""Holds the tree against its plan: includes against layers.txt, the top level, sizes of files, folders' READMEs.

The checks are functions from {path: text} to a list of findings, so that each is shown to find something, too.
"""
import collections
import fnmatch
import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import source_tree  # noqa: E402

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "milter", "plugins", "policy", "conf", "tests", "README.md",
             "INSTALL.md", "LICENSE", ".ci", ".clang-format", ".clang-tidy", ".gitignore", ".gitattributes"}
CODE = (".cpp", ".h", ".c", ".def")
LINES_MAX = 400
LEFT_UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
# Rooms of tests/; what lies deeper is told of by the README of the room.
TEST_ROOMS = ("tests", "tests/fuzz", "tests/postfix", "tests/store_contract", "tests/plugins", "tests/bench")

Table = collections.namedtuple("Table", "levels allowed shared libraries")


def read_table(text):
    """layers.txt as Table(levels {folder: n}, allowed {folder: set}, shared {file: set}, libraries [(header, globs)])."""
    table = Table({}, {}, {}, [])
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        head, colon, rest = line.partition(":")
        words = rest.split()
        folder = re.fullmatch(r"(\d) (\S+)", head)
        if not colon:
            raise ValueError(f"layers.txt:{number}: no colon")
        if folder:
            table.levels[folder[2]] = int(folder[1])
            table.allowed[folder[2]] = set(words)
        elif head.startswith("<") and head.endswith(">"):
            table.libraries.append((head[1:-1], words))
        else:
            table.shared[head] = set(words)
    return table


def table_faults(table):
    """Arrows that point upward, or both ways, or nowhere."""
    faults = []
    for folder, others in table.allowed.items():
        for other in sorted(others):
            if other not in table.levels:
                faults.append(f"layers.txt: {folder} may include {other}, which has no line")
            elif table.levels[other] > table.levels[folder]:
                faults.append(f"layers.txt: {folder} is below {other} and may not include it")
            elif folder in table.allowed[other]:
                faults.append(f"layers.txt: {folder} and {other} include each other")
    return faults


def includes(text):
    """(line number, header, quoted?) of each #include."""
    for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', text, re.M):
        yield text.count("\n", 0, found.start()) + 1, found[1] or found[2], found[1] is not None


def include_faults(files, table):
    faults = []
    for path, text in files.items():
        if path.endswith(CODE):
            for line, header, quoted in includes(text):
                why = (own_fault if quoted else library_fault)(path, header, files, table)
                if why:
                    faults.append(f"{path}:{line}: {header}: {why}")
    return faults


def own_fault(path, header, files, table):
    """Why this file may not include this header of ours; None when it may."""
    folder, other = os.path.dirname(path), os.path.dirname(header)
    if header not in files:
        return "not a file of the tree (headers of ours are named from its root)"
    if folder.startswith("tests"):
        return None
    if other.startswith("tests"):
        return "only tests include tests"
    if folder not in table.levels:
        return f"{folder} has no line in layers.txt"
    if other == folder or other in table.allowed[folder] or folder in table.shared.get(header, ()):
        return None
    return f"{folder} may not include {other}"


def library_fault(path, header, _files, table):
    for pattern, globs in table.libraries:
        if fnmatch.fnmatchcase(header, pattern):
            return None if any(fnmatch.fnmatchcase(path, g) for g in globs) else "only in " + " ".join(globs)
    return None


def folder_faults(files, table):
    """Folders with code that the table does not know, and rooms without a README.md."""
    faults = []
    folders = {os.path.dirname(p) for p in files if p.endswith((".cpp", ".h", ".c"))}
    for folder in sorted(folders):
        if not folder.startswith("tests") and folder not in table.levels:
            faults.append(f"{folder}: no line in layers.txt")
    rooms = {f for f in folders if not f.startswith("tests")}
    rooms |= {r for r in TEST_ROOMS if any(p.startswith(r + "/") for p in files)}
    faults += [f"{room}: no README.md" for room in sorted(rooms) if f"{room}/README.md" not in files]
    return faults


def top_level_faults(files):
    return [f"{name}: not an entry of the top level" for name in sorted({p.split("/")[0] for p in files} - TOP_LEVEL)]


def size_faults(files):
    """Units that grew beyond what one person reads at once."""
    counts = {p: t.count("\n") for p, t in files.items() if p.endswith((".cpp", ".h", ".c"))}
    return [f"{p}: {n} lines, more than {LINES_MAX}" for p, n in counts.items() if n > LINES_MAX]


def undone_faults(files):
    faults = []
    for path, text in files.items():
        # Mail and corpora are foreign bytes; a word in them means nothing.
        if not path.startswith(("tests/fuzz/corpus/", "tests/mail/")):
            faults += [f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}" for m in LEFT_UNDONE.finditer(text)]
    return faults


class Tree(unittest.TestCase):
    """The tree as it is."""

    @classmethod
    def setUpClass(cls):
        cls.files = {path: source_tree.text(path) for path in source_tree.tracked()}
        cls.table = read_table(cls.files["tests/layers.txt"])

    def none(self, faults):
        if faults:
            self.fail("\n" + "\n".join(faults))

    def test_tree_is_seen(self):
        self.assertIn("CMakeLists.txt", self.files)
        self.assertGreater(sum(1 for p in self.files if p.endswith(".cpp")), 50)

    def test_table(self):
        self.none(table_faults(self.table))

    def test_includes(self):
        self.none(include_faults(self.files, self.table))

    def test_folders(self):
        self.none(folder_faults(self.files, self.table))

    def test_top_level(self):
        self.none(top_level_faults(self.files))

    def test_sizes(self):
        self.none(size_faults(self.files))

    def test_nothing_left_undone(self):
        self.none(undone_faults(self.files))


class Checks(unittest.TestCase):
    """Each check finds what it is there for."""

    TABLE = read_table("0 low:\n1 high: low\nlow/t.def: low\nconf/x.def: low\n"
                       "<lib/*>: high/*.cpp\n<heavy.h>: *.cpp\n")

    def found(self, path, line):
        files = {"low/a.h": "", "high/b.h": "", "conf/x.def": "", "tests/t.h": "", path: line}
        return include_faults(files, self.TABLE)

    def test_arrows(self):
        self.assertEqual(self.found("high/c.cpp", '#include "low/a.h"\n'), [])
        self.assertEqual(self.found("high/c.cpp", '#include "high/b.h"\n'), [])
        self.assertEqual(self.found("low/c.cpp", '#include "conf/x.def"\n'), [])
        self.assertEqual(self.found("tests/unit/c.cpp", '#include "high/b.h"\n'), [])
        self.assertIn("low may not include high", self.found("low/c.cpp", '\n  # include "high/b.h"\n')[0])
        self.assertIn("low/c.cpp:2:", self.found("low/c.cpp", '\n#include "high/b.h"\n')[0])
        self.assertIn("not a file", self.found("high/c.cpp", '#include "b.h"\n')[0])
        self.assertIn("only tests", self.found("low/c.cpp", '#include "tests/t.h"\n')[0])
        self.assertIn("no line", self.found("new/c.cpp", '#include "low/a.h"\n')[0])

    def test_libraries(self):
        self.assertEqual(self.found("high/c.cpp", "#include <lib/x.h>\n#include <vector>\n#include <heavy.h>\n"), [])
        self.assertIn("only in", self.found("high/c.h", "#include <heavy.h>\n")[0])
        self.assertIn("only in", self.found("low/c.cpp", "#include <lib/x.h>\n")[0])

    def test_upward_and_mutual_lines(self):
        self.assertIn("below", table_faults(read_table("0 a: b\n1 b:\n"))[0])
        self.assertIn("each other", table_faults(read_table("0 a: b\n0 b: a\n"))[0])
        self.assertIn("no line", table_faults(read_table("0 a: c\n"))[0])
        with self.assertRaises(ValueError):
            read_table("nonsense\n")

    def test_other_checks(self):
        self.assertEqual(folder_faults({"low/a.h": "", "low/README.md": ""}, self.TABLE), [])
        self.assertEqual(len(folder_faults({"new/a.h": ""}, self.TABLE)), 2)
        self.assertEqual(len(folder_faults({"tests/bench/a.cpp": "", "tests/README.md": ""}, self.TABLE)), 1)
        self.assertEqual(len(top_level_faults({"notes.txt": "", "milter/x.h": ""})), 1)
        self.assertEqual(len(size_faults({"low/a.cpp": "\n" * 401, "low/b.cpp": "\n" * 400})), 1)
        self.assertEqual(len(undone_faults({"low/a.cpp": "// TO" + "DO later", "low/b.cpp": "mastodon"})), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
