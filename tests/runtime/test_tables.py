import doctest
import shutil
import subprocess
import sys

import pytest
from common import ROOT

from wct.runtime import tables
from wct.runtime.tables import Table

SMALL_DISK = ["unshare", "-rm", "sh", "-c"]


def test_its_example():
    assert doctest.testmod(tables) == (0, 4)


@pytest.mark.parametrize("row, words", [
    (("a",), "binding"), (("a", 1, 2), "binding"), (("a", []), "binding"), (("a", 2**63), "too large"),
    (("\ud800", 1), "surrogates")], ids=repr)
def test_what_is_no_row(row, words):
    table = Table("name", "size")
    with pytest.raises(ValueError, match=words):
        table.put([row])
    table.put([("a", 1)])
    assert list(table.select("SELECT * FROM rows")) == [("a", 1)]


def test_memory_does_not_grow_with_the_rows():
    def peak(count):
        code = f"""import resource; from wct.runtime.tables import Table; table = Table("name", "text")
table.put((b"%09d" % i, "x" * 200) for i in range({count})); assert table.get(b"%09d" % {count - 1})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"""
        return int(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout) / 1e3

    assert peak(300_000) - peak(1) < 1.25 * Table.MEGABYTES  # MB, of 60


@pytest.mark.skipif(not shutil.which("unshare") or subprocess.run(
    [*SMALL_DISK, "mount -t tmpfs -o size=64k tmpfs /tmp"], capture_output=True).returncode != 0,
    reason="no small disk can be mounted here")
def test_a_full_disk_of_temporary_files(tmp_path):
    script = f"mount -t tmpfs -o size=1m tmpfs {tmp_path}; TMPDIR={tmp_path} exec {sys.executable} -c '{{}}'"
    code = """from wct.runtime.tables import Table; table = Table("name", "text")
table.put((i, "x" * 200) for i in range(300_000))"""
    done = subprocess.run([*SMALL_DISK, script.format(code)], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("wct.runtime.files.NoSpaceError: the disk of temporary files"), done
