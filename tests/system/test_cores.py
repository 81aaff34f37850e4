import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tune_noise.system import cores
from tune_noise.system.cores import usable_cores


@pytest.fixture
def affinity() -> Iterator[set[int]]:
    """The cores that the tests may use; a test may restrict itself to some of them."""
    before = os.sched_getaffinity(0)
    yield before
    os.sched_setaffinity(0, before)


def test_a_process_that_is_restricted_to_a_core_counts_one(affinity: set[int]) -> None:
    os.sched_setaffinity(0, {min(affinity)})
    assert usable_cores() == 1


@pytest.mark.parametrize(
    ("membership", "quotas", "count"),
    [
        ("0::/job", {"job/cpu.max": "200000 100000"}, 2),
        ("0::/job", {"job/cpu.max": "max 100000"}, 8),
        ("0::/job/step", {"job/cpu.max": "300000 100000", "job/step/cpu.max": "max 100000"}, 3),
        ("0::/", {"cpu.max": "250000 100000"}, 2),  # as a container sees itself
        ("0::/job", {"job/cpu.max": "50000 100000"}, 1),
        ("0::/job", {"job/cpu.max": "6400000 100000"}, 8),  # no more than there are
        ("0::/not/mounted/here", {"cpu.max": "400000 100000"}, 4),
        (
            "5:memory:/job\n4:cpu,cpuacct:/job\n0::/job",
            {"cpu/job/cpu.cfs_quota_us": "300000", "cpu/job/cpu.cfs_period_us": "100000"},
            3,
        ),
        (
            "4:cpu:/job",
            {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"},
            8,
        ),
        (None, {}, 8),
    ],
)
def test_quotas_of_control_groups_count(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    membership: str | None,
    quotas: dict[str, str],
    count: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_MEMBERSHIP", tmp_path / "membership")
    if membership is not None:
        (tmp_path / "membership").write_text(membership + "\n")
    for name, text in quotas.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert usable_cores() == count


def test_a_system_without_affinity_counts_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(cores, "_MEMBERSHIP", Path("/none"))
    assert usable_cores() == 3
