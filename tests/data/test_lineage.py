"""The lineage of data that are named by a path alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from tune_noise.config.loader import build_search
from tune_noise.data import load_dataset
from tune_noise.data.lineage import digest_of, lineage_file
from tune_noise.errors import DataError
from tune_noise.service.earlier import earlier_search


def test_a_data_set_that_is_named_by_its_file_has_its_lineage(tmp_path: Path) -> None:
    path = tmp_path / "v2.npz"
    labels = np.arange(40) % 4
    np.savez(path, features=np.arange(80, dtype=np.float32).reshape(40, 2), labels=labels)
    lineage = {
        "version": 2,
        "sha256": digest_of(path),
        "search": {"name": "first", "id": "x", "folder": str(tmp_path / "gone")},
        "before": {"place": "v1.npz", "fingerprint": "abc", "version": 1},
        "changes": [{"source": "person"}],
    }
    lineage_file(path).write_text(json.dumps(lineage))
    reading = load_dataset(str(path)).reading
    assert reading is not None
    assert "version 2 of the labels: 1 corrected by people after the search first" in reading
    raw = {"name": "x", "dataset": str(path), "noise": "given", "trials": 1}
    assert earlier_search(build_search(raw, source="x")) == (lineage, None)
    np.savez(path, features=np.zeros((40, 2), np.float32), labels=labels)
    with pytest.raises(DataError, match="not what was written"):
        load_dataset(str(path))
