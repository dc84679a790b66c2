#!/usr/bin/env python3
"""The crash driver by hand: faults.py [--messages 20000] [--seed N] [--minutes M].

Prints its seed, what it killed and the count of every copy; exit 1 when a message was lost, doubled without a kill
that explains it, misdelivered or leaked. Needs root and the packages of tests/postfix; DIRECT_BUILD names the build.
"""
import argparse
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.base import Failure  # noqa: E402
from harness.faults.run import FaultSite, run_once  # noqa: E402


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=20000)
    options.add_argument("--seed", default=str(random.SystemRandom().randrange(10 ** 6)))
    options.add_argument("--minutes", type=float, help="send for so long at most")
    given = options.parse_args()

    def say(line):
        print(line, flush=True)
    try:
        FaultSite.setUpClass()
        run_once(FaultSite, given.messages, given.seed, minutes=given.minutes, say=say)
    except Failure as e:
        sys.exit(str(e))
    finally:
        FaultSite.doClassCleanups()


if __name__ == "__main__":
    main()
