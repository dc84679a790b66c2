"""The files of this project as the tests of the tree see them: what git tracks, or what lies there without git."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tracked():
    """Paths of the project's files, relative to its root, sorted."""
    git = ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        listed = subprocess.run(git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, env=clean).stdout
        paths = [p for p in listed.decode().split("\0") if p]
    except (OSError, subprocess.CalledProcessError):
        paths = list(_walk())
    return sorted(p for p in paths if os.path.isfile(os.path.join(ROOT, p)))


def _walk():
    for folder, inner, files in os.walk(ROOT):
        here = os.path.relpath(folder, ROOT)
        if here == ".":
            inner[:] = [d for d in inner if d != ".git" and not d.startswith("build")]
        inner[:] = [d for d in inner if d != "__pycache__"]
        for name in files:
            yield os.path.normpath(os.path.join(here, name))


def text(path):
    """A file's content; bytes that are no UTF-8 are shown as such."""
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="backslashreplace") as file:
        return file.read()
