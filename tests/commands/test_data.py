"""`tune-noise data`: what is understood of one's own data, what is wrong, and the next command."""

import json
import math
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tune_noise.system.signals import Interrupt

from .console import Run, refuse

WORDS = ("good", "bad", "fair")


def reviews(path: str, *, rows: int = 60) -> str:
    """A CSV of texts with two pairs of equal ones, one of them with different labels, and gaps."""
    lines = ["review_id,review,stars,sentiment"]
    for row in range(rows):
        text = f"it is review number {row} and it says that all was {WORDS[row % 3]} there"
        lines.append(f"r{row},{text},{row % 5},{WORDS[row % 3]}")
    lines += [lines[1].replace("r0", "copy1"), lines[2].replace("r1", "copy2")]
    lines[-1] = lines[-1].rpartition(",")[0] + ",good"
    lines += ["gap,one more text that nobody has labelled until now,3,"]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_texts_are_described_and_the_next_command_is_named(run: Run) -> None:
    asked = ["data", reviews("reviews.csv"), "--set", "data.text=review", "--label", "sentiment"]
    asked += ["--set", "data.id=review_id", "--set", "data.ignore=stars", "--data-dir", "cache"]
    facts = json.loads(run(*asked, "--json").out)
    assert (facts["name"], facts["raw_kind"]) == ("reviews.csv", "texts")
    assert facts["columns"] == {
        "inputs": ["review"], "label": "sentiment", "true_label": None, "id": "review_id",
    }  # fmt: skip
    assert facts["examples"] == {"train": 63, "validation": None, "test": None, "unlabelled": 1}
    assert {one["name"]: one["train"] for one in facts["classes"]} == {
        "bad": 20, "fair": 20, "good": 22,
    }  # fmt: skip
    assert facts["duplicates"]["repeated_examples"] == 2
    assert facts["duplicates"]["contradicted_inputs"] == 1
    inputs = facts["inputs"]
    assert (inputs["kind"], inputs["encoder"]["name"]) == ("features", "tfidf")
    assert inputs["encoding_seconds"] > 0.0
    assert inputs["cache"] == {"folder": str(Path("cache/encoded")), "bytes": 0}

    shown = run(*asked).out
    for part in ("texts, which become features of", "inputs whose copies have different labels: 1"):
        assert part in " ".join(shown.split())
    program, *command = shlex.split(shown.rpartition("next  ")[2])
    assert (program, facts["next"]) == ("tune-noise", shlex.join([program, *command]))
    assert command[:5] == ["search", "--data", "reviews.csv", "--label", "sentiment"]
    assert [word for word in command[5:] if word != "--set"] == [
        "data.text=review", "data.id=review_id", "data.ignore=stars",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["data", "search"])
def test_interrupted_while_texts_are_encoded_it_says_so_in_one_word(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupt, "_last_signal", -math.inf)
    encoder = "{name: 'tests.data.encoders.own_encoders:Wrong', fault: interrupted}"
    source = [reviews("reviews.csv")] if command == "data" else ["--data", reviews("reviews.csv")]
    asked = [command, *source, "--label", "sentiment", "--data-dir", "cache"]
    asked += ["--set", "data.text=review", "--set", f"data.encoder={encoder}"]
    outcome = run(*asked)
    assert (outcome.code, outcome.out, outcome.err.strip()) == (130, "", "interrupted")


def test_features_are_used_as_they_come(run: Run) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(50, 4)).astype(np.float32)
    labels = np.array(["cat", "dog"])[np.arange(50) % 2]
    np.savez("mine.npz", features=features, labels=labels, true_labels=np.roll(labels, 1))
    facts = json.loads(run("data", "mine.npz", "--json").out)
    assert facts["inputs"]["encoder"] is None
    assert (facts["inputs"]["shape"], facts["inputs"]["bytes"]) == ([4], 50 * 4 * 4)
    assert facts["wrong_labels"] == 50
    assert facts["next"] == "tune-noise search --data mine.npz"
    refuse(run("data", "mine.npz", "--label", "kind"), "'kind' would be a column", "leave label")


def test_what_stands_for_a_missing_label_is_said_as_the_message_says_it(run: Run) -> None:
    features = np.random.default_rng(0).normal(size=(30, 3))
    np.savez("mine.npz", features=features, labels=np.arange(30) % 3 - 1)
    refuse(run("data", "mine.npz"), "--set data.missing=-1", "--set \"data.missing=''\"")
    for missing, unlabelled in (("-1", 10), ("''", 0)):
        facts = json.loads(
            run("data", "mine.npz", "--set", f"data.missing={missing}", "--json").out
        )
        assert facts["examples"]["unlabelled"] == unlabelled


def test_answers_of_annotators_are_told_from_examples(run: Run) -> None:
    rows = [f"{row // 3},w{row % 3},{'ab'[row // 3 % 2]}" for row in range(120)]
    Path("answers.csv").write_text("\n".join(["task,worker,label", *rows]))
    refuse(run("data", "answers.csv"), "annotators", "--set data.answers=answers.csv")
    np.save("features.npy", np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    facts = json.loads(
        run("data", "features.npy", "--set", "data.answers=answers.csv", "--json").out
    )
    assert facts["annotators"] == 3
    assert facts["classes"] == [{"name": "a", "train": 20}, {"name": "b", "train": 20}]


def test_a_picture_that_cannot_be_read_is_named_and_left_out_where_that_is_asked_for(
    run: Run,
) -> None:
    random = np.random.default_rng(0)
    for number in range(12):
        folder = Path("photos", "ab"[number % 2])
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    broken = Path("photos", "a", "0.png")
    broken.write_bytes(broken.read_bytes()[:60])
    refuse(run("data", "photos", "--data-dir", "cache"), str(broken), "--skip-unreadable")
    asked = ["data", "photos", "--data-dir", "cache", "--skip-unreadable", "--json"]
    facts = json.loads(run(*asked).out)
    assert facts["examples"]["train"] == 11
    assert facts["inputs"]["kind"] == "pictures"
    assert str(broken) in " ".join(facts["warnings"])
    assert facts["next"] == "tune-noise search --data photos --skip-unreadable"


def test_what_is_wrong_is_told_with_the_way_out(run: Run) -> None:
    refuse(run("data", "absent.csv"), "absent.csv does not exist")
    refuse(run("data", "a.csv", "--set", "data.txt=x"), "data.txt", "did you mean 'data.text'?")
    refuse(run("data", reviews("reviews.csv"), "--label", "sentimet"), "sentimet", "sentiment")
    refuse(run("search", "--data", "absent.csv"), "absent.csv does not exist")


def test_a_search_without_data_is_told_how_to_name_them(run: Run) -> None:
    refuse(run("search"), "no data are named", "--data SOURCE")
    refuse(run("search", "--label", "x"), "no data are named")
