from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_search import Script
from tune_noise.tracking import default_tracking_uri


@pytest.fixture(autouse=True)
def _quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    script = Script(tmp_path / "runs" / "methods", experiment=tmp_path.name)
    yield script
    script.record.close()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return default_tracking_uri(tmp_path / "runs")
