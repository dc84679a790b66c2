"""The demonstration that the README names: all its steps go as they should. Once its last one took the notification to
bob for what alice wrote, and nobody saw."""
import os
import subprocess
import sys
import unittest

from harness.base import source_dir
from harness.postfix import is_possible
from harness.site import NotPossible


class Demo(unittest.TestCase):
    def test_everything_goes_as_it_should(self):
        if why := is_possible():
            raise NotPossible(why)
        done = subprocess.run([sys.executable, "-B", os.path.join(source_dir(), "conf", "demo.py")],
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Everything went as it should.", done.stdout)
        self.assertIn("bob hears", done.stdout)


if __name__ == "__main__":
    unittest.main()
