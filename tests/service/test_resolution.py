import re

import numpy as np

from tune_noise.config.loader import build_search
from tune_noise.service.resolution import least_differences
from tune_noise.training import with_material


def space(**changes):
    raw = {"name": "x", "noise": "dilution", "conditions": {"alpha": [0, 2, 20]}, "trials": 1}
    return build_search(raw | changes, source="x")


def test_each_condition_is_told_and_more_noise_hides_larger_differences(digits):
    sentences = least_differences(space(fixed={"val_fraction": 0.3}), digits)
    assert [sentence.split(":")[0] for sentence in sentences] == ["alpha=0", "alpha=2", "alpha=20"]
    points = [float(re.search(r"less than (\S+) points", s).group(1)) for s in sentences]
    assert points == sorted(points)


def test_the_material_of_the_data_set_tells_what_can_be_seen(digits, tmp_path):
    np.savetxt(tmp_path / "T.csv", np.full((10, 10), 0.1), delimiter=",")
    raw = {"noise": "matrix", "conditions": {"transition_file": [str(tmp_path / "T.csv")]}}
    search = space(**raw)
    dataset = with_material(digits, [search.trial_config(c, {}) for c in search.all_conditions])
    [sentence] = least_differences(search, dataset)
    assert "cannot tell any configurations apart" in sentence


def test_another_objective_is_not_judged_by_information(digits):
    assert least_differences(space(objective="val_accuracy_noisy"), digits) == []
