"""The cost of the dashboard during training: `python -m benchmarks.dashboard`, with `--browser` in JupyterLab.

One kernel repeatedly trains the same steps, in turn with and without a dashboard. Without `--browser`, the messages of
the kernel are discarded. With it, a page in Chromium shows every update, on the same cores.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from cifarlab.config import TrainConfig
from cifarlab.monitoring.console import echo
from cifarlab.training.observers import Observer, Run, StepRecord

WARM_UP = 60
"""Steps that are not timed, because the graph is built and the first figures are drawn."""


class Stopwatch(Observer):
    """Times the steps from `WARM_UP` to the last."""

    def on_start(self, run: Run) -> None:
        """Records the batch size."""
        self._batch = run.images_per_step

    def on_step(self, record: StepRecord) -> None:
        """Records the time at which a step was logged."""
        if record.step == WARM_UP:
            self._began = time.perf_counter()
        elif record.step > WARM_UP:
            self.speed = (record.step - WARM_UP) * self._batch / (time.perf_counter() - self._began)


def images_per_second(shown: bool, steps: int) -> float:
    """Trains in this kernel, with or without a visible dashboard, and returns the speed."""
    from IPython.display import clear_output, display

    from cifarlab.monitoring.dashboard import Dashboard
    from cifarlab.training.loop import train

    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(dataset="drawn", train_dir=folder, max_steps=steps, checkpoint_steps=0)
        if not shown:
            train(config, observers=[watch])
            return watch.speed
        board = Dashboard(config, observers=[watch])
        display(board)
        board.start()
        board.wait()
        board.close()
        clear_output()
        return watch.speed


def measure(rounds: int, steps: int) -> dict[str, list[float]]:
    """Measures both in alternating rounds; the first round is a warm-up and its results are discarded."""
    found: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(rounds + 1):
        for name in ("without", "with") if number % 2 else ("with", "without"):
            speed = images_per_second(name == "with", steps)
            if number:
                found[name].append(speed)
    return found


def an_update() -> dict[str, float]:
    """Measures processor time (ms) and size (kB) of two updates: of the numbers, and of a figure with 1,000 steps."""
    from cifarlab.monitoring.dashboard.panels import PANELS
    from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
    from cifarlab.monitoring.dashboard.status import current_status
    from cifarlab.monitoring.dashboard.widgets import DashboardWidgets

    config, monitor = TrainConfig(), RunMonitor()
    view = DashboardWidgets(config, None, {})
    step = StepRecord(0, {"total_loss": 4.0}, {"total_loss": 4.0}, 0.1, 2000.0, 0.06, 20000, 0.0)
    numbers = itertools.count()

    def more() -> None:
        number = next(numbers)
        monitor.on_step(step._replace(step=10 * number, losses={"total_loss": 4 - number / 500 + number % 7 / 10}))

    def cost(action, times=20) -> float:
        began = time.thread_time()
        for _ in range(times):
            more()  # without a change, nothing would be sent
            action()
        return 1000 * (time.thread_time() - began) / times

    for _ in range(1_000):
        more()

    loss = PANELS["loss"]
    return {
        "readings, ms": cost(lambda: view.show(current_status(config, monitor, None))),
        "picture, ms": cost(lambda: view.set_image("loss", loss.draw(monitor), loss.alt)),
        "readings, kB": (len(view._state.value) + len(view._readings.value)) / 1000,
        "picture, kB": len(view.images["loss"].value) / 1000,
    }


def main() -> None:
    """Prints the speeds, the ratios of the rounds, and the cost of an update."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", action="store_true", help="run in JupyterLab with Chromium")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400, help=f"steps of 128 images, including {WARM_UP} for warm-up")
    arguments = parser.parse_args()
    work = f"measure({arguments.rounds}, {arguments.steps}), an_update()"
    cells = [
        "import json\nfrom benchmarks.dashboard import an_update, measure",
        f"found = {work}",
        "print(json.dumps(found))",
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=metadata)
    printed = in_browser(notebook) if arguments.browser else in_kernel(notebook)
    speeds, update = json.loads(printed)
    ratios = [shown / alone for alone, shown in zip(speeds["without"], speeds["with"], strict=True)]
    for name, values in speeds.items():
        echo(
            f"{name} a dashboard: {statistics.median(values):,.0f} images/s ({min(values):,.0f} to {max(values):,.0f})"
        )
    echo(f"with : without, a round's median: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    echo("an update: " + "; ".join(f"{name} {value:.1f}" for name, value in update.items()))


def in_kernel(notebook: nbformat.NotebookNode) -> str:
    """Executes a notebook without a browser and returns the output of its last cell."""
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(Path.cwd())}}).execute()
    return notebook.cells[-1].outputs[0]["text"]


def in_browser(notebook: nbformat.NotebookNode) -> str:
    """Executes a notebook in a browser and returns the output of its last cell."""
    from playwright.sync_api import sync_playwright

    from tools.browser import ARGUMENTS, Notebook, Server, chromium

    executable = chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = Path(folder) / "course"
        place.mkdir()
        notebook.cells[0].source = f"%cd -q {Path.cwd()}\n{notebook.cells[0].source}"
        nbformat.write(notebook, place / "cost.ipynb")
        server = Server(place)
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
            page = Notebook(browser.new_page(viewport={"width": 1280, "height": 1150}), server, "cost.ipynb")
            page.run_all(3600)
            return page.output(2)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
