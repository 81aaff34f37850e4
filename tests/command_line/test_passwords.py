import json
import os
import subprocess
import sys

import pytest

from tune_noise.command_line.passwords import GivenUri, given_uri, hide_passwords, without_passwords
from tune_noise.errors import UserError

WHOLE = "http://ada:secret@127.0.0.1:5000"
MASKED = "http://***@127.0.0.1:5000"
PROGRAM = """
import json, os, sys
from tune_noise.command_line.passwords import hide_passwords

hide_passwords()
print(json.dumps({
    "arguments": sys.argv[1:],
    "command_line": open("/proc/self/cmdline").read().split("\\0")[:-1],
    "pid": os.getpid(),
    "tracking_uri": os.environ.get("MLFLOW_TRACKING_URI"),
    "record": os.environ.get("TUNE_NOISE_RECORD"),
}))
"""


def run(*arguments: str) -> tuple[dict[str, object], str]:
    command = [sys.executable, "-X", "utf8", "-c", PROGRAM, *arguments]
    inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=inherited
    ) as process:
        out, err = process.communicate()
        assert process.returncode == 0, err
        answer = json.loads(out)
        assert answer.pop("pid") == process.pid
    return answer, err


@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="needs /proc")
@pytest.mark.parametrize("form", [["--tracking-uri", WHOLE], [f"--tracking-uri={WHOLE}"]])
def test_a_password_goes_from_the_command_line_to_the_environment(form: list[str]) -> None:
    answer, err = run("--trials", "4", *form, "--resume")
    masked = [word.replace(WHOLE, MASKED) for word in form]
    assert answer["arguments"] == ["--trials", "4", *masked, "--resume"]
    line = answer["command_line"]
    assert isinstance(line, list)
    assert line[:4] == [sys.executable, "-X", "utf8", "-c"]
    assert line[5:] == answer["arguments"]
    assert answer["tracking_uri"] == WHOLE
    assert answer["record"] is None
    assert err.startswith("warning: --tracking-uri holds a password")
    assert "MLFLOW_TRACKING_URI" in err
    assert "secret" not in err


def test_a_command_without_passwords_is_left_alone() -> None:
    answer, err = run("--tracking-uri", "http://127.0.0.1:5000", "--record", "postgresql://u@h/d")
    assert answer["arguments"] == [
        "--tracking-uri",
        "http://127.0.0.1:5000",
        "--record",
        "postgresql://u@h/d",
    ]
    assert answer["tracking_uri"] is None
    assert err == ""


def test_the_last_of_several_counts() -> None:
    other = "http://bob:hidden@127.0.0.1:6000"
    masked, variables = without_passwords(["--tracking-uri", other, f"--tracking-uri={WHOLE}"])
    assert variables == {"MLFLOW_TRACKING_URI": WHOLE}
    assert "hidden" not in " ".join(masked)


def test_only_a_program_of_its_own_is_started_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A function that is called inside another program, such as these tests, must not replace it.
    monkeypatch.setattr(sys, "argv", ["tune-noise", "--tracking-uri", WHOLE])
    hide_passwords()
    assert "holds a password" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "variable", "expected"),
    [
        (None, None, GivenUri(None, "--tracking-uri")),
        (WHOLE, None, GivenUri(WHOLE, "--tracking-uri")),
        (WHOLE, "http://other:1", GivenUri(WHOLE, "--tracking-uri")),
        (WHOLE, WHOLE, GivenUri(WHOLE, "MLFLOW_TRACKING_URI")),
        (MASKED, WHOLE, GivenUri(WHOLE, "--tracking-uri")),
    ],
)
def test_a_masked_uri_means_that_of_the_environment(
    value: str | None,
    variable: str | None,
    expected: GivenUri,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    assert given_uri(value, "--tracking-uri") == expected


@pytest.mark.parametrize("variable", [None, "http://ada:secret@elsewhere:5000"])
def test_a_masked_uri_without_its_password_is_refused(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    with pytest.raises(UserError, match="put the whole URI into the environment variable MLFLOW"):
        given_uri(MASKED, "--tracking-uri")
