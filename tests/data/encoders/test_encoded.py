"""Encoding in blocks: resumed after a kill, done once, never a wrong array in the cache."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.data.encoders import own_encoders
from tune_noise.data.encoders import encoded
from tune_noise.data.encoders.chosen import choose_encoder
from tune_noise.data.encoders.encoded import Encoding
from tune_noise.data.encoders.raw_digests import raw_digests
from tune_noise.errors import DataError

OWN = "tests.data.encoders.own_encoders"
TEXTS = np.array(["x" * (1 + number % 97) + str(number) for number in range(2_600)], object)
EXPECTED = np.array([[len(text)] for text in TEXTS], np.float32)


def encoding(asked, cache, texts=TEXTS):
    chosen = choose_encoder(asked, "texts")
    return Encoding(chosen, texts, raw_digests(texts), np.arange(50), len(texts), cache)


def slow(tmp_path, seconds):
    return {"name": f"{OWN}:Slow", "log": str(tmp_path / "log"), "seconds": seconds}


def test_an_encoding_that_was_killed_goes_on_where_it_was(tmp_path):
    code = f"""
from pathlib import Path
from tests.data.encoders.test_encoded import encoding, slow
encoding(slow(Path({str(tmp_path)!r}), 0.3), Path({str(tmp_path / "cache")!r})).run()
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    there = encoding(slow(tmp_path, 0.3), tmp_path / "cache")
    while len(list((there.folder / "blocks").glob("0*.npy"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not there.is_cached
    kept = {path.name: path.stat().st_mtime_ns for path in (there.folder / "blocks").glob("0*.npy")}
    assert 2 <= len(kept) < 6
    (tmp_path / "log").unlink()
    there.chosen.encoder.seconds = 0.0
    array, state = there.run()
    # The first line is of the few inputs that show the shape.
    encoded_now = [int(line.split()[1]) for line in (tmp_path / "log").read_text().splitlines()[1:]]
    assert encoded_now == ([500] * 5 + [100])[len(kept) :]
    assert np.array_equal(array, EXPECTED)
    assert state is None
    assert sorted(path.name for path in there.folder.iterdir()) == [
        ".lock",
        "encoder.json",
        "encoder.safetensors",
        "inputs.npy",
    ]


def test_what_is_in_the_cache_is_mapped_and_not_encoded_again(tmp_path):
    first = encoding(slow(tmp_path, 0.0), tmp_path)
    seconds, block = first.probe()
    assert 0 <= seconds < 60
    assert block.dtype == np.float32
    first.run()
    (tmp_path / "log").unlink()
    again = encoding(slow(tmp_path, 0.0), tmp_path)
    assert again.is_cached
    assert again.probe()[0] == 0.0
    array, _ = again.run()
    assert not (tmp_path / "log").exists()
    assert np.array_equal(array, EXPECTED)
    base = array
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_an_executor_may_encode_blocks_elsewhere(tmp_path):
    sizes = []

    def elsewhere(encoder, blocks, count):
        assert count == 6
        for block in blocks:
            sizes.append(len(block))
            yield encoder.encode(block)

    array, _ = encoding(f"{OWN}:lengths", tmp_path).run(elsewhere)
    assert sizes == [500] * 5 + [100]
    assert np.array_equal(array, EXPECTED)


def test_a_fitted_encoder_that_was_killed_keeps_what_it_had_learnt(tmp_path, monkeypatch):
    def killed(encoder, blocks, count):
        for number, block in enumerate(blocks):
            if number == 3:
                raise KeyboardInterrupt
            yield encoder.encode(block)

    with pytest.raises(KeyboardInterrupt):
        encoding(f"{OWN}:LetterCounts", tmp_path).run(killed)
    again = encoding(f"{OWN}:LetterCounts", tmp_path)
    monkeypatch.setattr(own_encoders.LetterCounts, "fit", None)
    array, (arrays, _) = again.run()
    assert np.array_equal(arrays["mean"], again.chosen.encoder.counts(TEXTS[:50]).mean(axis=0))
    assert np.array_equal(array, again.chosen.encoder.encode(TEXTS))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("lists", "must give float32 .* gives list"),
        ("float64", "must give float32 .* gives float64"),
        ("too few", r"must give \[500, 2\] here; it gives float32 \[499, 2\]"),
        ("nan", "not finite"),
        ("raises", "fails: ZeroDivisionError"),
    ],
)
def test_an_encoder_that_fails_is_told_in_one_message(tmp_path, fault, message):
    there = encoding({"name": f"{OWN}:Wrong", "fault": fault}, tmp_path)
    with pytest.raises(DataError, match=message):
        there.run()
    assert not there.is_cached


def test_data_encoder_fields_version_and_fitting_part_have_each_a_place_of_their_own(
    tmp_path, monkeypatch
):
    name = f"{OWN}:LetterCounts"
    base = encoding(name, tmp_path)
    others = [
        encoding(f"{OWN}:lengths", tmp_path),
        encoding({"name": name, "letters": 3}, tmp_path),
        encoding(name, tmp_path, TEXTS[::-1]),
        Encoding(
            base.chosen, TEXTS, base.digests, np.arange(49), base.num_labelled, base.cache_dir
        ),
    ]
    monkeypatch.setattr("tune_noise.data.encoders.chosen._content_digest", lambda files: "other")
    others.append(encoding(name, tmp_path))
    assert len({one.folder for one in (base, *others)}) == 6
    assert len({one.about["digest"] for one in (base, *others)}) == 6


def test_a_damaged_cache_is_told(tmp_path):
    there = encoding(f"{OWN}:lengths", tmp_path)
    there.run()
    (there.folder / encoded.INPUTS_FILE).write_bytes(b"nothing")
    with pytest.raises(DataError, match="remove it, and start again"):
        there.run()
