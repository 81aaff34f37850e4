"""All methods, tuned with equal compute on seven data sets and confirmed on five seeds.

    python benchmarks/methods.py run FOLDER --mnist DATA --own OWN [--only NAME ...]
    python benchmarks/methods.py page FOLDER > docs/results/methods.md

DATA holds MNIST as torchvision has it. OWN holds `features/features.npz` (features, labels,
true_labels, test_features, test_labels), `text/train.csv` and `test.csv` (id, text, label,
true_label) and `crowd/` (features.npy, answers.csv, truth.csv, test_features.npy, test.csv).
`run` runs one search after the other in FOLDER/runs, each in a command of its own. One that is
there is resumed, and one that is finished is left as it is, so `run` may be killed and repeated.
`--each N` are the trials of one network whose compute each method has, with which a search is also
continued; `--quick` trains little, to try it all out. `page` prints the results.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tune_noise.config.loader import read_search
from tune_noise.config.words import searched_values
from tune_noise.history.open import read_history
from tune_noise.history.replay import History
from tune_noise.methods.declarations import METHODS
from tune_noise.reporting import ConditionSummary, summarise, verdict_sentence
from tune_noise.reporting.findings.effort import Effort, efforts
from tune_noise.reporting.findings.finalists import Finalist
from tune_noise.reporting.paper import METRICS, PaperColumn, paper_columns
from tune_noise.reporting.statistics import Estimate

# Trials of one network, whose compute each method has.
EACH = 12
# As in the space `own`: what suits features, with a range of `lr` that suits SGD.
FEATURES = (
    *("noise_rate=null", "model=perceptron", "scaling=unit", "optimizer=sgd"),
    *("lr={loguniform: [0.001, 0.1]}", "weight_decay={loguniform: [0.1, 10.0]}"),
    *("lr_schedule=linear", "class_balance=equal", "batch_size=128", "ramp_epochs=5"),
    *("tau={uniform: [0.1, 0.65]}", "early_stopping=null", "last_epochs=5"),
)
# Noisy labels of 3,000 further images validate.
MNIST = ("train_size=6000", "val_fraction=0.05")
FOLDS = ("val_folds=5",)
# CIFAR-10's classes in the order of the alphabet.
ASYMMETRIC = ("noise=asymmetric", "noise_rate=0.4", "class_map=9>1,2>0,3>5,5>3,4>7")


COLUMNS = ("method", "tuned to", "search", "information", "selected", "last", "oracle", "cost")


@dataclass(frozen=True)
class Task:
    """A data set with its noise.

    Attributes:
        name: of the search.
        title: as the tables have it.
        settings: what it sets beside the space `methods`.
        source: the data in OWN; empty for MNIST.
        options: of the command, beside the source.
        epochs: of a trial.
    """

    name: str
    title: str
    settings: tuple[str, ...]
    source: str = ""
    options: tuple[str, ...] = ()
    epochs: int = 30


TASKS = (
    Task(
        "mnist_symmetric",
        "MNIST, symmetric 50 %",
        (*MNIST, "noise=symmetric", "noise_rate=0.5"),
        epochs=20,
    ),
    Task(
        "mnist_pair",
        "MNIST, pair 45 %",
        (*MNIST, "noise=pair_flip", "noise_rate=0.45"),
        epochs=20,
    ),
    Task(
        "features_worse",
        "DINOv2, `worse`",
        (*FEATURES, *FOLDS, "noise=given"),
        "features/features.npz",
    ),
    Task(
        "features_symmetric",
        "DINOv2, symmetric 60 %",
        (*FEATURES, *FOLDS, "noise=symmetric", "noise_rate=0.6"),
        "clean_features.npz",
    ),
    Task(
        "features_asymmetric",
        "DINOv2, asymmetric 40 %",
        (*FEATURES, *FOLDS, *ASYMMETRIC),
        "clean_features.npz",
    ),
    Task(
        "news",
        "news, static embeddings",
        (
            *(*FEATURES, "noise=given", "val_fraction=0.3", "train_size=5000"),
            *("data.encoder=wordllama", "data.true_label=true_label", "data.id=id"),
            "data.test={own}/text/test.csv",
        ),
        "text/train.csv",
        ("--label", "label"),
    ),
    Task(
        "labelme",
        "LabelMe",
        (
            *(*FEATURES, *FOLDS, "noise=given", "data.answers={own}/crowd/answers.csv"),
            *("data.true_labels={own}/crowd/truth.csv", "data.test_labels={own}/crowd/test.csv"),
            "data.test={own}/crowd/test_features.npy",
        ),
        "crowd/features.npy",
    ),
)


def methods_of(task: Task) -> list[str]:
    """Return the methods of the space; where annotators' answers are known, also those for them."""
    levels = read_search("methods").levels
    learn_answers = [name for name, method in METHODS.items() if method.needs_answers]
    has_answers = any(setting.startswith("data.answers") for setting in task.settings)
    return [name for name in levels if name not in learn_answers] + learn_answers * has_answers


