#!/usr/bin/env python3
"""The whole daemon under the thread sanitizer: sessions, committer, outbox and notices while it reloads each 50 ms.

Runs reload_under_load.py with a daemon of the thread build (DIRECT_BUILD) and ends with 1 when the sanitizer has told anything
that thread_suppressions.txt does not name. Arguments go to reload_under_load.py.
"""
import os
import subprocess
import sys
import tempfile


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory(prefix="direct-threads-") as folder:
        os.chmod(folder, 0o777)
        # GLib's own allocator hands memory on without the sanitizer's seeing it.
        env = dict(os.environ, G_SLICE="always-malloc",
                   TSAN_OPTIONS=f"log_path={folder}/report suppressions={here}/thread_suppressions.txt history_size=4")
        done = subprocess.run([sys.executable, "-B", os.path.join(here, "reload_under_load.py"), *sys.argv[1:]], env=env,
                              check=False)
        reports = sorted(os.listdir(folder))
        for name in reports:
            with open(os.path.join(folder, name), errors="replace") as f:
                sys.stdout.write(f.read())
        print(f"reports of the thread sanitizer: {len(reports)}")
    sys.exit(done.returncode or (1 if reports else 0))


if __name__ == "__main__":
    main()
