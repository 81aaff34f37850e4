"""What a competent user writes from the documentation of Ray Tune, Optuna, MLflow and PyTorch.

    python benchmarks/stock/recipe.py --dataset digits --output DIR [--trials 200] [--reuse-actors]

A function trainable with a DataLoader, ASHAScheduler, OptunaSearch, MLflowLoggerCallback on SQLite,
one core and one thread per trial, a report per epoch. It is not slowed down: no test set is
evaluated, data is loaded once per trial, and nothing is printed. Nothing of tune_noise is in it but
the import of torchvision, for installations where a plain one fails.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import ray
import torch
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from tune_noise.data.torchvision_import import import_torchvision

NOISE_RATE, NUM_CLASSES = 0.4, 10
# The same as in the .yaml files beside this one; a test compares them.
SEARCHES: dict[str, dict[str, Any]] = {
    "digits": {
        "trials": 200,
        "epochs": 12,
        "grace_epochs": 4,
        "reduction_factor": 2,
        "batch_size": 64,
        "val_fraction": 0.3,
        "ramp_epochs": 4,
    },
    "mnist": {
        "trials": 40,
        "epochs": 6,
        "grace_epochs": 2,
        "reduction_factor": 2,
        "batch_size": 128,
        "val_fraction": 0.1,
        "ramp_epochs": 2,
    },
    "features": {
        "trials": 1000,
        "epochs": 6,
        "grace_epochs": 2,
        "reduction_factor": 2,
        "batch_size": 128,
        "val_fraction": 0.2,
        "ramp_epochs": 2,
    },
}


def search_space(trial: optuna.Trial) -> None:
    """Define-by-run, since tau belongs to co-teaching alone."""
    method = trial.suggest_categorical("method", ["standard", "co_teaching"])
    trial.suggest_float("lr", 0.001, 0.01, log=True)
    if method == "co_teaching":
        trial.suggest_float("tau", 0.2, 0.6)


def noisy(labels: np.ndarray, seed: int) -> np.ndarray:
    """Symmetric noise: a wrong label is one of the other classes."""
    generator = np.random.default_rng(seed)
    flipped = generator.random(len(labels)) < NOISE_RATE
    shift = generator.integers(1, NUM_CLASSES, len(labels))
    return np.where(flipped, (labels + shift) % NUM_CLASSES, labels)


def digits(data_dir: str) -> Dataset:
    """The images for training, of the embedded data set."""
    images, labels = load_digits(return_X_y=True)
    images, _, labels, _ = train_test_split(
        images, labels, test_size=540, stratify=labels, random_state=0
    )
    pixels = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)
    pixels = (pixels - pixels.mean()) / pixels.std()
    return TensorDataset(pixels, torch.from_numpy(noisy(labels, seed=0)))


def mnist(data_dir: str) -> Dataset:
    """The images for training, from torchvision."""
    import_torchvision()
    from torchvision import datasets, transforms

    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    training_set = datasets.MNIST(data_dir, train=True, transform=transform)
    training_set.targets = torch.from_numpy(noisy(training_set.targets.numpy(), seed=0))
    return training_set


def features(data_dir: str) -> Dataset:
    """Vectors whose labels are wrong already, from features.npz."""
    with np.load(Path(data_dir) / "features.npz") as arrays:
        rows, labels = torch.from_numpy(arrays["features"]), torch.from_numpy(arrays["labels"])
    return TensorDataset((rows - rows.mean(dim=0)) / rows.std(dim=0), labels)


def loaders(settings: dict[str, Any]) -> tuple[DataLoader, DataLoader]:
    """Training and validation; no workers of their own, as a trial has one core."""
    data = {"digits": digits, "mnist": mnist, "features": features}[settings["dataset"]](
        settings["data_dir"]
    )
    train, val = train_test_split(
        np.arange(len(data)), test_size=settings["val_fraction"], random_state=0
    )
    return (
        DataLoader(Subset(data, train), batch_size=settings["batch_size"], shuffle=True),
        DataLoader(Subset(data, val), batch_size=1000),
    )


def network(num_inputs: int) -> nn.Module:
    """One hidden layer; mlp1 of tune_noise."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(num_inputs, 256), nn.ReLU(), nn.Linear(256, NUM_CLASSES)
    )


