"""Plain American English: docstrings, comments, messages and pages avoid the phrases that make a reader stumble."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WRITTEN_FOR_USERS = ("cifarlab/", "docs/", "examples/", "README.md", "CONTRIBUTING.md")
"""Here one term stands for each concept; lessons may call a reader's photos pictures, and tests may say folder."""

PHRASES = {
    r"(?<!there )\b(is|are|was|were) no (?!longer|more|less|fewer|better|worse|different|such)": "is not a ...",
    r"\bthat (is|are) none\b|\b(is|are) none of\b": "is not ...; foreign",
    r"\bof (one's|its|their) own\b|\bstudent's own\b": "custom, separate, its own ...",
    r"\bgo(es|ing)? on\b|\bwent on\b": "continue, resume",
    r"\b(is|are|was|were|be|been|being) told\b|\btold of\b|\btells? of\b": "is notified, reports, records",
    r"\b(so|how) manyth\b|\bso many\b": "N, every N steps",
    r"\bhangs? on\b": "depends on",
    r"\bwhat (came|comes|became|becomes|has become) of\b": "the result, the outcome",
    r"\bwhole or not at all\b|\bwritten whole\b": "atomically",
    r"\bdata sets?\b": "dataset",
    r"\bnewest\b": "latest",
    r"\b\w*(colour|centre|behaviour|neighbour|favour)\w*\b|\bgrey\w*\b": "American spelling",
    r"\b(normal|standard|recogn|initial|minim|maxim|optim|organ|real|summar|visual|regular)is(e|es|ed|ing|ation)\b": (
        "American spelling"
    ),
}
SCRIPTS = ("Makefile", ".ci/run", "postBuild", "environment.yml", "*.yml", "*.toml", "*.in")
"""Files with comments that people read."""

TERMS = {
    r"\bpictures?\b": "image, or figure",
    r"\bfolders?\b": "directory",
}
ALLOWED: dict[str, int] = {}
"""Phrases that a file may still contain. An entry is removed, or lowered, as soon as it can be."""


def tracked_texts() -> list[str]:
    """The paths of all files with prose in them, as git lists them."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for path in listed.stdout.splitlines() if path != "tests/test_words.py"]


def prose(path: str) -> Iterator[tuple[int, str]]:
    """Passages of a file with the line each begins in: string literals and comments, or the paragraphs of a page."""
    text = (ROOT / path).read_text()
    if not path.endswith(".py"):
        for paragraph in re.finditer(r"(?s)\S.*?(?=\n\s*\n|\Z)", text):
            yield text.count("\n", 0, paragraph.start()) + 1, paragraph.group()
        return
    passage, line, kind = "", 0, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NL, tokenize.NEWLINE) and kind:
            continue  # literals on adjacent lines are one string, and comments one passage
        if token.type != kind or not passage:
            if passage:
                yield line, passage
            passage, line, kind = "", token.start[0], token.type
        if token.type == tokenize.STRING:
            text = re.sub(r"^\w*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", token.string)
            passage += re.sub(r"\{[^{}]*\}", "...", text) if "f" in token.string[:2].lower() else text
        elif token.type == tokenize.COMMENT:
            passage += " " + token.string.lstrip("#% ")
        elif token.type == getattr(tokenize, "FSTRING_MIDDLE", None):
            passage += token.string
        else:
            passage, kind = "", None


def stumbles(path: str) -> Iterator[str]:
    """One line for each phrase in a file that has a plainer form."""
    patterns = PHRASES | (TERMS if path.startswith(WRITTEN_FOR_USERS) else {})
    any_of_them = re.compile("|".join(patterns), re.IGNORECASE)
    for line, passage in prose(path):
        text = re.sub(r"\s+", " ", passage)
        if not any_of_them.search(text):
            continue
        for pattern, instead in patterns.items():
            for found in re.finditer(pattern, text, re.IGNORECASE):
                around = found.string[max(found.start() - 30, 0) : found.end() + 20]
                yield f"{path}:{line}: {around!r} (instead: {instead})"


@pytest.mark.parametrize(
    "area", ["cifarlab/", "docs/", "examples/", "lessons/", "tests/", "tools/", "benchmarks/", ".", "pages"]
)
def test_the_english_is_plain(area):
    found = []
    for path in tracked_texts():
        if path.startswith(area) or (area == "pages" and "/" not in path):
            lines = list(stumbles(path))
            assert len(lines) >= ALLOWED.get(path, 0), f"lower the allowance of {path} to {len(lines)}"
            found += lines if len(lines) > ALLOWED.get(path, 0) else []
    assert not found, "\n".join(found)


def test_allowances_are_for_files_that_exist():
    assert set(ALLOWED) <= set(tracked_texts())


@pytest.mark.parametrize(
    ("text", "stumbled"),
    [
        ('"""Each in a process of its\n    own."""\n', 1),
        ('x = "a process of its " "own"\n', 1),
        ('x = f"{y} is no batch"\n', 1),
        ('x = f"{data_sets[folder]} it " f"goes {y}on"\n', 0),
        ("# A run\n# goes on.\n", 1),
        ("goes_on = is_no_word\n", 0),
        ('"""There is no setting of that name; it is no longer used."""\n', 0),
    ],
)
def test_phrases_are_found_across_lines_and_only_in_prose(tmp_path, monkeypatch, text, stumbled):
    monkeypatch.setattr("tests.test_words.ROOT", tmp_path)
    (tmp_path / "module.py").write_text(text)
    assert len(list(stumbles("module.py"))) == stumbled
