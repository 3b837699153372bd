"""Takes the screenshot of the dashboard in README.md: `python -m tools.screenshot_dashboard`, on an idle machine.

A real JupyterLab in a real Chromium trains on the drawn images, evaluates at some steps and stops.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from tools.browser import ARGUMENTS, Notebook, Server, chromium
from tools.build_notebooks import METADATA

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "dashboard.png"
STEPS = (200, 400, 600, 800)
"""The steps at which the run is evaluated."""

REACHED = """step => {
    const words = document.querySelector(".cifarlab-state").innerText.replaceAll(",", "");
    return Number(/Step (\\d+)/.exec(words)?.[1]) >= step;
}"""
"""JavaScript that tests whether the run has reached a step."""

CELL = """import cifarlab
from cifarlab.monitoring.dashboard import Dashboard

board = Dashboard(cifarlab.TrainConfig(dataset="drawn", train_dir="runs/first", max_steps=1000))
board"""


def main() -> None:
    """Takes the screenshot."""
    place = chromium()
    if place is None:
        sys.exit("screenshot_dashboard: no Chromium found; set CIFARLAB_CHROMIUM to its path.")
    with tempfile.TemporaryDirectory() as folder:
        (course := Path(folder) / "course").mkdir()
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)], metadata=METADATA)
        nbformat.write(notebook, course / "board.ipynb")
        server = Server(course)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=place, args=list(ARGUMENTS))
                page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
                opened = Notebook(page, server, "board.ipynb")
                opened.run_all()
                board = page.locator(".cifarlab-dashboard")
                board.get_by_role("button", name="Start", exact=True).click()
                for step in STEPS:
                    page.wait_for_function(REACHED, arg=step, timeout=300_000)
                    board.get_by_role("button", name="Evaluate now", exact=True).click()
                board.locator('[data-status="ended"]').wait_for(timeout=600_000)
                opened.until_no_thread()
                board.screenshot(path=PICTURE)
        finally:
            server.stop()
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
