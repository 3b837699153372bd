"""Fills the tables of tests/faults/README.md and RESULTS.md from what the last runs counted.

`make test-full` counts into artefacts/faults.json, `make soak` into artefacts/faults-soak.json. Both are recorded in
tests/faults/recorded, together with what `tools/mutation_test.py` proved; the tables are made from these records. A run
of only some tests updates only their rows.
"""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "faults"
RECORDED = FOLDER / "recorded"
BEGIN, END = "<!-- table: tools/fault_report.py -->\n", "<!-- end of the table -->"


def read(name: str) -> list[dict]:
    """Returns the rows of a record, or none."""
    path = RECORDED / name
    return json.loads(path.read_text()) if path.exists() else []


PROMISES = {
    "archives and files": "A damaged or malicious file gets one clear line. Nothing is written outside its directory.",
    "checkpoints": "A damaged run resumes from the latest usable checkpoint, or says why not. It never restarts.",
    "downloads": "A download resumes, or fails with one clear line. An unverified file is never used.",
    "exact resume": "A run that is killed and resumed ends with the same weights as an uninterrupted one.",
    "fuzzed readers": "No input makes a reader crash or hang.",
    "grading": "A submission changes no test, no other submission and no file, and the others are graded.",
    "hostile names": "A name in a file or submission is only ever shown as text.",
    "notebooks and server": "A notebook from elsewhere runs nothing when opened, and the server admits only its user.",
    "numbers": "A loss or gradient that is not finite stops the run, names its origin and is never saved.",
    "soak": "A long run neither grows nor leaves threads or files behind.",
}
"""What is promised, by the name that the tests' markers use."""


def summary() -> str:
    """Returns the README's table: a row for each promise."""
    records = read("short.json"), read("soak.json")
    lines = [
        "| promise | ways to break it | trials in `make test-full` | in `make soak` | failures |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for promise, words in PROMISES.items():
        rows = [[row for row in record if row["promise"] == promise] for record in records]
        ways = len({row["injection"] for record in rows for row in record})
        tried = [f"{sum(row['tried'] for row in record):,}" for record in rows]
        lost = sum(row["lost"] for record in rows for row in record)
        lines.append(f"| **{promise}**: {words} | {ways} | {tried[0]} | {tried[1]} | {lost} |")
    return "\n".join(lines) + "\n"


def details() -> str:
    """Returns the table of RESULTS.md: a row for each way to break a promise."""
    short, long = (
        {(row["promise"], row["injection"]): row for row in read(name)} for name in ("short.json", "soak.json")
    )
    caught = json.loads((RECORDED / "mutations.json").read_text())
    lines = [
        "| promise | injected fault | trials in `make test-full` | in `make soak` | failures | seen failing without |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for promise, injection in sorted({*short, *long}):
        counts = [rows.get((promise, injection)) for rows in (short, long)]
        tried = [f"{row['tried']:,}" if row and row["tried"] else "" for row in counts]
        lost = sum(row["lost"] for row in counts if row)
        removed = caught.get(f"{promise} | {injection}", "")
        lines.append(f"| {promise} | {injection} | {tried[0]} | {tried[1]} | {lost} | {removed} |")
    return "\n".join(lines) + "\n"


TABLES = {"README.md": summary, "RESULTS.md": details}


def filled(name: str) -> str:
    """Returns the text of a page, README.md or RESULTS.md, with its table made from the records."""
    before, _, rest = (FOLDER / name).read_text().partition(BEGIN)
    return before + BEGIN + "\n" + TABLES[name]() + "\n" + END + rest.partition(END)[2]


def main() -> None:
    """Records the last runs and writes the pages."""
    RECORDED.mkdir(exist_ok=True)
    for source, name in (("faults.json", "short.json"), ("faults-soak.json", "soak.json")):
        if (counted := ROOT / "artefacts" / source).exists():
            rows = {(row["promise"], row["injection"]): row for row in [*read(name), *json.loads(counted.read_text())]}
            (RECORDED / name).write_text(json.dumps([rows[key] for key in sorted(rows)], indent=1) + "\n")
    for name in TABLES:
        (FOLDER / name).write_text(filled(name))


if __name__ == "__main__":
    main()
