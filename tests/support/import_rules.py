"""Reads who imports whom from the text of a package, and reports what breaks a rule.

Every check takes a `Package`, so that a test can show on a small made-up one that it can fail.
Imports inside functions count as well: a rule that a lazy import evades is no rule.
"""

import ast
import importlib.util
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

# Unit -> the units that it may import. A unit is a module or a folder with its modules; where two
# rows fit a module, the longer one is its row.
Layers = Mapping[str, Collection[str]]


class Package:
    """The modules of a package by their full names."""

    def __init__(self, root: Path) -> None:
        self.root, self.name = root, root.name
        self.files = {self._full_name(path): path for path in sorted(root.rglob("*.py"))}

    def _full_name(self, path: Path) -> str:
        parts = path.relative_to(self.root.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def short_name(self, module: str) -> str:
        """Return the name without that of the package, except for the package itself."""
        return module.removeprefix(f"{self.name}.")

    def is_within(self, module: str, places: Iterable[str]) -> bool:
        """Return whether the module is one of these places or lies in one."""
        short = self.short_name(module)
        return any(short == place or short.startswith(f"{place}.") for place in places)

    @cached_property
    def graph(self) -> dict[str, set[str]]:
        """Every module with all that it imports, anywhere in its text."""
        return {module: self._imports(module, lazy=True) for module in self.files}

    def inner_imports(self, module: str) -> set[str]:
        """Return what a module imports of this package."""
        return {name for name in self.graph[module] if name in self.files} - {module}

    def libraries_at_import(self, module: str) -> set[str]:
        """Return the packages that importing this module names at once, not inside a function."""
        return {top_of(name) for name in self._imports(module, lazy=False)}

    def _imports(self, module: str, *, lazy: bool) -> set[str]:
        tree = ast.parse(self.files[module].read_text(encoding="utf-8"))
        return {name for node in _nodes(tree, lazy=lazy) for name in self._named_by(node, module)}

    def _named_by(self, node: ast.AST, module: str) -> set[str]:
        if isinstance(node, ast.Import):
            return {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = self._absolute(node, module)
            names = {f"{base}.{alias.name}" for alias in node.names}
            return {name if name in self.files else base for name in names}
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            constants = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            return {name for name in constants if isinstance(name, str)}
        return set()

    def _absolute(self, node: ast.ImportFrom, module: str) -> str:
        if node.level == 0:
            return node.module or ""
        is_folder = self.files[module].name == "__init__.py"
        parent = module if is_folder else module.rpartition(".")[0]
        return importlib.util.resolve_name("." * node.level + (node.module or ""), parent)


def _nodes(tree: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    """Yield every node; without `lazy` only those that run when the module is imported."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        is_later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        if lazy or not is_later:
            yield from _nodes(node, lazy=lazy)


def top_of(name: str) -> str:
    """Return the package of a full name."""
    return name.partition(".")[0]


def unit_of(package: Package, module: str, layers: Layers) -> str | None:
    """Return the row of `layers` that a module belongs to, or None where it has none."""
    rows = [unit for unit in layers if package.is_within(module, [unit])]
    return max(rows, key=len, default=None)


def modules_without_a_row(package: Package, layers: Layers) -> list[str]:
    """Return the modules for which no rule says what they may import."""
    return [module for module in package.files if unit_of(package, module, layers) is None]


def rows_without_a_module(package: Package, layers: Layers) -> list[str]:
    """Return the rows that are about nothing."""
    return [
        unit
        for unit in layers
        if not any(package.is_within(name, [unit]) for name in package.files)
    ]


def upward_rows(layers: Layers) -> list[str]:
    """Return the permissions to import a unit that does not stand in an earlier row."""
    order = list(layers)
    return [
        f"{unit} -> {target}"
        for position, unit in enumerate(order)
        for target in layers[unit]
        if target not in order[:position]
    ]


def forbidden_imports(package: Package, layers: Layers) -> list[str]:
    """Return the imports inside the package that no row allows."""
    faults = []
    for module in package.files:
        unit = unit_of(package, module, layers)
        allowed = {unit, *layers.get(unit or "", ())}
        faults += [
            f"{module} imports {target}"
            for target in sorted(package.inner_imports(module))
            if unit_of(package, target, layers) not in allowed
        ]
    return faults


def circles_of_modules(package: Package) -> list[set[str]]:
    """Return the sets of modules that import each other in a circle."""
    return _circles({module: package.inner_imports(module) for module in package.files})


def circles_of_folders(package: Package) -> list[set[str]]:
    """Return the sets of folders and modules at the root that import each other in a circle."""
    graph: dict[str, set[str]] = {}
    for module in package.files:
        root = top_of(package.short_name(module))
        targets = {top_of(package.short_name(name)) for name in package.inner_imports(module)}
        graph.setdefault(root, set()).update(targets - {root})
    return _circles(graph)


def _circles(graph: Mapping[str, Collection[str]]) -> list[set[str]]:
    reached = {node: _reached_from(node, graph) for node in graph}
    circles = {
        frozenset(other for other in reached[node] if node in reached[other])
        for node in graph
        if node in reached[node]
    }
    return sorted(map(set, circles), key=min)


def _reached_from(start: str, graph: Mapping[str, Collection[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        targets = set(graph[waiting.pop()]) - reached
        reached |= targets
        waiting += targets
    return reached


def misplaced_imports(package: Package, library: str, places: Iterable[str]) -> list[str]:
    """Return the imports of a library by modules outside these places."""
    return [
        f"{module} imports {library}"
        for module, names in package.graph.items()
        if library in map(top_of, names) and not package.is_within(module, places)
    ]


def imports_of_others(package: Package, unit: str, allowed: Collection[str]) -> list[str]:
    """Return what a unit imports from outside itself and these packages."""
    return [
        f"{module} imports {name}"
        for module in package.files
        if package.is_within(module, [unit])
        for name in sorted(package.graph[module])
        if not {name, top_of(name)} & set(allowed) and not package.is_within(name, [unit])
    ]