def run(options: argparse.Namespace) -> None:
    folder, own = Path(options.folder), Path(options.own)
    folder.mkdir(parents=True, exist_ok=True)
    clean = folder / "clean_features.npz"
    if not clean.exists():
        with np.load(own / "features/features.npz") as file:
            np.savez(
                clean, **({name: file[name] for name in file} | {"labels": file["true_labels"]})
            )
            # The truth is the labels themselves: noise is drawn on them.
    for task in TASKS:
        if options.only and task.name not in options.only:
            continue
        code = subprocess.run(command(task, options)).returncode
        if code:
            sys.exit(f"{task.name} ended with {code}; the same command goes on with it")


def command(task: Task, options: argparse.Namespace) -> list[str]:
    folder, methods = Path(options.folder), methods_of(task)
    epochs, each = (12, 6) if options.quick else (task.epochs, options.each)
    settings = [
        setting.format(own=options.own) if "{own}" in setting else setting
        for setting in task.settings
    ]
    settings.append(f"method={{choice: [{', '.join(methods)}]}}")
    if options.quick:
        settings += ["confirm.seeds=2", "ramp_epochs=2", "warm_up_epochs={int: [1, 2]}"]
        settings += ["last_layer_epochs=1", "early_stopping=null", "train_size=600"]
    if task.source:
        place = folder if task.source == "clean_features.npz" else Path(options.own)
        data = ["--data", str(place / task.source)]
    else:
        data = ["--dataset", "mnist", "--data-dir", options.mnist]
    run_folder = folder / "runs" / task.name
    return [
        *(sys.executable, "-m", "tune_noise.search", "--space", "methods", "--name", task.name),
        *("--output", str(folder / "runs"), *data, *task.options, "--epochs", str(epochs)),
        *("--trials", str(each * len(methods)), "--quiet"),
        *(word for setting in settings for word in ("--set", setting)),
        *(["--resume"] if (run_folder / "record.db").exists() else []),
    ]


def page(options: argparse.Namespace) -> None:
    histories = {}
    for task in TASKS:
        folder = Path(options.folder) / "runs" / task.name
        if folder.exists() and (history := read_history(folder)).finished:
            histories[task] = history
    for line in lines_of_page(histories):
        print(line)


def lines_of_page(histories: dict[Task, History]) -> Iterator[str]:
    """Yield the page: the protocol, one table of all, and one for each data set."""
    summaries = {task.title: summarise(history) for task, history in histories.items()}
    num_methods = len({level for history in histories.values() for level in history.config.levels})
    first = next(iter(histories.values()))
    config = first.config
    trials = config.trials // len(config.levels)
    yield "# All methods on equal terms\n"
    yield (
        f"{num_methods} methods on {len(histories)} data sets, tuned with equal compute: each "
        f"has the network-epochs of {trials} trials of one network, so a pair has half as many "
        "trials and `divide_mix` a sixth. TPE proposes them. The best trial "
        f"by noisy validation was confirmed on {config.confirm.seeds} fresh seeds. No method is "
        "told the noise, and no clean label chose anything. Made by\n"
    )
    yield "```sh\npython benchmarks/methods.py run FOLDER --mnist DATA --own OWN"
    yield "python benchmarks/methods.py page FOLDER\n```\n"
    yield (
        "MNIST is 6,000 images with `mlp1` and Adam, 20 epochs, and ASHA stops trials from epoch "
        "10 on; what that saves is spent on further trials. DINOv2 features (1,000 of "
        "CIFAR-10) and LabelMe (1,000) validate by five folds, so each training is of five "
        "networks; the news (5,000 of 10,000) by three tenths. Their network is `perceptron` with "
        "SGD and a searched weight decay, their figures are means of the last five of 30 epochs. "
        "At symmetric and asymmetric noise each seed draws labels of its own; `worse`, news and "
        "LabelMe have the labels of people, which all seeds share.\n"
    )
    columns = dict(zip(histories, paper_columns(summaries, "selected"), strict=True))
    yield "## Test accuracy at the selected epoch\n"
    yield from summary_table(columns, summaries_of(histories))
    for task, history in histories.items():
        yield f"\n## {task.title}\n"
        yield from condition_lines(history, columns[task])


