"""What a stack gains on a graphics card; needs torch and no Ray. Not measured on a GPU yet.

    python benchmarks/gpu.py [--device cuda] [--models mlp1 conv4] [--members 1 8 64] [--json FILE]
    python benchmarks/gpu.py --device cpu --smallest        # tries it out, in a quarter of a minute

Parts; batch 128, Adam, float32 as torch does it by default, images drawn at random:

- ceilings: the rate of a large product of matrices and of a large copy, to which the rest compares;
- members: a stack of 1 to 256 standard trials against one member at a time: members x samples per
  second of whole training passes, share of both ceilings (goal: 32 members of mlp1 10 times as
  fast, of conv4 3 times; never below 0.95 times);
- processes: 4 and 8 processes that share the device, each with one network;
- launches: the bare step eagerly, as a captured CUDA graph and compiled, for 1 and 32 members.

No part begins another measurement after --time-limit seconds; what was left out is listed. Besides
torch it needs what tune_noise.training imports: numpy, pydantic, safetensors, scikit-learn, scipy.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from ceiling import bytes_of_step, products_of_step
from gpu_processes import samples_per_second
from gpu_step import BareStep
from made_up_data import configuration, images_needed, made_up, shape_of
from paired import Figures, arguments, in_turn
from timed_trial import ConstantBatch, PassClock, synchronise

from tune_noise.training import Trial
from tune_noise.training.process import prepare_process

# Steps of an epoch with few members; with more than 16 in proportion fewer.
STEPS = {"perceptron": 100, "mlp1": 100, "mlp2": 100, "mlp4": 100, "conv4": 40, "conv9": 4}
MEMBERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MOST_MEMBERS = {"conv9": 16}
PARTS = ("ceilings", "members", "processes", "launches")
COMPILED = ("perceptron", "mlp1", "conv4")
FLOOR = 0.95
SMALLEST = {"models": ["mlp1"], "members": [1, 2], "processes": [2], "scale": 0.04, "repeats": 2}


def main() -> None:
    options = parse()
    prepare_process(threads=1)
    options.deadline = time.monotonic() + options.time_limit
    options.left_out = []
    figures = Figures("gpu")
    name = torch.cuda.get_device_name() if options.device != "cpu" else "the CPU, one thread"
    print(f"{name}; torch {torch.__version__}, {torch.get_float32_matmul_precision()} precision")
    try:
        ceilings = measure_ceilings(figures, options)
        if "members" in options.parts:
            lowest = [measure_members(figures, m, ceilings, options) for m in options.models]
            tell_floor(figures, [value for values in lowest for value in values])
        if "processes" in options.parts:
            measure_processes(figures, options)
        if "launches" in options.parts:
            measure_launches(figures, options)
    finally:
        for text in options.left_out:
            print(f"left out: {text}")
        figures.write(options.json)


def parse() -> argparse.Namespace:
    assert __doc__ is not None
    parser = arguments(__doc__, "gpu", repeats=5)
    add = parser.add_argument
    add("--device", default="cuda", help="default cuda; cpu to try it out")
    add("--parts", nargs="+", default=list(PARTS), choices=PARTS, metavar="NAME",
        help=f"default: {' '.join(PARTS)}")  # fmt: skip
    add("--models", nargs="+", default=list(STEPS), choices=list(STEPS), metavar="NAME",
        help=f"default: {' '.join(STEPS)}")  # fmt: skip
    add("--members", nargs="+", type=int, default=list(MEMBERS), metavar="N",
        help=f"default: {' '.join(map(str, MEMBERS))}; of conv9 up to 16")  # fmt: skip
    add("--processes", nargs="*", type=int, default=[4, 8], metavar="N", help="default: 4 8")
    add("--launched-members", nargs="+", type=int, default=[1, 32], metavar="N",
        help="default: 1 32")  # fmt: skip
    add("--compiled-models", nargs="*", default=list(COMPILED), metavar="NAME",
        help=f"compiling takes long; default: {' '.join(COMPILED)}")  # fmt: skip
    add("--batch-size", type=int, default=128, help="default 128")
    add("--scale", type=float, default=1.0, help="of the steps per turn; default 1")
    add("--time-limit", type=float, default=480.0, metavar="SECONDS", help="default 480")
    add("--smallest", action="store_true", help="one network, few members, few steps")
    options = parser.parse_args()
    if options.device != "cpu" and not torch.cuda.is_available():
        parser.error(f"--device {options.device}: torch finds no GPU on this machine: use cpu")
    if options.smallest:
        vars(options).update(SMALLEST, launched_members=[2], compiled_models=[])
    return options


def has_time(what: str, options: argparse.Namespace) -> bool:
    if time.monotonic() < options.deadline:
        return True
    options.left_out.append(f"{what}: no time left")
    return False


def timed(run: Callable[[], Any], device: str) -> Callable[[], None]:
    """A run that ends when the device has done its work."""

    def to_the_end() -> None:
        run()
        synchronise(device)

    return to_the_end


def measure_ceilings(figures: Figures, options: argparse.Namespace) -> dict[str, float]:
    """Operations and bytes per second; a copy reads and writes."""
    side, count = (8192, 1 << 28) if options.device != "cpu" else (512, 1 << 22)
    a, b = (torch.randn(side, side, device=options.device) for _ in range(2))
    source = torch.zeros(count, device=options.device)
    target, product = torch.empty_like(source), torch.empty_like(a)
    seconds = in_turn(
        {
            "product": timed(lambda: torch.mm(a, b, out=product), options.device),
            "copy": timed(lambda: target.copy_(source), options.device),
        },
        repeats=options.repeats,
        warm_up=3,
    )
    rate = figures.add(
        "ceiling: arithmetic", [2 * side**3 / s / 1e12 for s in seconds["product"]], "TFLOP/s"
    )
    flow = figures.add("ceiling: memory", [8 * count / s / 1e9 for s in seconds["copy"]], "GB/s")
    return {"arithmetic": max(rate.values) * 1e12, "memory": max(flow.values) * 1e9}


def measure_members(
    figures: Figures, model: str, ceilings: dict[str, float], options: argparse.Namespace
) -> list[tuple[str, float]]:
    """Returns how much faster than one at a time each stack is, by its name."""
    single = f"{model}, 1 members"
    ratios = []
    print()
    for members in sorted({1, *options.members}):
        name = f"{model}, {members} members"
        if members > MOST_MEMBERS.get(model, members) or not has_time(name, options):
            continue
        counts = [1] if members == 1 else [1, members]
        try:
            pace, trial = paces(model, counts, options)
        except torch.OutOfMemoryError:
            options.left_out.append(f"{name}: out of memory")
            continue
        figures.add(f"{name}: members x samples per second", pace[name], "1/s")
        tell_shares(figures, name, trial, max(pace[name]), ceilings, options)
        if members > 1:
            ratio = figures.ratio(f"{name}: stack / one at a time", pace[name], pace[single])
            ratios.append((name, ratio.median))
    return ratios


def paces(
    model: str, counts: list[int], options: argparse.Namespace
) -> tuple[dict[str, list[float]], Trial]:
    """Members x samples per second of stacks in turn, and the largest of them."""
    runs, clocks, samples = {}, {}, {}
    for members in counts:
        steps = steps_of(model, members, options)
        size = {"steps": steps, "batch_size": options.batch_size}
        configs = [configuration(model, **size, seed=s, noise_seed=s) for s in range(members)]
        dataset = made_up(shape_of(model), num_images=images_needed(**size))
        trial = Trial(configs, dataset, device=options.device)
        name = f"{model}, {members} members"
        clocks[name], runs[name] = PassClock(trial), trial.train_epoch
        samples[name] = members * steps * options.batch_size
    in_turn(runs, repeats=options.repeats)
    pace = {
        name: [samples[name] / value for value in clock.seconds[-options.repeats :]]
        for name, clock in clocks.items()
    }
    return pace, trial


def steps_of(model: str, members: int, options: argparse.Namespace) -> int:
    return max(2, round(STEPS[model] * options.scale / max(1, members // 16)))


def tell_shares(
    figures: Figures,
    name: str,
    trial: Trial,
    pace: float,
    ceilings: dict[str, float],
    options: argparse.Namespace,
) -> None:
    images = ConstantBatch(trial).images
    steps_per_second = pace / (trial.members * options.batch_size)
    operations = sum(product.operations for product in products_of_step(trial.network, images))
    moved = bytes_of_step(trial.network, images)
    for of, amount in (("arithmetic", operations), ("memory", moved)):
        share = 100 * amount * steps_per_second / ceilings[of]
        figures.add(f"{name}: share of the ceiling of {of}", [share], "%")


def tell_floor(figures: Figures, ratios: list[tuple[str, float]]) -> None:
    if not ratios:
        return
    print()
    figures.add("lowest stack / one at a time", [min(value for _, value in ratios)], "x")
    below = [f"{name} ({value:.2f}x)" for name, value in ratios if value < FLOOR]
    print(f"below {FLOOR}x: {', '.join(below) or 'none'}")


def measure_processes(figures: Figures, options: argparse.Namespace) -> None:
    models = {model: steps_of(model, 1, options) for model in options.models}
    for processes in options.processes:
        if not has_time(f"{processes} processes", options):
            continue
        found = samples_per_second(
            models,
            processes=processes,
            epochs=options.repeats,
            device=options.device,
            batch_size=options.batch_size,
        )
        print()
        for model, pace in found.items():
            figures.add(f"{model}, {processes} processes: samples per second", [pace], "1/s")
            tell_stacks(figures, model, processes, pace)


def tell_stacks(figures: Figures, model: str, processes: int, pace: float) -> None:
    """How much faster stacks of at least as many members are than the processes."""
    stacks = [row for row in figures.rows if row.name.endswith("members x samples per second")]
    for row in stacks:
        of, members = row.name.partition(":")[0].removesuffix(" members").split(", ")
        if of == model and int(members) >= processes:
            name = f"{model}: {members} members / {processes} processes"
            figures.add(name, [row.median / pace], "x")


def measure_launches(figures: Figures, options: argparse.Namespace) -> None:
    for model in options.models:
        for members in options.launched_members:
            name = f"{model}, {members} members"
            allowed = members <= MOST_MEMBERS.get(model, members)
            if allowed and has_time(f"launches of {name}", options):
                try:
                    compare_launches(figures, model, members, options)
                except torch.OutOfMemoryError:
                    options.left_out.append(f"launches of {name}: out of memory")


def compare_launches(
    figures: Figures, model: str, members: int, options: argparse.Namespace
) -> None:
    steps, name = steps_of(model, members, options), f"{model}, {members} members"

    def fresh() -> BareStep:
        size = {"members": members, "batch_size": options.batch_size}
        return BareStep(model, shape_of(model), **size, device=options.device)

    ways: dict[str, Callable[[], Any]] = {"eager": fresh().eager}
    if options.device == "cpu":
        options.left_out.append(f"{name}, captured graph: a CPU has none")
    else:
        ways["graph"] = fresh().captured()
    for mode in ("default", "reduce-overhead") if model in options.compiled_models else ():
        started = time.perf_counter()
        ways[f"compiled, {mode}"] = fresh().compiled(mode)
        figures.add(f"{name}, {mode}: compiling", [time.perf_counter() - started], "s")

    def repeated(step: Callable[[], Any]) -> Callable[[], None]:
        return timed(lambda: [step() for _ in range(steps)], options.device)

    runs = {way: repeated(step) for way, step in ways.items()}
    seconds = in_turn(runs, repeats=options.repeats, warm_up=2)
    print()
    for way, values in seconds.items():
        figures.add(f"{name}, {way}: bare step", [1000 * v / steps for v in values], "ms")
    for way, values in list(seconds.items())[1:]:
        figures.ratio(f"{name}: eager / {way}", seconds["eager"], values)


if __name__ == "__main__":
    main()
