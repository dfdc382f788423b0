"""The layout: which folder may import which, what is imported at all, how long a file may be."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from common import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FLOORS = (  # each may import those before it; the rooms of one floor know nothing of each other
    {"models", "wct.clips", "wct.images", "wct.options", "wct.runtime", "wct.sqrtm"},
    {"wct.nn", "wct.transform"},
    {"wct.pipeline"},
    {"wct"},  # the face, wct/__init__.py
    {"wct.batch", "wct.benchmark", "wct.experiments", "wct.training"},
    {"wct.video"},
    {"wct.web"},
    {"app"},
)
NEIGHBOURS = {  # the first may import the second
    ("wct.images", "wct.runtime"), ("wct.clips", "wct.images"), ("wct.clips", "wct.runtime"),
}
SHIPPED = [ROOT / "app.py", *sorted((ROOT / "models").rglob("*.py")), *sorted((ROOT / "wct").rglob("*.py"))]
FILES = [*SHIPPED, *sorted((ROOT / "tests").rglob("*.py"))]
ONLY = {  # beside the standard library
    "models": {"torch", "safetensors"}, "wct.sqrtm": {"torch"}, "wct.options": set(), "wct.nn": {"torch"},
    "wct.transform": {"torch"},
}


def floor(room):
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def room(module):
    """The room that a module of ours belongs to: wct.images.reading -> wct.images. None for those of others."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    known = set().union(*FLOORS)
    return inner if inner in known else parts[0] if parts[0] in known else None


def module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path):
    """The modules that a file imports anywhere in it, `from a import b` as a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.relative_to(ROOT).parts[:-node.level] if node.level else ()  # of a relative import
            found.update(".".join((*base, *filter(None, [node.module]), alias.name)) for alias in node.names)
    return found


def others(path):
    """The top-level packages of others that a file imports."""
    local = {p.stem for p in (ROOT / "tests").iterdir()} | {"models", "wct", "app"}
    return {name.partition(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - local


@pytest.mark.parametrize("path", SHIPPED, ids=module)
def test_arrows_run_one_way(path):
    here = room(module(path))
    for name in imports(path):
        there = room(name)
        if there not in (None, here) and (here, there) not in NEIGHBOURS:
            assert floor(there) < floor(here), f"{module(path)} imports {name}, which is not below it"


def test_every_folder_has_its_floor():
    folders = {f"wct.{path.parent.name}" for path in (ROOT / "wct").glob("*/__init__.py")}
    assert folders <= set().union(*FLOORS), "name new folders in FLOORS"


@pytest.mark.parametrize("name", ONLY)
def test_what_lies_at_the_bottom_needs_little(name):
    for path in SHIPPED:
        if room(module(path)) == name:
            assert others(path) <= ONLY[name], f"{module(path)} imports more than {ONLY[name]}"


@pytest.mark.parametrize("command", [
    ["-c", "import wct"], ["-m", "wct.batch", "--help"], ["-m", "wct.video", "--help"],
    ["-m", "wct.benchmark", "--help"], ["app.py", "--help"],
], ids=" ".join)
def test_nothing_slow_is_imported_before_it_is_needed(command):
    done = subprocess.run([sys.executable, "-X", "importtime", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "wct" in modules and not modules & {"torch", "numpy", "PIL", "gradio", "matplotlib", "torchvision"}


def test_files_are_read_in_one_go():
    lengths = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in FILES}
    assert {name: length for name, length in lengths.items() if length >= 350} == {}


def described():
    """The requirements of pyproject.toml by extra, those of everybody under None; references to itself left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {None: project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {canonicalize_name(r.name): r for r in map(Requirement, lines) if r.name != project["name"]}
        for extra, lines in groups.items()
    }


def test_requirements_are_those_of_the_project():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    assert listed == {str(r) for extra, found in described().items() if extra != "dev" for r in found.values()}


def test_the_commands_are_there():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert set(scripts) == {"wct", "wct-page", "wct-video", "wct-benchmark"}
    for name, target in scripts.items():
        code = f"import sys, {target.split(':')[0]} as module; sys.exit(module.{target.split(':')[1]}())"
        for arguments, status in ((["--help"], 0), (["--no-such-option"], 2)):
            done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == status and "usage: " in done.stdout + done.stderr, name


def test_all_that_is_imported_is_required():
    distributions = packages_distributions()
    for path in FILES:
        extras = [extra for extra in described() if extra != "dev" and (path not in SHIPPED or extra != "test")]
        required = set().union(*(described()[extra] for extra in extras))
        for name in others(path):
            named = {canonicalize_name(distribution) for distribution in distributions.get(name, [name])}
            assert named & required, f"{path.relative_to(ROOT)} imports {name}, which pyproject.toml does not name"


def test_the_table_of_the_readme_is_that_of_the_command_line():
    command = [sys.executable, "-m", "wct.batch.arguments"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table.count("\n") > 20 and f"<!-- options -->\n{table}<!-- /options -->" in readme