def summaries_of(histories: dict[Task, History]) -> dict[Task, ConditionSummary]:
    return {task: summarise(history).conditions[0] for task, history in histories.items()}


def summary_table(
    columns: dict[Task, PaperColumn], conditions: dict[Task, ConditionSummary]
) -> Iterator[str]:
    """Yield a row per method, those with the best mean place first, and the reference models."""
    yield f"| method | {' | '.join(task.title for task in columns)} | mean place |"
    yield f"| -- |{' -- |' * (len(columns) + 1)}"
    places: dict[str, list[int]] = {}
    for column in columns.values():
        ranked = sorted(column.accuracies, key=lambda name: -column.accuracies[name].mean)
        for place, name in enumerate(ranked, start=1):
            places.setdefault(name, []).append(place)
    for name in sorted(
        places, key=lambda name: (len(places[name]) < len(columns), np.mean(places[name]))
    ):
        cells = [
            shown(column.accuracies.get(name), is_best=name in column.best)
            for column in columns.values()
        ]
        yield f"| `{name}` | {' | '.join(cells)} | {np.mean(places[name]):.1f} |"
    models = dict.fromkeys(
        r.name for c in conditions.values() for r in c.references if r.name != "majority"
    )
    for model in models:
        rows = [{r.name: r for r in c.references}.get(model) for c in conditions.values()]
        cells = [shown(None if r is None else r.metrics.get(METRICS["selected"])) for r in rows]
        if set(cells) != {"-"}:
            yield f"| {model} (reference) | {' | '.join(cells)} | |"
    yield (
        "\nMean ± sample standard deviation over the seeds in %. Bold: the best, and what a paired "
        "t test with Holm's correction does not separate from it; test accuracy chose nothing."
    )


def condition_lines(history: History, column: PaperColumn) -> Iterator[str]:
    [condition] = summarise(history).conditions
    yield f"{verdict_sentence(condition)}\n"
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' -- |' * len(COLUMNS)}"
    searched = {e.level: e for e in efforts(history) if e.stage == "search"}
    tied = {finalist.trial_id for finalist in condition.tied}
    for finalist in condition.scored:
        yield condition_row(finalist, condition, searched[finalist.config.method], tied)
    yield (
        "\n★ leads by the objective, ~ is not separated from it. Search: trials, network-epochs. "
        "Cost: network-epochs of a training beside standard training."
    )


def condition_row(
    finalist: Finalist, condition: ConditionSummary, searched: Effort, tied: set[str]
) -> str:
    config, metrics = finalist.config, finalist.metrics
    mark = "★ " if finalist is condition.leader else "~ " if finalist.trial_id in tied else ""
    values = searched_values(config, condition.config)
    tuned = ", ".join(value for value in values if value != config.method)
    used = f"{sum(searched.statuses.values())}, {searched.network_epochs:,}"
    objective = finalist.objective
    information = "-" if objective is None else f"{objective.mean:.3f} ± {objective.sd or 0:.3f}"
    cells = [mark + f"`{config.method}`", tuned, used, information]
    cells += [shown(metrics.get(METRICS[name])) for name in ("selected", "last", "best")]
    cells.append(f"{config.epoch_cost / config.num_folds:.2g}")
    return f"| {' | '.join(cells)} |"


def shown(accuracy: Estimate | None, *, is_best: bool = False) -> str:
    if accuracy is None:
        return "-"
    mean = f"{100 * accuracy.mean:.1f}"
    mean = f"**{mean}**" if is_best else mean
    return mean if accuracy.sd is None else f"{mean} ± {100 * accuracy.sd:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "page"])
    parser.add_argument("folder")
    parser.add_argument("--mnist", help="folder of MNIST")
    parser.add_argument("--own", help="folder of features, text and crowd")
    parser.add_argument("--only", nargs="*", choices=[task.name for task in TASKS])
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.what == "run" and not (options.mnist and options.own):
        parser.error("run needs --mnist and --own")
    {"run": run, "page": page}[options.what](options)


if __name__ == "__main__":
    main()
