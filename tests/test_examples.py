"""Every example is what the README says of it, has no problems, and reaches what it states under `expect`."""

import json
import re
from pathlib import Path

import pytest

import builder

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
TRAINED = [path for path in EXAMPLES if "expect" in json.loads(path.read_text(encoding="utf-8"))]


def identify(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=identify)
def test_has_no_problems(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [] == [str(problem) for problem in builder.check(document, base=path.parent).problems]
    assert document["name"] == path.stem


@pytest.mark.parametrize("path", TRAINED, ids=identify)
def test_reaches_what_it_expects(path: Path, tmp_path: Path) -> None:
    run = builder.train(path, out=tmp_path)
    for metric, least in json.loads(path.read_text(encoding="utf-8"))["expect"].items():
        assert run.test[metric] >= least, f"{metric} of {path.name}"


def test_the_readme_lists_every_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", readme.partition("## Examples")[2].partition("\n## ")[0], re.M)
    stated = {
        path.stem: ", ".join(
            f"{metric} ≥ {least}" for metric, least in json.loads(path.read_text("utf-8")).get("expect", {}).items()
        )
        for path in EXAMPLES
    }
    assert dict(listed) == stated
