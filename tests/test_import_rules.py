"""Who may import what. One way, so that a trial runs without Ray and a reader can stop early."""

import ast
import pkgutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import tune_noise

ROOT = Path(tune_noise.__file__).parent

# Library -> the modules that may name it, anywhere, also inside a function: a package with its
# modules, or one module.
MAY_IMPORT = {
    "torch": [
        "data",
        "models",
        "methods",
        "metrics",
        "training",
        "tuning.devices",
        "train",
    ],
    "torchvision": ["data"],
    "safetensors": ["training"],
    "ray": ["tuning"],
    "optuna": ["tuning"],
    "mlflow": ["tracking"],
    "sqlalchemy": ["record", "tracking"],
    "sklearn": ["data", "methods", "reporting.importance"],
    "matplotlib": ["reporting"],
    "jinja2": ["reporting"],
    "pandas": ["reporting"],
}
# These take seconds to import, and `--help` needs none of them: only inside a function.
ONLY_LAZILY = {"train": {"torch"}, "tracking.store": {"mlflow"}}
# No torch, Ray, Optuna or MLflow at import, directly or through another module.
# Every process that trains imports these before its first trial, and nothing slow beside torch.
TRAINS = ["training", "tuning.checkpoints", "tuning.stacks"]
LIGHT = ["config.loader", "data", "errors", "history", "noise", "record", "seeding"]
HEAVY = {"torch", "torchvision", "ray", "optuna", "mlflow", "sklearn", "matplotlib", "pandas"}

# The science and what it stands on, from the bottom: unit -> all it may import of this package.
# metrics.names is a layer of its own: the one list of names, of which the schema speaks.
LAYERS = {
    "errors": set(),
    "files": set(),
    "garbage": set(),
    "seeding": set(),
    "noise": set(),
    "models": set(),
    "metrics.names": set(),
    "config": {"errors", "metrics.names"},
    "data": {"errors", "seeding"},
    "methods": {"config", "seeding"},
    "metrics": {"data", "methods", "metrics.names"},
    "training": {
        "config", "data", "errors", "files", "methods", "metrics", "metrics.names", "models",
        "noise", "seeding",
    },
    "masking": set(),
    "pace": set(),
    "record": {"errors", "files", "masking"},
    "history": {"config", "metrics.names", "record"},
    # verdict: whether a registered model beats the champion is judged by the rules of a search.
    "tracking": {"config", "errors", "history", "masking", "metrics.names", "record", "verdict"},
    "verdict": {"config", "history"},
    "reporting": {
        "config", "files", "garbage", "history", "metrics.names", "noise", "pace", "verdict",
    },
    "tuning": {
        "config", "data", "errors", "files", "history", "interrupt", "record", "seeding",
        "training", "verdict",
    },
}  # fmt: skip


def module_names():
    found = [module.name for module in pkgutil.walk_packages([str(ROOT)], "tune_noise.")]
    return ["tune_noise", *found]


def file_of(name):
    path = ROOT.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports_of(name, *, lazy):
    """Full names of what a module imports; without lazy only what runs when it is imported."""
    found, waiting = set(), list(ast.parse(file_of(name).read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {known if known in MODULES else node.module for known in full}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
        elif not lazy and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            or is_type_checking(node)
        ):
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return found


MODULES = set(module_names())


def is_within(name, places):
    own = name.removeprefix("tune_noise").removeprefix(".")
    return any(own == place or own.startswith(f"{place}.") for place in places)


def unit_of(name):
    """The layer that a module belongs to: its package, or itself at the top."""
    own = name.removeprefix("tune_noise").removeprefix(".")
    return own if own == "metrics.names" else own.partition(".")[0]


def test_the_parser_sees_every_file():
    files = set(ROOT.rglob("*.py"))
    assert {file_of(name) for name in MODULES} == files
    assert len(files) > 50


@pytest.mark.parametrize("library", MAY_IMPORT)
def test_a_library_is_imported_only_where_the_table_says(library):
    importers = {
        name
        for name in MODULES
        if any(found.partition(".")[0] == library for found in imports_of(name, lazy=True))
    }
    assert importers, f"nobody imports {library}: delete its row"
    assert [name for name in sorted(importers) if not is_within(name, MAY_IMPORT[library])] == []


def test_noise_imports_numpy_and_nothing_else():
    for name in MODULES:
        if is_within(name, ["noise"]):
            for found in imports_of(name, lazy=True):
                top = found.partition(".")[0]
                assert top in {"numpy"} | set(sys.stdlib_module_names) or is_within(
                    found, ["noise"]
                )


def test_networks_know_torch_alone():
    for name in MODULES:
        if is_within(name, ["models"]):
            tops = {found.partition(".")[0] for found in imports_of(name, lazy=True)}
            assert tops <= {"torch", "tune_noise"} | set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", ONLY_LAZILY)
def test_a_command_imports_slow_libraries_only_where_it_uses_them(module):
    at_import = {f.partition(".")[0] for f in imports_of(f"tune_noise.{module}", lazy=False)}
    assert not at_import & ONLY_LAZILY[module]


@pytest.mark.parametrize("unit", LAYERS)
def test_a_layer_imports_only_the_layers_below_it(unit):
    found = {
        unit_of(target)
        for name in MODULES
        if unit_of(name) == unit
        for target in imports_of(name, lazy=True)
        if target in MODULES
    }
    assert found - {unit} <= LAYERS[unit]


def test_the_layers_are_a_tower():
    TopologicalSorter(LAYERS).prepare()
    upper = {"tuning", "tracking", "reporting"}
    for unit in ("config", "noise", "models", "methods", "metrics", "data", "training"):
        assert not LAYERS[unit] & upper


def test_no_unit_imports_itself_in_a_circle():
    graph = {unit_of(name): set() for name in MODULES}
    for name in MODULES:
        targets = {unit_of(found) for found in imports_of(name, lazy=True) if found in MODULES}
        graph[unit_of(name)] |= targets - {unit_of(name)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


def test_no_module_imports_itself_in_a_circle():
    graph = {name: imports_of(name, lazy=False) & MODULES - {name} for name in MODULES}
    TopologicalSorter(graph).prepare()


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
@pytest.mark.parametrize("name", sorted(n for n in MODULES if not n.endswith("__main__")))
def test_every_module_imports(name):
    import_module(name)
