from pathlib import Path

import pytest

from tune_noise.data.memory import _of_groups, _of_machine, available_bytes


def write_group(folder: Path, *, limit: str, used: int, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")


def test_what_the_kernel_calls_available_is_taken(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:  7 kB\nHugePages_Total: 0\n")
    assert list(_of_machine(tmp_path / "meminfo")) == [7 * 1024]


def test_every_control_group_up_to_the_root_counts(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("3:cpu:/old\n0::/batch/job\n")
    root = tmp_path / "root"
    write_group(root / "batch" / "job", limit="1000", used=900, cache=300)
    write_group(root / "batch", limit="max", used=5000)
    write_group(root, limit="2000", used=1900)
    write_group(tmp_path, limit="1", used=0)
    assert list(_of_groups(membership, root)) == [400, 100]


@pytest.mark.parametrize("content", ["", "garbage", "MemAvailable:", "MemAvailable: many kB"])
def test_where_the_system_says_nothing_nothing_is_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "meminfo").write_text(content)
    assert list(_of_machine(tmp_path / "meminfo")) == []
    assert list(_of_machine(tmp_path / "missing")) == []
    assert list(_of_groups(tmp_path / "missing", tmp_path)) == []


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_this_machine_has_some_memory_left() -> None:
    assert 10**6 < (available_bytes() or 0) < 10**15