def loss_of(
    networks: list[nn.Module], images: torch.Tensor, labels: torch.Tensor, forget_rate: float
) -> torch.Tensor:
    """Cross-entropy; in co-teaching of the examples that the peer finds easiest."""
    logits = [net(images) for net in networks]
    if len(networks) == 1:
        return F.cross_entropy(logits[0], labels)
    num_kept = max(1, int((1 - forget_rate) * len(labels)))
    with torch.no_grad():
        losses = [F.cross_entropy(each, labels, reduction="none") for each in logits]
        easiest = [each.argsort()[:num_kept] for each in losses]
    return F.cross_entropy(logits[0][easiest[1]], labels[easiest[1]]) + F.cross_entropy(
        logits[1][easiest[0]], labels[easiest[0]]
    )


@torch.no_grad()
def val_accuracy(networks: list[nn.Module], loader: DataLoader) -> float:
    """Of the mean probability of the networks, against noisy labels."""
    correct = total = 0
    for images, labels in loader:
        probabilities = sum(net(images).softmax(dim=1) for net in networks)
        correct += int((probabilities.argmax(dim=1) == labels).sum())
        total += len(labels)
    return correct / total


def train(config: dict[str, Any], settings: dict[str, Any]) -> None:
    """One trial."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train_loader, val_loader = loaders(settings)
    num_inputs = train_loader.dataset[0][0].numel()
    count = 2 if config["method"] == "co_teaching" else 1
    networks = [network(num_inputs) for _ in range(count)]
    parameters = [p for net in networks for p in net.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=config["lr"])
    started = time.perf_counter()
    for epoch in range(settings["epochs"]):
        forget_rate = config.get("tau", 0.0) * min(1.0, epoch / settings["ramp_epochs"])
        for images, labels in train_loader:
            loss = loss_of(networks, images, labels, forget_rate)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = val_accuracy(networks, val_loader)
        seconds = time.perf_counter() - started
        tune.report({"val_accuracy_noisy": accuracy, "epoch": epoch + 1, "seconds": seconds})


def search(settings: dict[str, Any], output: Path, *, trials: int, reuse_actors: bool) -> Any:
    """The whole search."""
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, settings=settings), {"cpu": 1}),
        tune_config=tune.TuneConfig(
            metric="val_accuracy_noisy",
            mode="max",
            num_samples=trials,
            search_alg=OptunaSearch(
                space=search_space, metric="val_accuracy_noisy", mode="max", seed=settings["seed"]
            ),
            scheduler=ASHAScheduler(
                time_attr="training_iteration",
                max_t=settings["epochs"],
                grace_period=settings["grace_epochs"],
                reduction_factor=settings["reduction_factor"],
            ),
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(
            name="stock",
            storage_path=str(output / "ray"),
            verbose=0,
            callbacks=[
                MLflowLoggerCallback(
                    tracking_uri=f"sqlite:///{output / 'mlflow.db'}", experiment_name="stock"
                )
            ],
        ),
    )
    return tuner.fit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", choices=sorted(SEARCHES), required=True)
    parser.add_argument("--data-dir", type=Path, default=Path("data"), help="of torchvision")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reuse-actors", action="store_true")
    options = parser.parse_args()
    output = options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    settings = SEARCHES[options.dataset] | {
        "dataset": options.dataset,
        "data_dir": str(options.data_dir.resolve()),
        "seed": options.seed,
    }
    trials = options.trials or settings["trials"]
    if options.dataset == "mnist":
        import_torchvision()
        from torchvision import datasets

        datasets.MNIST(settings["data_dir"], download=True)  # once; unpacks what is there
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address="local", log_to_driver=False)
    results = search(settings, output, trials=trials, reuse_actors=options.reuse_actors)
    finished = [result.metrics for result in results if "seconds" in (result.metrics or {})]
    facts = {
        "trials": len(finished),
        "epochs": sum(each["epoch"] for each in finished),
        "training_seconds": sum(each["seconds"] for each in finished),
        "best": results.get_best_result().metrics["val_accuracy_noisy"],
    }
    (output / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
