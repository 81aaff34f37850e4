"""Tables of one's own: CSV, JSON lines and Parquet. What is taken is taken alike a second time."""

import datetime
import io
from collections.abc import Callable
from decimal import Decimal
from random import Random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz_targets.target import SCRATCH, Target, check_message, mutated
from tune_noise.config.data_source import DataSource
from tune_noise.data.sources import answers, arrays, assemble, columns, delimited  # noqa: F401
from tune_noise.data.sources.raw import RawData, RawSplit
from tune_noise.data.sources.read import read_inputs, read_source
from tune_noise.errors import DataError


def run_file(suffix: str) -> Callable[[bytes], None]:
    path = SCRATCH / f"own{suffix}"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            raw = read_source(DataSource(train=str(path)))
        except DataError as error:
            check_message(error, start=str(path))
            return
        check_data(raw)
        assert raw.form is not None
        try:
            again = read_inputs(path, like=raw.form, class_names=raw.class_names)
        except DataError as error:
            raise AssertionError(f"refused at the second reading: {error}") from error
        if len(again) == len(raw.train):  # no column gives the split
            assert same_inputs(again, raw.train)

    return run


def check_data(raw: RawData) -> None:
    assert raw.form is not None
    assert raw.form.kind == raw.kind
    assert len(set(raw.class_names)) == len(raw.class_names) >= 2
    assert all(name.isprintable() and name.strip() == name for name in raw.class_names)
    for split in (raw.train, raw.validation, raw.test):
        if split is None:
            continue
        assert split.labels is not None
        assert len(split.labels) == len(split)
        assert set(split.labels) <= {None, *raw.class_names}
        if split.ids is not None:
            assert len(set(split.ids)) == len(split)
        if raw.kind == "features":
            assert split.inputs.dtype == np.float32
            assert np.isfinite(np.asarray(split.inputs)).all()
    for sentence in (*raw.reading, *raw.warnings):
        assert sentence.isprintable()
        assert len(sentence) < 2000


def same_inputs(one: RawSplit, other: RawSplit) -> bool:
    if isinstance(one.inputs, np.ndarray):
        return np.array_equal(one.inputs, other.inputs)
    return one.inputs.equals(other.inputs)


def frames() -> list[pd.DataFrame]:
    label = ["cat", "dog", "cat", "dog", "cat", "dog"]
    numbers = np.arange(6) % 4 + 0.5
    features = pd.DataFrame(np.outer(numbers, np.arange(33) % 5).astype(np.float32) % 7)
    features.columns = [f"f{i}" for i in range(33)]
    texts = [f'some words in text {i}, and more; "quoted"\nnext' for i in range(6)]
    return [
        pd.DataFrame({"size": numbers, "colour": ["r", "b", None, "r", "r", "b"], "label": label}),
        pd.DataFrame({"id": list("abcdef"), "text": texts, "label": label, "true_label": label}),
        features.assign(target=[0, 1, 0, 1, 0, 1]),
        pd.DataFrame({"a": numbers, "label": [0, 1, -1, 1, 0, 1]}).assign(split=["train"] * 6),
        pd.DataFrame({"features": [[1.0, 2.0], [3.0, 4.0]] * 3, "y": label}),
        pd.DataFrame({"a": [True, False] * 3, "b": numbers, "label": ["007", "1e3"] * 3}),
    ]  # fmt: skip


def csv_seeds() -> list[bytes]:
    plain = [frame.to_csv(index=False).encode() for frame in frames()]
    german = frames()[0].to_csv(index=False, sep=";", decimal=",")
    return [
        *plain,
        german.encode("utf-8-sig"),
        german.replace("cat", "Kätzchen").encode("latin-1"),
        frames()[1].to_csv(index=False).encode("utf-16"),
        frames()[3].to_csv(sep="\t").encode(),
        b"a,label\r\n1,x\r\n2,y\r\n\r\n3,x\r\n4,y\r\n",
    ]


def jsonl_seeds() -> list[bytes]:
    return [frame.to_json(orient="records", lines=True).encode() for frame in frames()]


def parquet_seeds() -> list[bytes]:
    seeds = []
    for frame in frames():
        for compression in ("none", "snappy"):
            file = io.BytesIO()
            table = pa.Table.from_pandas(frame, preserve_index=False)
            pq.write_table(table, file, compression=compression)
            seeds.append(file.getvalue())
    return seeds


def made(random: Random) -> pa.Table:
    """A table of the wildest columns that Parquet can hold."""
    rows = random.choice([0, 1, 6, 24, 24, 24])
    words = ["cat", "dog", "dog ", "-1"]
    words += ["", "x.png", "\x00", "a" * 200] if random.random() < 0.3 else []
    values: list[Callable[[], object]] = [
        lambda: random.choice(words),
        lambda: random.choice([0, 1, 2, -1, 2**62]),
        lambda: random.choice([0.0, 1.0, 0.5, float("nan"), float("inf"), 1e300]),
        lambda: random.random() < 0.5,
        lambda: [random.random()] * random.choice([2, 2, 2, 0, 3]),
        lambda: b"bytes",
        lambda: {"bytes": b"x", "path": "x.png"},
        lambda: Decimal("1.5"),
        lambda: datetime.date(2020, 1, random.randint(1, 28)),
        lambda: " ".join(random.choices(["some", "words", "of", "text", "here"], k=9)),
        lambda: None,
    ]  # fmt: skip
    names = ["label", "id", "split", "text", "a", "b", "true_label", "features", "file_name", ""]
    cells_of = {}
    for name in ["label", *random.sample(names[1:], random.randint(1, 5))]:
        value = values[0] if name == "label" and random.random() < 0.8 else random.choice(values)
        gaps = random.random() < 0.3
        cells = [None if gaps and random.random() < 0.2 else value() for _ in range(rows)]
        column = pa.array(cells)
        if pa.types.is_string(column.type) and random.random() < 0.3:
            column = column.dictionary_encode()
        if pa.types.is_floating(column.type) and random.random() < 0.3:
            column = column.cast(random.choice([pa.float32(), pa.float16()]), safe=False)
        cells_of[name] = column
    return pa.table(cells_of)


def mutate_parquet(data: bytes, max_bytes: int, seed: int) -> bytes:
    random = Random(seed)
    if random.random() < 0.5:
        return mutated(data, max_bytes)
    file = io.BytesIO()
    pq.write_table(made(random), file)
    return file.getvalue() if file.tell() <= max_bytes else data


WORDS = (
    *(b"label", b"text", b"split", b"id", b"train", b"validation", b"test", b"file_name"),
    *(b"NaN", b"nan", b"None", b"-1", b"1e400", b"1,5", b"1.5", b'"', b'""', b";", b"\t", b"|"),
    *(
        b"\r\n",
        b"\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"[",
        b"]",
        b"{",
        b"}",
        b"null",
        b"true",
    ),
)
CSV = Target(run_file(".csv"), csv_seeds, words=WORDS)
JSONL = Target(run_file(".jsonl"), jsonl_seeds, words=WORDS)
PARQUET = Target(run_file(".parquet"), parquet_seeds, mutate_parquet, max_bytes=32_768)
