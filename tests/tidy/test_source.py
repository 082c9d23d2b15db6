"""The repository reads itself: sizes, rooms and rules that a linter does not know."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("identity", "payments", "notifications", "gateway", "shared", "deploy")
SERVICES = PACKAGES[:4]
DOORS = {
    "api",
    "pages",
    "webhooks",
    "app",
    "web",
    "endpoints",
    "access",
    "simulator",
    "deps",
    "direct",
}
ROOMS = {
    *("models", "rules", "queries", "actions", "api", "pages", "webhooks", "tasks", "commands"),
    *("provider", "simulator", "access"),
}
TOP_LEVEL = {"__init__", "__main__", "app", "base", "db", "settings", "web", "worker"}


@cache
def committed() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


@cache
def sources(*, tests: bool = False) -> tuple[Path, ...]:
    heads = (*PACKAGES, "tests", "benchmarks") if tests else PACKAGES
    return tuple(
        path
        for path in committed()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in heads
    )


def sized() -> tuple[Path, ...]:
    # A migration is one piece of SQL that never changes again; cutting it up would help nobody.
    return tuple(path for path in sources(tests=True) if "versions" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_have_at_most_400_lines() -> None:
    long = {
        name_of(path): count
        for path in sized()
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_functions_have_at_most_70_lines() -> None:
    long = {
        f"{name_of(path)}:{node.name}": length
        for path in sized()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > 70
    }
    assert not long


def test_nothing_is_imported_inside_a_function() -> None:
    hidden = [
        f"{name_of(path)}:{inner.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


def test_one_place_commits() -> None:
    callers = {
        name_of(path)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        # Simulators stand for other companies and keep their own truth in SQLite.
        and "simulator" not in name_of(path)
    }
    assert callers <= {"shared/db.py", "shared/migrate.py"}
    assert "shared/db.py" in callers


def test_only_doors_know_a_web_framework() -> None:
    guilty = [
        name_of(path)
        for path in sources()
        if path.relative_to(ROOT).parts[0] in SERVICES
        and path.stem not in DOORS
        and "simulator" not in path.parts
        and not path.stem.endswith("_pages")
        and any(module.split(".")[0] in {"fastapi", "starlette"} for module in imports(path))
    ]
    assert not guilty


def test_nobody_uses_the_deprecated_jose() -> None:
    assert not [name_of(path) for path in sources(tests=True) if "authlib.jose" in imports(path)]


def test_the_clock_is_read_in_one_place() -> None:
    pattern = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    guilty = [
        name_of(path)
        for path in sources()
        if pattern.search(path.read_text())
        and path.relative_to(ROOT).parts[0] != "deploy"
        and "simulator" not in name_of(path)
    ]
    assert guilty == ["shared/clock.py"]


def test_a_service_has_nothing_loose_at_its_top() -> None:
    loose = [
        name_of(path)
        for path in sources()
        if len(parts := path.relative_to(ROOT).parts) == 2
        and parts[0] in SERVICES
        and path.stem not in TOP_LEVEL
    ]
    assert not loose


def test_a_feature_holds_at_most_a_dozen_files() -> None:
    folders: dict[str, int] = {}
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if parts[0] in SERVICES and len(parts) == 3 and path.stem != "__init__":
            folders[f"{parts[0]}/{parts[1]}"] = folders.get(f"{parts[0]}/{parts[1]}", 0) + 1
    # One file per specification is that room's own rule.
    folders.pop("identity/oidc", None)
    assert not {name: count for name, count in folders.items() if count > 14}


@pytest.mark.parametrize("silence", ["# noqa", "# type: ignore"])
def test_every_silenced_check_names_what_it_silences(silence: str) -> None:
    blanket = re.compile(rf"{silence}(?!(: |\[)[a-zA-Z])")
    guilty = [
        f"{name_of(path)}:{number}"
        for path in sources(tests=True)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if blanket.search(line) and path.name != Path(__file__).name
    ]
    assert not guilty


def test_every_silenced_check_says_why() -> None:
    mute = re.compile(r"# (type: ignore\[[a-z-]+\]|noqa: [A-Z0-9, ]+)$")
    guilty = [
        f"{name_of(path)}:{number}"
        for path in sources(tests=True)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if mute.search(line)
    ]
    assert not guilty


def test_lock_files_name_no_registry() -> None:
    locks = [path for path in committed() if path.name == "package-lock.json"]
    locks += [path for path in committed() if path.parent.name == "requirements"]
    assert locks
    guilty = [
        name_of(path)
        for path in locks
        if re.search(r'"resolved"|--index-url|--find-links|https?://', path.read_text())
        and not (path.suffix == ".json" and '"resolved"' not in path.read_text())
    ]
    assert not guilty


def test_templates_have_no_inline_script_or_style() -> None:
    pattern = re.compile(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=\"|\son[a-z]+=\"|javascript:", re.IGNORECASE
    )
    guilty = [
        name_of(path)
        for path in committed()
        if path.suffix == ".html"
        and path.relative_to(ROOT).parts[0] in PACKAGES
        and pattern.search(path.read_text())
    ]
    assert not guilty


def test_nothing_committed_names_this_machine() -> None:
    here = str(ROOT)
    guilty = [
        name_of(path)
        for path in committed()
        if path.suffix in {".md", ".py", ".yaml", ".yml", ".json", ".toml", ".html", ".sh", ".txt"}
        and here in path.read_text(errors="replace")
    ]
    assert not guilty
