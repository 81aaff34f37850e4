"""Who may import what. One way, so that a trial runs without Ray and a reader can stop early."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tune_noise
from tests.support import import_rules as rules
from tests.support.import_rules import Package

PACKAGE = Package(Path(tune_noise.__file__).parent)
MOST_MODULES_AT_THE_ROOT = 15
MOST_FOLDERS_AT_THE_ROOT = 18

# Library -> the places that may name it, anywhere, also inside a function.
MAY_IMPORT = {
    "torch": [
        "data", "models", "methods", "metrics", "training", "tuning.cluster.devices", "train",
        "testing",
    ],
    "torchvision": ["data"],
    "crowdkit": ["data"],
    "safetensors": ["data", "training"],
    "ray": ["tuning"],
    "optuna": ["tuning.session"],
    "mlflow": ["tracking"],
    "pyarrow": ["data.sources"],
    "sqlalchemy": ["record", "tracking"],
    "sklearn": [
        "audit.checked", "data", "methods", "reporting.findings.importance",
        "training.reference_models",
    ],
    "matplotlib": ["reporting.figures", "reporting.comparison"],
    "jinja2": ["reporting.page"],
    "starlette": ["service.review"],
    "uvicorn": ["service.review"],
    "typer": [
        "command_line", "cli", "predict", "report", "salvage", "search", "service.audit",
        "service.repair", "service.review", "spaces", "status", "suspects", "train",
    ],
}  # fmt: skip
# What is next is decided without Ray: only the other half of tuning/ knows it.
WITHOUT_RAY = ["tuning.session"]
# These take seconds to import, and `--help` needs none of them: only inside a function.
ONLY_LAZILY = {"train": {"torch"}, "tracking.store": {"mlflow"}}
# No torch, Ray, Optuna or MLflow at import, directly or through another module.
# Every process that trains imports these before its first trial, and nothing slow beside torch.
TRAINS = ["training", "tuning.checkpoints", "tuning.session.stacks"]
LIGHT = ["config.loader", "data", "errors", "history", "noise", "record", "seeding"]
HEAVY = {
    "crowdkit",
    "torch",
    "torchvision",
    "ray",
    "optuna",
    "mlflow",
    "sklearn",
    "matplotlib",
    "pandas",
}

# The rooms, from the ground up. Each row: unit -> all it may import of this package; every one of
# them stands in an earlier row, and every module of the package is in a row.
LAYERS = {
    "errors": set(),
    "system": {"errors"},
    "seeding": set(),
    "declaration": {"errors"},
    "noise": {"declaration", "seeding"},
    "models": {"declaration"},
    "methods": {"declaration", "seeding"},
    "config": {"declaration", "errors", "methods", "models", "noise", "system"},
    "data": {"config", "declaration", "errors", "seeding", "system"},
    "record": {"errors", "system"},
    "metrics": {"config", "data", "methods"},
    "command_line": {"config", "data", "errors", "record", "system"},
    "history": {"config", "declaration", "errors", "record", "system"},
    "training": {
        "config", "data", "declaration", "errors", "methods", "metrics",
        "models", "noise", "seeding", "system",
    },
    "verdict": {"config", "history"},
    "tuning.session": {
        "config", "errors", "history", "record", "seeding", "training", "verdict",
    },
    # Ray's private names, all of them.
    "tuning.ray_internals": set(),
    "tuning.cluster": {
        "config", "declaration", "errors", "system",
        "training", "tuning.ray_internals",
    },
    "tuning": {
        "config", "data", "errors", "history", "record", "system", "training", "tuning.session",
        "tuning.cluster", "tuning.ray_internals",
    },
    # verdict: whether a registered model beats the champion is judged by the rules of a search.
    "tracking": {"config", "errors", "history", "record", "system", "verdict"},
    "reporting": {"config", "history", "noise", "record", "system", "verdict"},
    "winners": {
        "config", "data", "errors", "history", "record", "reporting", "system", "tracking",
        "training", "tuning", "tuning.session", "verdict",
    },
    "audit": {
        "config", "data", "errors", "history", "record", "reporting", "seeding", "system",
        "training", "winners",
    },
    "service": {
        "audit", "command_line", "config", "data", "errors", "history", "record", "reporting",
        "system", "tracking", "training", "tuning", "tuning.session", "tuning.cluster",
        "verdict", "winners",
    },
    # Its public names, each loaded at first use.
    "tune_noise": {"config", "data", "declaration", "methods", "metrics", "training"},
    # For the tests of a user's own methods.
    "testing": {"config", "data", "declaration", "errors", "methods", "noise", "training"},
    # The commands. Each is thin, and may also ask another for what both do.
    "spaces": {"command_line", "config", "errors"},
    "status": {"command_line", "errors", "history", "record", "service"},
    "salvage": {"command_line", "history", "record", "system"},
    "report": {"command_line", "errors", "history", "record", "reporting", "system"},
    "train": {"command_line", "config", "data", "errors", "training"},
    "search": {"command_line", "config", "data", "errors", "history", "record", "service"},
    "predict": {
        "command_line", "data", "errors", "system", "tracking", "training", "winners",
    },
    "suspects": {
        "command_line", "config", "data", "errors", "history", "record", "reporting",
        "service", "system", "training", "winners",
    },
    "cli": {
        "command_line", "predict", "report", "salvage", "search", "service", "spaces", "status",
        "suspects", "train", "tune_noise",
    },
}  # fmt: skip


def test_every_module_has_a_row_and_every_row_a_module():
    assert rules.modules_without_a_row(PACKAGE, LAYERS) == []
    assert rules.rows_without_a_module(PACKAGE, LAYERS) == []
    assert len(PACKAGE.files) > 50


def test_the_rows_are_a_tower():
    assert rules.upward_rows(LAYERS) == []


def test_a_room_imports_only_the_rooms_that_its_row_names():
    assert rules.forbidden_imports(PACKAGE, LAYERS) == []


def test_no_folder_imports_itself_in_a_circle():
    assert rules.circles_of_folders(PACKAGE) == []


def test_no_module_imports_itself_in_a_circle():
    circles = [
        {PACKAGE.short_name(module) for module in circle}
        for circle in rules.circles_of_modules(PACKAGE)
    ]
    assert circles == []


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_a_library_is_imported_only_where_the_table_says(library):
    assert rules.misplaced_imports(PACKAGE, library, MAY_IMPORT[library]) == []
    assert rules.misplaced_imports(PACKAGE, library, []), f"nobody imports {library}: no row"


@pytest.mark.parametrize("unit", WITHOUT_RAY)
def test_what_is_trained_next_is_decided_without_ray(unit):
    importers = rules.misplaced_imports(PACKAGE, "ray", [])
    assert [text for text in importers if PACKAGE.is_within(text.split()[0], [unit])] == []


def test_noise_imports_numpy_and_nothing_else():
    assert (
        rules.imports_of_others(
            PACKAGE,
            "noise",
            {"numpy", "tune_noise.declaration", "tune_noise.seeding", *sys.stdlib_module_names},
        )
        == []
    )


def test_networks_know_torch_alone():
    assert (
        rules.imports_of_others(
            PACKAGE, "models", {"torch", "tune_noise.declaration", *sys.stdlib_module_names}
        )
        == []
    )


@pytest.mark.parametrize("module", ONLY_LAZILY)
def test_a_command_imports_slow_libraries_only_where_it_uses_them(module):
    assert not PACKAGE.libraries_at_import(f"tune_noise.{module}") & ONLY_LAZILY[module]


def test_the_root_is_small_enough_to_read():
    modules = [path.name for path in PACKAGE.root.glob("*.py")]
    folders = {path.relative_to(PACKAGE.root).parts[0] for path in PACKAGE.root.rglob("*/*.py")}
    assert len(modules) <= MOST_MODULES_AT_THE_ROOT, modules
    assert len(folders) <= MOST_FOLDERS_AT_THE_ROOT, folders


# The rules themselves: each finds its fault in a small package of two rooms.
TWO_ROOMS = {"low": set(), "low.deep": {"low"}, "high": {"low"}, "two_rooms": set()}
SOUND = {
    "__init__.py": "",
    "high.py": "from two_rooms.low.ground import floor\n",
    "low/__init__.py": "",
    "low/ground.py": "import json\nfloor = 0\n",
    "low/deep/__init__.py": "",
    "low/deep/cellar.py": "from ..ground import floor\n",
}


@pytest.fixture
def make_package(tmp_path: Path) -> Callable[..., Package]:
    """Write a sound package and in it these files; read it."""

    def make(texts: dict[str, str]) -> Package:
        for name, text in (SOUND | texts).items():
            path = tmp_path / "two_rooms" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Package(tmp_path / "two_rooms")

    return make


def without_a_row(package: Package) -> list[str]:
    return rules.modules_without_a_row(package, TWO_ROOMS)


def forbidden(package: Package) -> list[str]:
    return rules.forbidden_imports(package, TWO_ROOMS)


def outside_high(package: Package) -> list[str]:
    return rules.misplaced_imports(package, "ray", ["high"])


def impure(package: Package) -> list[str]:
    return rules.imports_of_others(package, "low", {"numpy", "json"})


LAZILY = "def build():\n    {}\n"
UP = "from two_rooms.high import build"
CASES: dict[str, tuple[Callable[[Package], list[Any]], dict[str, str], list[Any]]] = {
    "a module without a row": (without_a_row, {"new.py": ""}, ["two_rooms.new"]),
    "a folder without a row": (without_a_row, {"new/part.py": ""}, ["two_rooms.new.part"]),
    "an import upwards": (
        forbidden,
        {"low/ground.py": UP},
        ["two_rooms.low.ground imports two_rooms.high"],
    ),
    "a lazy import upwards": (
        forbidden,
        {"low/ground.py": LAZILY.format(UP)},
        ["two_rooms.low.ground imports two_rooms.high"],
    ),
    "an import upwards by name": (
        forbidden,
        {"low/ground.py": "import importlib\nimportlib.import_module('two_rooms.high')"},
        ["two_rooms.low.ground imports two_rooms.high"],
    ),
    "a relative import upwards": (
        forbidden,
        {"low/ground.py": "from .. import high"},
        ["two_rooms.low.ground imports two_rooms.high"],
    ),
    "an import for types upwards": (
        forbidden,
        {"low/ground.py": f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {UP}"},
        ["two_rooms.low.ground imports two_rooms.high"],
    ),
    "an import that the longer row forbids": (
        forbidden,
        {"low/ground.py": "from two_rooms.low.deep import cellar"},
        ["two_rooms.low.ground imports two_rooms.low.deep.cellar"],
    ),
    "a circle of modules": (
        rules.circles_of_modules,
        {
            "low/a.py": "import two_rooms.low.b",
            "low/b.py": "from two_rooms.low import a",
        },
        [{"two_rooms.low.a", "two_rooms.low.b"}],
    ),
    "a lazy circle of modules": (
        rules.circles_of_modules,
        {
            "low/a.py": "import two_rooms.low.b",
            "low/b.py": LAZILY.format("from two_rooms.low.a import build"),
        },
        [{"two_rooms.low.a", "two_rooms.low.b"}],
    ),
    "a circle of folders": (
        rules.circles_of_folders,
        {"low/a.py": LAZILY.format("import two_rooms.high")},
        [{"low", "high"}],
    ),
    "a library out of place": (
        outside_high,
        {"low/a.py": "import ray.tune", "high.py": "import ray"},
        ["two_rooms.low.a imports ray"],
    ),
    "a library out of place, lazily": (
        outside_high,
        {"low/a.py": LAZILY.format("from ray import tune")},
        ["two_rooms.low.a imports ray"],
    ),
    "a library that a pure room does not know": (
        impure,
        {"low/a.py": LAZILY.format("import scipy.stats")},
        ["two_rooms.low.a imports scipy.stats"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_check_reports_the_fault_and_nothing_in_a_sound_package(case, make_package):
    check, texts, expected = CASES[case]
    assert check(make_package({})) == []
    assert check(make_package(texts)) == expected


def test_a_row_that_allows_an_import_upwards_is_reported():
    assert rules.upward_rows(TWO_ROOMS) == []
    assert rules.upward_rows({"low": {"high"}, "high": set()}) == ["low -> high"]


def test_a_row_about_nothing_is_reported(make_package):
    package = make_package({})
    assert rules.rows_without_a_module(package, TWO_ROOMS) == []
    assert rules.rows_without_a_module(package, {**TWO_ROOMS, "gone": set()}) == ["gone"]


def test_what_runs_at_import_is_told_from_what_runs_later(make_package):
    package = make_package({"low/a.py": "import torch\n" + LAZILY.format("import ray")})
    assert package.libraries_at_import("two_rooms.low.a") == {"torch"}


def run_python(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_nothing_heavy(module):
    code = f"import sys, tune_noise.{module}; print(*set({sorted(HEAVY)!r}) & sys.modules.keys())"
    assert run_python(code).strip() == ""


@pytest.mark.parametrize("unit", WITHOUT_RAY)
def test_the_half_of_tuning_without_ray_loads_without_it(unit):
    modules = [name for name in PACKAGE.files if PACKAGE.is_within(name, [unit])]
    code = f"import sys, {', '.join(modules)}; print('ray' in sys.modules)"
    assert run_python(code).strip() == "False"


def test_a_process_that_trains_imports_no_slow_library_but_torch():
    modules = ", ".join(f"tune_noise.{name}" for name in TRAINS)
    slow = sorted(
        HEAVY - {"torch"} | {"sqlalchemy", "scipy.optimize", "scipy.stats", "torch._dynamo"}
    )
    code = f"import sys, {modules}; print(*set({slow!r}) & sys.modules.keys())"
    assert run_python(code).strip() == ""


def test_a_trial_runs_where_ray_optuna_and_mlflow_are_not_installed():
    output = run_python("""
import sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"ray", "optuna", "mlflow"}:
            raise ImportError(f"{name} is not installed")


sys.meta_path.insert(0, Blocker())
try:
    import ray
except ImportError:
    print("blocked")
from tune_noise.config.trial import TrialConfig
from tune_noise.data import load_dataset
from tune_noise.training import Trial

trial = Trial([TrialConfig(method="co_teaching", epochs=1)], load_dataset("digits"))
print(trial.train_epoch()[0]["epoch"], trial.progress[0].status)
""")
    assert output.split() == ["blocked", "1", "completed"]


@pytest.mark.filterwarnings("default")  # Ray and MLflow warn when they are imported
@pytest.mark.parametrize("name", sorted(n for n in PACKAGE.files if not n.endswith("__main__")))
def test_every_module_imports(name):
    import_module(name)
