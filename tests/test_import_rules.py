"""Who may import whom (static), and what start-up must not load (in a fresh process)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("schemas/**/*.py"), *ROOT.glob("builder/**/*.py")])

ALLOWED = {
    "schemas": {"schemas", "pydantic", "pydantic_core"},
    "builder/kernels": {"builder.kernels", "numpy", "numba", "llvmlite"},
    # The package's own face hands over to the network; everything else in it only compiles.
    "builder/compile": {"schemas", "builder.compile", "builder.kernels", "builder.network", "numpy"},
}
"""Folder -> what it may import besides the standard library."""

FORBIDDEN = {
    "builder/compile": {"builder.network"},
    "builder/data": {"builder.network", "builder.training", "builder.compile", "builder.kernels"},
    "builder": {"builder.ui", "builder.cli", "streamlit", "pandas"},
}
"""Folder -> what it must not import, except where EXCEPTIONS says so."""

EXCEPTIONS = {
    ("builder/compile/__init__.py", "builder.network"),
    ("builder/__main__.py", "builder.cli"),
    ("builder/cli/explain.py", "builder.ui"),  # its texts alone, which need no Streamlit
    *((path.relative_to(ROOT).as_posix(), "builder.cli") for path in ROOT.glob("builder/cli/*.py")),
    *((path.relative_to(ROOT).as_posix(), name) for path in ROOT.glob("builder/ui/**/*.py")
      for name in ("builder.ui", "streamlit", "pandas")),
}  # fmt: skip

DANGEROUS_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
DANGEROUS_CALLS = {"eval", "exec", "__import__"}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (absolute module, line) for every import in a file, those inside functions included."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from . import x` may name a module; `from .a import f` names a.
            yield from ((f"{module}.{alias.name}" if not node.module else module, node.lineno) for alias in node.names)


def under(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


def identify(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_imports_only_what_its_part_may(path: Path) -> None:
    name = identify(path)
    wrong = []
    for module, line in imports(path):
        inside = under(module, {"schemas", "builder"})
        for folder, allowed in ALLOWED.items():
            standard = module.partition(".")[0] in sys.stdlib_module_names
            if name.startswith(folder + "/") and not under(module, allowed) and (inside or not standard):
                wrong.append(f"{name}:{line} imports {module}: {folder} may import only {sorted(allowed)}")
        for folder, forbidden in FORBIDDEN.items():
            for part in forbidden:
                if name.startswith(folder + "/") and under(module, {part}) and (name, part) not in EXCEPTIONS:
                    wrong.append(f"{name}:{line} imports {module}, which is forbidden in {folder}")
    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_nothing_can_execute_data(path: Path) -> None:
    wrong = [f"line {line}: {module}" for module, line in imports(path) if under(module, DANGEROUS_MODULES)]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DANGEROUS_CALLS:
            wrong.append(f"line {node.lineno}: {node.func.id}()")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True):
            wrong.append(f"line {node.value.lineno}: allow_pickle")
    assert wrong == []


HEAVY = ("numba", "llvmlite", "sklearn", "scipy", "streamlit", "pandas", "PIL", "safetensors")

PROGRAM = f"""
import sys
import builder
if sys.argv[1:]:
    from builder.cli import main
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
print("loaded:", *(name for name in {HEAVY!r} if name in sys.modules))
"""


@pytest.mark.parametrize("words", ["", "check examples/digits.json", "summary examples/digits.json", "--help"])
def test_start_up_loads_nothing_heavy(words: str) -> None:
    command = [sys.executable, "-c", PROGRAM, *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_import_builder_loads_no_numpy() -> None:
    heavy = ("numpy", "pydantic", "networkx", "typer")
    text = f"import builder, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
