"""Print how the package is built, in figures: `python -m tests.support.house [CHECKOUT]`.

It reads the sources of any checkout, so that two can be compared.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

DEPENDENCIES = {
    "ray", "mlflow", "optuna", "torch", "pydantic", "sqlalchemy", "sklearn", "scipy", "pandas",
    "matplotlib", "typer", "rich", "numpy",
}  # fmt: skip
# Tokens that are no code.
_SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip
# What decides how a trial is trained, by its name; a comparison with it belongs in a declaration.
_NAMED = re.compile(r"\b(\w+\.)*(noise|method|model)\s*(==|!=|in|not in)\s*[\"'(\[{]")


def code_lines(text: str) -> int:
    """Return the number of lines without docstrings, comments and blanks."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and (ast.get_docstring(node, clean=False) is not None):
            docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SILENT:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def private_names(trees: dict[str, ast.Module]) -> list[str]:
    """Return the private names of dependencies that the package uses, each once for a module."""
    # os._exit and the _replace of a named tuple are documented.
    defined = {"_exit", "_replace"} | {n for tree in trees.values() for n in _names_defined(tree)}
    uses = set()
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = node.module.split(".")
                if parts[0] in DEPENDENCIES:
                    names = [*parts[1:], *(alias.name for alias in node.names)]
                    uses |= {f"{module}: {name}" for name in names if _is_private(name)}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    parts = alias.name.split(".")
                    if parts[0] in DEPENDENCIES:
                        uses |= {f"{module}: {part}" for part in parts if _is_private(part)}
            elif isinstance(node, ast.Attribute) and _is_private(node.attr):
                uses |= {f"{module}: {node.attr}"} if node.attr not in defined else set()
    return sorted(uses)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _names_defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def functions_with_local(trees: dict[str, ast.Module], name: str) -> int:
    """Return the number of functions that assign a local variable of this name."""
    count = 0
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                stores = (
                    n.id for n in ast.walk(node) if isinstance(n, ast.Name)
                    and isinstance(n.ctx, ast.Store)
                )  # fmt: skip
                count += name in stores
    return count


def circles(trees: dict[str, ast.Module]) -> int:
    """Return 1 where modules import each other in a circle, imports in functions included."""
    graph: dict[str, set[str]] = {module: set() for module in trees}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in trees else node.module for name in full]
            else:
                continue
            graph[module] |= {name for name in names if name in trees and name != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return 1
    return 0


def longest_line(checkout: Path) -> tuple[int, str]:
    """Return the length and the place of the longest line of Markdown."""
    pages = [*checkout.glob("*.md"), *(checkout / "docs").rglob("*.md")]
    return max(
        (len(line), f"{page.relative_to(checkout)}:{number}")
        for page in pages
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    )


def main(checkout: Path) -> None:
    package = checkout / "tune_noise"
    paths = {
        ".".join(path.relative_to(checkout).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(package.rglob("*.py"))
    }
    texts = {module: path.read_text(encoding="utf-8") for module, path in paths.items()}
    trees = {module: ast.parse(text) for module, text in texts.items()}
    compared = [
        f"{paths[module].relative_to(checkout)}:{number}"
        for module, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if _NAMED.search(line.partition("#")[0])
    ]
    private = private_names(trees)
    length, place = longest_line(checkout)
    print(f"modules at the root           {len(list(package.glob('*.py')))}")
    print(f"folders at the root           {len(list(package.glob('*/__init__.py')))}")
    print(f"circles of modules            {circles(trees)}")
    print(f"modules                       {len(texts)}")
    print(f"code lines                    {sum(map(code_lines, texts.values()))}")
    print(f"modules that name TrialConfig {sum('TrialConfig' in text for text in texts.values())}")
    print(f"names compared with strings   {len(compared)}: {', '.join(compared)}")
    print(f"private names used            {len(private)}: {', '.join(private)}")
    print(f"modules that use them         {len({name.partition(':')[0] for name in private})}")
    for name in ("found", "each", "own"):
        print(f"functions with a local {name:<6} {functions_with_local(trees, name)}")
    print(f"longest line of Markdown      {length} ({place})")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
