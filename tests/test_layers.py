"""The layers of the package: modules import only from their own folder or from lower layers."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cifarlab
from tests.sources import nodes, tree

PACKAGE = Path(cifarlab.__file__).parent
LAYERS = [
    {"errors", "config", "field_types", "files", "locks", "streams", "text", "backend"},
    {"data"},
    {"model"},
    {"training"},
    {"evaluation"},
    {"plotting"},
    {"monitoring"},
    {"demos"},
    {"teaching"},
    {"doctor", "cli", "__main__"},
]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def layer_of(part):
    return next(level for level, parts in enumerate(LAYERS) if part in parts)


def part_of(module):
    """Returns the folder or module below cifarlab, such as `data` for `cifarlab.data.records`."""
    return module.split(".")[1]


def imports(path):
    """Yields the dotted names of the cifarlab modules that a file imports anywhere."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module.startswith("cifarlab"):
                for name in node.names:
                    dotted = f"{node.module}.{name.name}"
                    yield (
                        dotted
                        if (PACKAGE.parent / dotted.replace(".", "/")).with_suffix(".py").exists()
                        else node.module
                    )
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("cifarlab"))


def dotted_name(module):
    return "cifarlab." + ".".join(module.with_suffix("").parts)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_import_only_from_lower_layers(module):
    here = layer_of(part_of(dotted_name(module)))
    for imported in imports(PACKAGE / module):
        assert imported != "cifarlab", f"{module} imports the whole package"
        assert layer_of(part_of(imported)) <= here, f"{module} imports {imported}, which is in a higher layer"


SUBLAYERS = [
    ("teaching/checks", "teaching/sandbox"),
    ("teaching/checks", "teaching/grading"),
    ("teaching/sandbox", "teaching/grading"),
]
"""Pairs of folders in the same layer, the lower one first."""


@pytest.mark.parametrize(("lower", "higher"), SUBLAYERS)
def test_folders_of_teaching_import_only_from_lower_ones(lower, higher):
    below = [module for module in MODULES if module.as_posix().startswith(f"{lower}/")]
    assert below
    for module in below:
        up = [name for name in imports(PACKAGE / module) if name.startswith(f"cifarlab.{higher.replace('/', '.')}")]
        assert not up, f"{module} imports {up}"


def test_sources_import_neither_registry_nor_custom():
    sources = [module for module in MODULES if module.as_posix().startswith("data/sources/")]
    assert len(sources) > 10
    for module in sources:
        assert not {"cifarlab.data.registry", "cifarlab.data.custom"} & set(imports(PACKAGE / module)), module


def test_the_package_does_not_import_demos():
    others = [module for module in MODULES if module.parts[0] != "demos"]
    users = [str(module) for module in others if "demos" in map(part_of, imports(PACKAGE / module))]
    assert not users, f"{users} import cifarlab.demos, which only lessons, exercises and tests may use"


def test_each_demo_names_its_lesson():
    for module in MODULES:
        if module.parts[0] == "demos":
            assert re.search(r"lessons? \d", ast.get_docstring(tree(PACKAGE / module)).lower()), module


def test_there_are_no_import_cycles():
    graph = {dotted_name(module): set(imports(PACKAGE / module)) for module in MODULES}
    done, open_ = set(), []

    def visit(module):
        assert module not in open_, f"an import cycle: {' -> '.join([*open_[open_.index(module) :], module])}"
        if module in graph and module not in done:
            open_.append(module)
            for imported in graph[module]:
                visit(imported)
            done.add(open_.pop())

    for module in graph:
        visit(module)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_stay_small(module):
    lines = len((PACKAGE / module).read_text().splitlines())
    assert lines <= 340, f"{module} has {lines} lines; split modules of more than about 300 lines"
    for node in nodes(PACKAGE / module):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 44, f"{module}: {node.name} has {length} lines; about 40 is the limit"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_shares_its_name_with_a_public_function(module):
    functions = {node.name for node in tree(PACKAGE / module).body if isinstance(node, ast.FunctionDef)}
    assert module.stem not in functions
    assert module.stem not in cifarlab.__all__


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_console_modules_print(module):
    if module.as_posix() in ("cli.py", "doctor.py", "monitoring/console.py"):
        return
    calls = [n for n in nodes(PACKAGE / module) if isinstance(n, ast.Call)]
    assert not [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def loaded_by(code):
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(out.stdout.split())


@pytest.mark.parametrize(
    "code",
    ["import cifarlab", "import cifarlab; cifarlab.TrainConfig", "import cifarlab.data.records", "import cifarlab.cli"],
)
def test_light_imports_load_nothing_heavy(code):
    assert not loaded_by(code) & {"tensorflow", "matplotlib", "ipywidgets", "keras", "requests"}


@pytest.mark.full
@pytest.mark.slow
def test_training_works_without_jupyter():
    """None in sys.modules makes imports fail as if the package were not installed."""
    hidden = "import sys\nfor name in ('IPython', 'ipywidgets', 'jupyterlab', 'ipykernel'): sys.modules[name] = None\n"
    modules = (dotted_name(m) for m in MODULES if m.parts[0] in ("data", "model", "training", "evaluation", "cli.py"))
    loaded = loaded_by(
        hidden + "import cifarlab.monitoring.console, cifarlab.monitoring.summaries, " + ", ".join(modules)
    )
    assert {"tensorflow", "cifarlab.training.loop"} <= loaded


@pytest.mark.parametrize("name", cifarlab.__all__)
def test_every_public_name_loads_and_is_documented(name):
    value = getattr(cifarlab, name)
    assert value.__doc__
    assert importlib.import_module(value.__module__)
