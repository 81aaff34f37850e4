import sys
from pathlib import Path

import pytest

from tune_noise import cli
from tune_noise.command_line.run import run_app

from .console import Outcome, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`tune-noise ARGUMENTS` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tune-noise", *arguments])
        with pytest.raises(SystemExit) as ended:
            run_app(cli.app, prog_name="tune-noise")
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call
