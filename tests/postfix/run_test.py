#!/usr/bin/env python3
"""Runs one test file: run_test.py test_NAME.py [TEST...]. Exit 77: not possible here (ctest: skipped)."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.site import main_or_skip  # noqa: E402


def main():
    name = os.path.splitext(os.path.basename(sys.argv[1]))[0]
    loader = unittest.TestLoader()
    wanted = [f"{name}.{t}" for t in sys.argv[2:]] or [name]
    suite = loader.loadTestsFromNames(wanted)
    if not suite.countTestCases():
        sys.exit(f"no test in {name}")
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stderr).run(suite)
    sys.exit(main_or_skip(result))


if __name__ == "__main__":
    main()
