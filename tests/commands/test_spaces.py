"""`tune-noise spaces`: list, show, check."""

import json
from pathlib import Path

from tune_noise.config.loader import shipped_spaces

from .console import SPACE, Run, space, write


def test_the_list_names_every_space_and_fits_into_80_columns(run: Run) -> None:
    listed = run("spaces").out.splitlines()
    names = [line for line in listed if not line.startswith(" ")]
    assert names == list(shipped_spaces())
    assert max(map(len, listed)) <= 80
    assert "    digits, symmetric noise: noise_rate [0.4]; 8 trials each" in listed


def test_the_list_is_there_for_scripts_too(run: Run) -> None:
    listed = json.loads(run("spaces", "--json").out)
    assert [each["name"] for each in listed] == list(shipped_spaces())
    [smoke] = [each for each in listed if each["name"] == "smoke"]
    assert (smoke["dataset"], smoke["trials"], smoke["compare"]) == ("digits", 8, "method")
    assert smoke["conditions"] == {"noise_rate": [0.4]}


def test_a_space_is_shown_as_json_with_its_defaults(run: Run) -> None:
    shown = json.loads(run("spaces", "show", "smoke", "--json").out)
    assert Path(shown["file"]).name == "smoke.yaml"
    assert shown["objective"] == "val_information_noisy"
    assert shown["search"]["lr"] == {"loguniform": [0.001, 0.01], "when": {}}


def test_several_spaces_are_checked_at_once_with_all_their_problems(run: Run) -> None:
    write(SPACE, "good.yaml")
    write(space(trials=0, epochs=0), "bad.yaml")
    write("- no mapping", "list.yaml")
    outcome = run("spaces", "check", "good.yaml", "bad.yaml", "smok", "list.yaml")
    assert outcome.code == 2
    assert outcome.out == "good.yaml: 2 conditions, 8 trials each: ok\n"
    assert outcome.err.count("error:") == 1
    for part in (
        "bad.yaml has ",
        "trials ",
        "epochs ",
        "did you mean 'smoke'?",
        "a space is a map",
    ):
        assert part in outcome.err


def test_a_script_gets_the_problems_of_each_space(run: Run) -> None:
    write(SPACE, "good.yaml")
    write(space(trials=0), "bad.yaml")
    outcome = run("spaces", "check", "good.yaml", "bad.yaml", "none.yaml", "--json")
    assert outcome.code == 2
    good, bad, none = json.loads(outcome.out)
    assert (good["ok"], good["problems"], good["trials"]) == (True, [], 8)
    assert bad["ok"] is False
    assert bad["problems"][0]["place"] == "trials"
    assert "there is no such file" in none["problems"][0]["message"]
