"""An epoch of the notebook's data path and loop, beside the same epoch of ours.

    python benchmarks/notebook.py [--models perceptron mlp1] [--alphas 0 5 20] [--whole-epochs]

Network, images, batch size (128), optimizer (Adadelta), number of steps and of images evaluated
after them are the same, on one thread. Ours trains whole epochs as in a search: its own order,
noisy labels, tally and evaluation. The notebook trains a share of an epoch, --batches at a time,
in turn with ours; its time for the whole is in proportion, without what an epoch's start costs it.
Both evaluate 2,000 images after an epoch: the notebook a fifth of the test set, ours as many
training images that are held out. Then both are trained on 12,800 images from several seeds, to
show that they learn alike: test accuracy on the other four fifths of the test set.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import torch
from notebook_recipe import NoisyLabelDataset, NotebookTraining, mnist, only, split_test_set
from paired import Figures, arguments, clock_option, in_turn
from timed_trial import PassClock
from unpacked import unpacked_apart

from tune_noise.config.trial import TrialConfig
from tune_noise.data import Dataset, load_dataset
from tune_noise.data.data_dir import default_data_dir
from tune_noise.data.resident import ResidentImages, channel_statistics
from tune_noise.metrics.evaluation import predict_logits
from tune_noise.training import Trial
from tune_noise.training.labelled_data import example_split
from tune_noise.training.process import prepare_process

BATCH_SIZE, EVALUATED, SPLIT_SEED = 128, 2_000, 42


def main() -> None:
    options = parse()
    prepare_process(threads=1)
    figures = Figures("notebook")
    ours = load_dataset("mnist", data_dir=options.data_dir)
    with tempfile.TemporaryDirectory() as folder:
        files = unpacked_apart(options.data_dir, Path(folder))
        for model in options.models:
            for alpha in options.alphas:
                measure(figures, model, alpha, ours=ours, files=files, options=options)
        if options.learning_seeds:
            for model in options.models:
                for alpha in options.learning_alphas:
                    compare_learning(figures, model, alpha, ours, files, options)
    figures.write(options.json)


def parse() -> argparse.Namespace:
    assert __doc__ is not None
    parser = arguments(__doc__, "notebook", repeats=5)
    clock_option(parser)
    add = parser.add_argument
    add("--models", nargs="+", default=["perceptron", "mlp1"], metavar="NAME",
        choices=["perceptron", "mlp1"], help="default: perceptron mlp1")  # fmt: skip
    add("--alphas", nargs="+", type=int, default=[0, 5, 20], metavar="N", help="default: 0 5 20")
    add("--batches", type=int, default=150, help="of the notebook per turn; default 150")
    add("--whole-epochs", action="store_true",
        help="the notebook trains whole epochs, too: hours at alpha 20")  # fmt: skip
    add("--train-size", type=int, help="images; default: the 58,000 that are not held out")
    add("--learning-seeds", type=int, default=3, help="0: do not compare; default 3")
    add("--learning-alphas", nargs="+", type=int, default=[0, 5], metavar="N", help="default: 0 5")
    # Whole batches: the notebook ends an epoch with what is left, and few examples spoil it.
    add("--learning-images", type=int, default=12_800, help="default 12,800")
    add("--data-dir", type=Path, default=default_data_dir(), help="holds MNIST; as of a search")
    return parser.parse_args()


def configuration(
    model: str, alpha: int, *, size: int | None, epochs: int, seed: int = 0, lr: float = 0.1
) -> TrialConfig:
    return TrialConfig(
        dataset="mnist",
        noise="dilution",
        alpha=alpha,
        val_fraction=EVALUATED / 60_000,
        train_size=size,
        model=model,
        optimizer="adadelta",
        lr=lr,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        seed=seed,
        noise_seed=seed,
    )


def measure(
    figures: Figures,
    model: str,
    alpha: int,
    *,
    ours: Dataset,
    files: Path,
    options: argparse.Namespace,
) -> None:
    config = configuration(model, alpha, size=options.train_size, epochs=options.repeats + 2)
    images, _ = example_split(ours, config)
    noisy = NoisyLabelDataset(only(mnist(files, train=True), images), alpha)
    validation, _ = split_test_set(mnist(files, train=False), SPLIT_SEED)
    training = NotebookTraining(model, noisy, lr=config.lr, batch_size=BATCH_SIZE)
    batches = len(training.loader) if options.whole_epochs else options.batches

    started = options.clock()
    # The notebook tests once, at the end of all.
    trial = Trial(
        [config],
        dataclasses.replace(ours, test_inputs=None, test_labels=None),
    )
    clock = PassClock(trial, options.clock)
    trial.train_epoch()
    first = options.clock() - started
    seconds = in_turn(
        {
            "notebook": lambda: training.train(batches),
            "notebook evaluation": lambda: training.evaluate(validation, batch_size=BATCH_SIZE),
            "ours": trial.train_epoch,
        },
        repeats=options.repeats,
        clock=options.clock,
    )
    share = len(training.loader) / batches
    passes = [share * value for value in seconds["notebook"]]
    epochs = [a + b for a, b in zip(passes, seconds["notebook evaluation"], strict=True)]
    name, own = f"{model}, alpha {alpha}", clock.seconds[-options.repeats :]
    print(
        f"\n{name}: {len(noisy):,} examples per epoch; the notebook trains {1 / share:.2%} of them"
    )
    figures.add(f"{name}: notebook, epoch", epochs, "s")
    figures.add(f"{name}: ours, epoch", seconds["ours"], "s")
    figures.ratio(f"{name}: training pass, notebook / ours", passes, own)
    figures.ratio(f"{name}: epoch, notebook / ours", epochs, seconds["ours"])
    figures.add(f"{name}: ours, start and first epoch", [first], "s")


def compare_learning(
    figures: Figures,
    model: str,
    alpha: int,
    ours: Dataset,
    files: Path,
    options: argparse.Namespace,
) -> None:
    """Test accuracy after one epoch, from the same images normalised alike."""
    mean, std = channel_statistics(ours.train_inputs)
    scale = {"mean": float(mean[0]), "std": float(std[0])}
    _, tested = split_test_set(mnist(files, train=False, **scale), SPLIT_SEED)
    theirs, own = [], []
    for seed in range(options.learning_seeds):
        config = configuration(
            model, alpha, size=options.learning_images, epochs=1, seed=seed, lr=0.5
        )
        images, _ = example_split(ours, config)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the notebook draws from it
        noisy = NoisyLabelDataset(only(mnist(files, train=True, **scale), images), alpha)
        training = NotebookTraining(model, noisy, lr=config.lr, batch_size=BATCH_SIZE)
        training.train(len(training.loader))
        theirs.append(100 * training.evaluate(tested, batch_size=BATCH_SIZE)[1])
        own.append(100 * our_accuracy(config, ours, np.asarray(tested.indices)))
    name = f"{model}, alpha {alpha}, {options.learning_images:,} images, 1 epoch"
    print()
    figures.add(f"{name}: notebook, test accuracy", theirs, "%")
    figures.add(f"{name}: ours, test accuracy", own, "%")


def our_accuracy(config: TrialConfig, dataset: Dataset, tested: np.ndarray) -> float:
    trial = Trial([config], dataclasses.replace(dataset, test_inputs=None, test_labels=None))
    trial.train_epoch()
    assert dataset.test_inputs is not None
    assert dataset.test_labels is not None
    mean, std = channel_statistics(dataset.train_inputs)
    images = ResidentImages(dataset.test_inputs[tested], mean=mean, std=std, device="cpu")
    [logits] = predict_logits(trial.network, images)
    return float((logits.argmax(dim=1).numpy() == dataset.test_labels[tested]).mean())


if __name__ == "__main__":
    main()
