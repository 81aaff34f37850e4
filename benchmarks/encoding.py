"""Measure how raw inputs become a data set: seconds, peak memory, and a second time from the cache.

    python benchmarks/encoding.py photos --examples 100000
    python benchmarks/encoding.py photos --examples 2000 --encoder efficientnet_lite0
    python benchmarks/encoding.py features --examples 200000 --width 768 --form columns.parquet

`photos` writes small JPEG files, `features` a file of `--form`: an .npy file, a Parquet file of a
column for each feature, or of lists, in one row group, or a CSV file. All lie in a temporary
folder. Each step runs in a process of its own. Memory is the growth of its peak once libraries are
imported, and for `features` also as a share of the array. What is mapped from a file counts as soon
as it is touched.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tune_noise.config.data_source import DataSource
from tune_noise.data.own_data import load_own

PICTURE_SIZE = 64
FORMS = ("npy", "columns.parquet", "lists.parquet", "csv")
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=("photos", "features"))
    parser.add_argument("--examples", type=int, default=2_000)
    parser.add_argument("--width", type=int, default=768, help="of features")
    parser.add_argument("--form", default="npy", choices=FORMS, help="of features")
    parser.add_argument("--unlabelled", type=float, default=0.0, help="share of the features")
    parser.add_argument("--encoder", default="pixels", help="of photos")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load is not None:
        load(arguments, arguments.load)
        return
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        (write_photos if arguments.kind == "photos" else write_features)(arguments, Path(folder))
        print(f"written in {time.perf_counter() - started:.1f} s")
        for step in ("first time", "from the cache"):
            command = [sys.executable, __file__, *sys.argv[1:], "--load", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{step}: {describe(json.loads(done.stdout))}", flush=True)


def describe(measured: dict[str, float]) -> str:
    share = measured["memory"] / measured["array"]
    return (
        f"{measured['seconds']:.1f} s, memory {measured['memory'] / MIB:,.0f} MiB = {share:.2f} x "
        f"the {measured['array'] / MIB:,.0f} MiB of the inputs; all read in "
        f"{measured['read_seconds']:.1f} s more"
    )


def load(arguments: argparse.Namespace, folder: Path) -> None:
    """Load the data set in this process, and print what it took as JSON."""
    if arguments.kind == "photos":
        import PIL.Image  # noqa: F401

        source = DataSource(train=str(folder / "photos"), encoder=arguments.encoder)
    else:
        labels = str(folder / "y.npy") if arguments.form == "npy" else None
        source = DataSource(train=str(folder / f"x.{arguments.form}"), labels=labels, missing="-1")
        import pandas  # noqa: F401
        import pyarrow.csv
        import pyarrow.parquet  # noqa: F401
    before, started = peak(), time.perf_counter()
    dataset = load_own(source, val_fraction=0.1, cache_dir=folder / "cache")
    seconds = time.perf_counter() - started
    # As training does, which maps every page of the file.
    started = time.perf_counter()
    for start in range(0, len(dataset.train_inputs), 4096):
        dataset.train_inputs[start : start + 4096].sum()
    facts = {"seconds": seconds, "read_seconds": time.perf_counter() - started}
    sets = (dataset.train_inputs, dataset.unlabelled_inputs)
    facts["array"] = sum(inputs.nbytes for inputs in sets if inputs is not None)
    facts["memory"] = peak() - before
    print(json.dumps(facts))


def peak() -> int:
    """Return the peak of this process's memory in bytes; Linux only.

    What `resource` calls the peak is the parent's, where that was larger.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def write_photos(arguments: argparse.Namespace, folder: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for label in range(10):
        (folder / "photos" / f"class{label}").mkdir(parents=True)
    for number in range(arguments.examples):
        coarse = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((PICTURE_SIZE, PICTURE_SIZE))
        picture.save(folder / "photos" / f"class{number % 10}" / f"{number}.jpg", quality=85)


def write_features(arguments: argparse.Namespace, folder: Path) -> None:
    random = np.random.default_rng(0)
    shape = (arguments.examples, arguments.width)
    rows = np.lib.format.open_memmap(folder / "x.npy", mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(rows), 4096):
        block = rows[start : start + 4096]
        block[...] = random.standard_normal(block.shape, dtype=np.float32)
    rows.flush()
    labels = np.arange(arguments.examples) % 10
    labels[random.random(len(labels)) < arguments.unlabelled] = -1
    np.save(folder / "y.npy", labels)
    if arguments.form != "npy":
        import pyarrow as pa
        import pyarrow.csv
        import pyarrow.parquet

        if arguments.form == "lists.parquet":
            lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), arguments.width)
            columns = {"features": lists}
        else:
            columns = {f"feature{number}": column for number, column in enumerate(rows.T)}
        table = pa.table({**columns, "label": labels})
        write = pa.csv.write_csv if arguments.form == "csv" else pa.parquet.write_table
        write(table, folder / f"x.{arguments.form}")


if __name__ == "__main__":
    main()
