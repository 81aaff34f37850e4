"""What a node is asked before a search, and what is said of the nodes that cannot take part."""

from pathlib import Path

import pytest

from tests.tuning.fake_trainer import make_search
from tune_noise.config import declared
from tune_noise.tuning.cluster.node_check import _refusal
from tune_noise.tuning.cluster.on_node import (
    MARK_FILE,
    answer,
    folder_problem,
    own_problem,
    software,
    software_problem,
)

HERE = software(with_source=True)
OWN = {"model json:loads": declared.origin("model", "json:loads")}


def test_a_node_that_shares_everything_answers_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / MARK_FILE).write_text("secret")
    assert answer(str(tmp_path), "secret", HERE, OWN, "n1") is None
    assert (tmp_path / f"{MARK_FILE}.node-n1").read_text() == "secret"


def test_a_folder_that_is_not_the_driver_s_is_told_apart(tmp_path: Path) -> None:
    assert "does not see the folder" in str(folder_problem(str(tmp_path / "none"), "secret"))
    assert "does not see the driver's file" in str(folder_problem(str(tmp_path), "secret"))
    (tmp_path / MARK_FILE).write_text("another")
    assert "has a folder of its own" in str(folder_problem(str(tmp_path), "secret"))


def test_other_software_is_named_with_both_versions() -> None:
    assert software_problem(HERE, with_source=True) is None
    other = HERE | {"torch": "1.0.0"}
    problem = software_problem(other, with_source=True)
    assert problem == f"runs torch {HERE['torch']}; the driver runs torch 1.0.0"
    edited = HERE | {"tune_noise": HERE["tune_noise"].replace("source", "source 0")}
    assert "runs tune_noise" in str(software_problem(edited, with_source=True))
    assert "(source" not in str(software(with_source=False))


def test_a_network_of_one_s_own_must_be_there(tmp_path: Path) -> None:
    assert own_problem(OWN) is None
    message = str(own_problem(OWN | {"model no_such_module:build": {}}))
    assert "cannot use model 'no_such_module:build': no_such_module cannot be imported" in message


def test_another_version_of_a_user_s_own_class_is_named() -> None:
    source = OWN["model json:loads"]["source"]
    message = str(own_problem({"model json:loads": {"source": "0123"}}))
    assert message == f"has model json:loads of {source}; the driver has 0123"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / MARK_FILE).write_text("another")
    found = str(answer(str(tmp_path), "secret", HERE | {"numpy": "1.0"}, {}, "n1"))
    assert "runs numpy" in found
    assert "has a folder of its own" in found
    text = _refusal({"10.0.0.2 (b)": found, "10.0.0.3 (c)": "cannot import x"}, 3, tmp_path)
    assert text.startswith("2 of 3 nodes of the cluster cannot take part; nothing was begun")
    assert "10.0.0.2 (b)  runs numpy" in text
    assert "--output or TUNE_NOISE_OUTPUT" in text
    assert "install the same versions" in text


@pytest.mark.parametrize(
    "change",
    [
        {"fixed": {"ramp_epochs": 1, "model": "mine.net:build"}},
        {"conditions": {"model": ["mlp1", "mine.net:build"]}},
    ],
)
def test_networks_of_one_s_own_are_found_wherever_a_space_names_them(change: dict) -> None:
    assert make_search().own_parts == []
    assert make_search(**change).own_parts == [("model", "mine.net:build")]
