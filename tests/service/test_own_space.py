"""Own data choose the form of the space `own`, and say where a space does not suit them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise.config.loader import read_search
from tune_noise.errors import ConfigError, UserError
from tune_noise.service.checked_data import label_warnings, load_checked, load_data
from tune_noise.service.own_space import chosen_search

TABLE = {"data": "mine.csv", "data.label": "kind"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{('red', 'blue')[i % 3 == 0]},{'ab'[i % 2]}" for i in range(80)]
    Path("mine.csv").write_text("\n".join(["size,colour,kind", *rows]))
    labels = np.array(["x", "y"])[np.arange(40) % 2]
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    given = {"val_images": images[:10] // 2, "val_labels": labels[:10]}
    np.savez("pictures.npz", images=images, labels=labels, **given)


def chosen(**overrides: Any) -> Any:
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return chosen_search(None, named, Path("cache"))


def test_a_table_takes_the_space_for_features_and_its_name() -> None:
    search, dataset = chosen_search("own", TABLE, Path("cache"))
    assert (search.name, search.title) == ("own-mine", read_search("own").title)
    assert dataset is not None
    assert dataset.kind == "features"
    assert load_checked(search, Path("cache"), dataset).fingerprint == dataset.fingerprint
    again, _ = chosen_search(None, {**TABLE, "name": "second"}, Path("cache"))
    assert again.name == "second"


@pytest.mark.parametrize("key", ["data", "dataset"])
def test_pictures_take_the_space_for_pictures_and_their_own_validation(key: str) -> None:
    search, dataset = chosen(**{key: "pictures.npz"})
    assert (search.name, search.title) == ("own-pictures", read_search("own_pictures").title)
    assert dataset.num_validation == 10
    assert "val_fraction" not in search.fixed
    load_checked(search, None, dataset)


def test_what_suits_the_space_for_pictures_alone_is_taken_for_pictures() -> None:
    search, _ = chosen(data="pictures.npz", model="conv4")
    assert search.fixed["model"] == "conv4"
    with pytest.raises(ConfigError, match="weight_decay"):
        chosen(**TABLE, model="conv4")


def test_another_space_is_taken_as_it_is() -> None:
    search, dataset = chosen_search("smoke", {}, None)
    assert (search.name, dataset) == ("smoke", None)


def test_without_data_nothing_is_chosen() -> None:
    for overrides in ({}, {"data.label": "kind"}):
        with pytest.raises(UserError, match=r"no data are named: .* --data SOURCE"):
            chosen_search(None, overrides, None)


def test_an_encoder_that_learns_needs_one_share_for_validation() -> None:
    shares = {"val_fraction": {"choice": [0.1, 0.3]}}
    search = read_search("own", TABLE | shares)
    with pytest.raises(ConfigError, match=r"val_fraction +0.1 and 0.3: an encoder learns"):
        load_data(search, Path("cache"))


def test_drawn_noise_on_own_labels_says_what_it_takes_them_for() -> None:
    search, dataset = chosen(**TABLE)
    assert label_warnings(search, dataset) == []
    drawn = read_search("own", {**TABLE, "noise": "symmetric"})
    [sentence] = label_warnings(drawn, dataset)
    assert "taken to be clean" in sentence
