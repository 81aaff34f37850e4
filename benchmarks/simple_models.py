"""Simple models on one's own data: the bar for everything that is more than simple.

    python benchmarks/simple_models.py SOURCE [--label COLUMN] [--set data.FIELD=VALUE ...]

Reads and encodes the data as `tune-noise search --data` does, and prints the test accuracy of the
nearest class mean, of the 25 nearest neighbours and of logistic regression (all of scikit-learn),
on rows of one length and on standardised columns. Each learns from all labelled examples, as a
user without a search would, and from the training part of a search alone.
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tune_noise.config.loader import build_source, parse_assignments
from tune_noise.data import Dataset
from tune_noise.data.own_data import load_own
from tune_noise.data.splits import validation_split

SCALINGS = {"rows of length 1": Normalizer, "columns standardised": StandardScaler}
MODELS: dict[str, Any] = {
    "nearest class mean": NearestCentroid,
    "25 nearest": lambda: KNeighborsClassifier(25),
    "logistic regression": lambda: LogisticRegression(max_iter=1000),
}


def data_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of a command that reads one's own data."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="as --data of a search")
    parser.add_argument("--label", help="column of the labels")
    parser.add_argument("--set", action="append", default=[], help="data.FIELD=VALUE")
    parser.add_argument("--val-fraction", type=float, default=0.3, help="of the search")
    return parser


def read_data(options: argparse.Namespace) -> Dataset:
    """Read the data that the command line names."""
    given = {"data": options.source} | ({"data.label": options.label} if options.label else {})
    source = build_source({**parse_assignments(options.set), **given}, source=options.source)
    data = load_own(source, val_fraction=options.val_fraction)
    if data.test_inputs is None or data.test_labels is None:
        sys.exit("error: the data have no test split: name one by --set data.test=FILE")
    return data


def main() -> None:
    options = data_parser(__doc__).parse_args()
    data = read_data(options)
    every = np.arange(len(data.train_labels))
    part, _ = validation_split(
        data.train_labels,
        data.input_of,
        val_fraction=options.val_fraction,
        num_validation=data.num_validation,
    )
    # Constant columns of a table.
    warnings.filterwarnings("ignore", message=".*zero standard deviation")
    inputs, test = (x.reshape(len(x), -1) for x in (data.train_inputs, data.test_inputs))
    labels = {"given labels": data.train_labels}
    if data.true_labels is not None:
        labels["true labels"] = data.true_labels
        print(f"wrong labels: {(data.train_labels != data.true_labels).mean():.1%}")
    print(f"{len(every)} examples, {len(part)} of them for training, {len(test)} for the test")
    for truth, y in labels.items():
        for scaling, make_scaler in SCALINGS.items():
            for name, make_model in MODELS.items():
                accuracies = []
                for rows in (every, part):
                    model = make_pipeline(make_scaler(), make_model()).fit(inputs[rows], y[rows])
                    accuracies.append(100 * model.score(test, data.test_labels))
                print(
                    f"{truth}, {scaling}, {name}: {accuracies[0]:.1f} % of all examples, "
                    f"{accuracies[1]:.1f} % of the training part"
                )


if __name__ == "__main__":
    main()
