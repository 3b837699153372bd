"""Fills the table of tests/faults/README.md from what the last runs counted.

`make test` counts into artefacts/faults.json, `make soak` into artefacts/faults-soak.json. Both are recorded beside the
table, which is made of the records and of what `tools/mutation_test.py` proved. A run
of a few tests renews their rows alone.
"""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "faults"
RECORDED = FOLDER / "recorded"
BEGIN, END = "<!-- table: tools/fault_report.py -->\n", "<!-- end of the table -->"


def read(name: str) -> list[dict]:
    """The rows of a record, or none."""
    path = RECORDED / name
    return json.loads(path.read_text()) if path.exists() else []


def table() -> str:
    """The table in Markdown, from the records."""
    short, long = (
        {(row["promise"], row["injection"]): row for row in read(name)} for name in ("short.json", "soak.json")
    )
    caught = json.loads((RECORDED / "mutations.json").read_text())
    lines = [
        "| promise | how it is broken | tried by `make test` | by `make soak` | lost | seen failing without |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for promise, injection in sorted({*short, *long}):
        counts = [rows.get((promise, injection)) for rows in (short, long)]
        tried = [f"{row['tried']:,}" if row and row["tried"] else "" for row in counts]
        lost = sum(row["lost"] for row in counts if row)
        removed = caught.get(f"{promise} | {injection}", "")
        lines.append(f"| {promise} | {injection} | {tried[0]} | {tried[1]} | {lost} | {removed} |")
    return "\n".join(lines) + "\n"


def filled(text: str) -> str:
    """The page with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


def main() -> None:
    """Records the last runs and writes the page."""
    RECORDED.mkdir(exist_ok=True)
    for source, name in (("faults.json", "short.json"), ("faults-soak.json", "soak.json")):
        if (counted := ROOT / "artefacts" / source).exists():
            rows = {(row["promise"], row["injection"]): row for row in [*read(name), *json.loads(counted.read_text())]}
            (RECORDED / name).write_text(json.dumps([rows[key] for key in sorted(rows)], indent=1) + "\n")
    page = FOLDER / "README.md"
    page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
