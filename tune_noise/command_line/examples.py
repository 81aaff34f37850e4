"""The examples that `--help` shows, with what they print; a test runs every one of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One command and its output.

    Attributes:
        command: what is typed, after `tune-noise`.
        output: what is printed, or its beginning; `...` stands for anything, also for times and
            figures that differ between machines. Empty where it is long.
        is_costly: whether it trains more than a moment, or starts Ray.
    """

    command: str
    output: str = ""
    is_costly: bool = False


# Command -> its examples; a search `runs/smoke` is there, which `search --space smoke` has left.
EXAMPLES: dict[str, tuple[Example, ...]] = {
    "data": (
        Example("data reviews.csv --label sentiment", is_costly=True),
        Example("data photos/ --set data.encoder=efficientnet_lite0", is_costly=True),
    ),
    "search": (
        Example("search --space smoke", is_costly=True),
        Example(
            "search --space pair_flip --set model=mlp1 --set 'noise_rate=[0.2, 0.45]' --trials 60",
            is_costly=True,
        ),
        Example("search --data reviews.csv --label sentiment", is_costly=True),
        Example(
            "search --space smoke --dry-run",
            "smoke: a quick check that a search runs end to end\n"
            "data           digits: 1,257 training examples (images of 8 x 8 with 1 channel), 10\n"
            "...",
        ),
    ),
    "resume": (
        Example("resume runs/smoke", is_costly=True),
        Example("resume runs/smoke --trials 16", is_costly=True),
        Example("resume runs/smoke --time-budget 1h30m", is_costly=True),
    ),
    "status": (
        Example(
            "status runs/smoke",
            "smoke: finished ...\nbegan ..., ... of work\n"
            "data digits, symmetric noise, val_information_noisy; nothing left\n...",
        ),
        Example(
            "status",
            "search                 trials  confirmed  worked  left\n"
            "smoke        finished     8/8        6/6    ...\n"
            "smoke-again  finished     8/8        6/6    ...",
        ),
        Example("status runs/smoke --json", '{\n  "name": "smoke",\n...'),
    ),
    "train": (
        Example(
            "train --set noise_rate=0.4 --set epochs=2 --quiet",
            "selected  epoch    2  loss ...\nlast      epoch    2  loss ...",
        ),
        Example(
            "train --set noise=pair_flip --set noise_rate=0.45 --set method=co_teaching "
            "--set tau=0.5 --output model",
            is_costly=True,
        ),
    ),
    "report": (
        Example("report runs/smoke", "...\nreport   runs/smoke/report.html"),
        Example(
            "report runs/smoke runs/smoke-again",
            "All conditions ask the same, so their figures may be compared.\n...",
        ),
    ),
    "predict": (
        Example("predict --model runs/smoke/winners/noise_rate=0.4 images.npz", is_costly=True),
        Example(
            "predict --model models:/digits-symmetric-noise_rate=0.4@champion images.npz --json",
            is_costly=True,
        ),
    ),
    "suspects": (Example("suspects runs/smoke --folds 5", is_costly=True),),
    "audit": (
        Example("audit runs/smoke --labels 100", is_costly=True),
        Example("audit runs/smoke --import filled.csv --person ada", is_costly=True),
        Example("audit runs/smoke --until 2", is_costly=True),
    ),
    "review": (
        Example("review runs/smoke", is_costly=True),
        Example("review runs/smoke --mode suspects --person ada", is_costly=True),
    ),
    "repair": (Example("repair runs/own-reviews --output reviews_v2.csv", is_costly=True),),
    "deliver": (Example("deliver runs/smoke", is_costly=True),),
    "salvage": (
        Example(
            "salvage runs/smoke",
            "runs/smoke/record.db is not damaged: ... events, nothing changed",
        ),
    ),
    "spaces": (
        Example(
            "spaces",
            "...\nsmoke\n    a quick check that a search runs end to end\n"
            "    digits, symmetric noise: noise_rate [0.4]; 8 trials each\n...",
        ),
    ),
    "spaces show": (Example("spaces show smoke", "# Question:  does everything work ...\n..."),),
    "spaces check": (
        Example(
            "spaces check smoke uniform",
            ".../smoke.yaml: 1 conditions, 8 trials each: ok\n"
            ".../uniform.yaml: 3 conditions, 40 trials each: ok",
        ),
    ),
}


def epilog(command: str) -> str | None:
    """Return the examples of a command, below its help; None where there are none."""
    examples = EXAMPLES.get(command)
    if examples is None:
        return None
    blocks = [f"$ tune-noise {example.command}\n{example.output}".strip() for example in examples]
    return "\n\n".join(["Example:" if len(examples) == 1 else "Examples:", *blocks])
