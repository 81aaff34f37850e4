import os

import pytest

from tune_noise.tuning.cluster.held_stderr import held_stderr


def test_what_is_said_is_passed_on_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    with held_stderr():
        os.write(2, b"from C++\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "from C++\n"


def test_what_is_said_before_an_error_becomes_its_note(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        os.write(2, b"why it is wrong\n")
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong") as caught, held_stderr():
        fail()
    assert caught.value.__notes__ == ["why it is wrong\n"]
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "later\n"
