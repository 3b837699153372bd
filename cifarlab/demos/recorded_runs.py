"""For lessons 3 and 5: the recorded long run of the tutorial's settings, which comes with the package.

A notebook finds it in any working directory, also where only the package is installed, as in Colab.
"""

import json
from pathlib import Path
from typing import Any

TUTORIAL = Path(__file__).with_name("recorded") / "tutorial.jsonl"
"""The file that `python -m benchmarks.evaluate_checkpoints` wrote: a line about the run, then one per checkpoint."""


def tutorial() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns a description of the recorded run (machine, command), and the evaluation of each of its checkpoints.

    >>> about, evaluations = tutorial()
    >>> evaluations[-1]["step"], f"{evaluations[-1]['averaged']['precision_at_1']:.1%}"
    (60000, '82.3%')
    """
    about, *evaluations = map(json.loads, TUTORIAL.read_text(encoding="utf-8").splitlines())
    return about, evaluations
