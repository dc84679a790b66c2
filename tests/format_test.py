#!/usr/bin/env python3
"""Every tracked .cpp and .h is laid out as .clang-format says. Exit 77: no clang-format 14 here (a failure in CI).

With --fix the files are rewritten instead.
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import source_tree  # noqa: E402

# Other versions lay out some lines differently; this is Debian 12's.
VERSION = 14


def formatter():
    """Path of clang-format in that version, or None."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, check=False).stdout.decode()
            if re.search(rf"version {VERSION}\.", said):
                return path
    return None


def main():
    path = formatter()
    if not path:
        print(f"clang-format {VERSION} is not installed")
        return 1 if os.environ.get("CI") else 77
    files = [p for p in source_tree.tracked() if p.endswith((".cpp", ".h"))]
    how = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "-Werror"]
    print(f"{len(files)} files")
    return subprocess.run([path, *how, *files], cwd=source_tree.ROOT, check=False).returncode if files else 1


if __name__ == "__main__":
    sys.exit(main())
