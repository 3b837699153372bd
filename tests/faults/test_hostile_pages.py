"""A notebook full of hostile names in a real browser, and its HTML export: no script runs."""

import json
import subprocess
import sys

import nbformat
import pytest

from tools.browser import SECONDS, Notebook, Server

pytestmark = [pytest.mark.slow, pytest.mark.full]

IMAGE = "<img src=x onerror='window.__owned=1;alert(1)'>"
"""Without a slash, so that it is a valid directory name."""

SCRIPT = f'</pre></style></details>"><script>window.__owned=1;alert(1)</script>{IMAGE}<svg onload=alert(1)>'

CELLS = (
    "import json, pathlib\nimport numpy as np\nimport cifarlab\n"
    "from cifarlab.data.custom import from_arrays, from_folder\n"
    "from cifarlab.demos import distortion_explorer, graphs\nfrom cifarlab.monitoring.dashboard import Dashboard\n"
    "from cifarlab.plotting import evaluations, figures\n"
    f"image, script = {IMAGE!r}, {SCRIPT!r}\n"
    "home = pathlib.Path('runs', image)\nhome.mkdir(parents=True)",
    "images, labels = np.zeros([40, 32, 32, 3], np.uint8), np.arange(40) % 4\n"
    "dataset = from_arrays(images, labels, image, classes=[image, script, '$\\\\frac{', '\\x1b[31m\\u202e'])\n"
    "figure, (ax,) = figures.subplots()\nevaluations.confusion(ax, np.eye(4, dtype=int), dataset.classes)\n"
    "figures.show(figure, ' '.join(dataset.classes))",
    "step = {'event': 'step', 'step': 5, 'losses': {'total_loss': 2.0, script: script}, 'averaged_losses': script,\n"
    "        'learning_rate': script, 'examples_per_second': 3.0}\n"
    "evaluation = {'event': 'evaluation', 'step': 6, 'raw': script, 'averaged': 0.5, 'images': script}\n"
    "lines = [step, evaluation, {'event': script, 'step': 7}]\n"
    "(home / 'log.jsonl').write_text(''.join(json.dumps(line) + '\\n' for line in lines))\n"
    "board = Dashboard(cifarlab.TrainConfig(train_dir=str(home), dataset=image), dataset=dataset)\nboard",
    "def broken():\n    raise ValueError(script)\n\n"
    "other = Dashboard(cifarlab.TrainConfig(train_dir=f'runs/{image}2'), dataset=dataset, network=broken)\n"
    "other.start()\nother.run.wait()\nother._display.wait_for_updates()\nother",
    "distortion_explorer.DistortionExplorer(images[0])",
    "for read in (lambda: from_folder(image, 'made'), lambda: cifarlab.load(script)):\n"
    "    try:\n        read()\n    except ValueError as error:\n        print(error)",
    "print(script, *dataset.classes)",
)


@pytest.fixture
def page(browser):
    """A page in a browser that records dialogs and console messages."""
    page = browser.new_page(viewport={"width": 1280, "height": 1150})
    page.set_default_timeout(1000 * SECONDS)
    page.dialogs = []
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()


def owned(page) -> list:
    """Returns what a script has left in the page and its frames, after all pending events were processed."""
    page.wait_for_timeout(1000)
    return [*page.dialogs, *filter(None, [frame.evaluate("window.__owned") for frame in page.frames])]


@pytest.mark.fault(promise="hostile names", injection="in a notebook in a real browser, and in its HTML export")
def test_no_script_runs_in_a_notebook_or_in_the_page_made_of_it(page, tmp_path, count_trial):
    folder = tmp_path / "course"
    folder.mkdir()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "hostile.ipynb")
    server = Server(folder)
    try:
        notebook = Notebook(page, server, "hostile.ipynb")
        notebook.run_all()
        page.locator(".cifarlab-dashboard").nth(1).locator('[data-status="failed"]').wait_for()
        for number in range(len(CELLS)):
            page.locator(".jp-Notebook .jp-Cell").nth(number).scroll_into_view_if_needed()
            assert "Traceback" not in notebook.output(number) or number == 3
        page.locator(".cifarlab-dashboard").nth(1).locator("summary").click()  # where it failed
        for tab in ("Network", "Runs"):
            page.locator(".cifarlab-dashboard").first.get_by_text(tab, exact=True).first.click()
        assert SCRIPT in notebook.output(3), "shown as it is"
        assert IMAGE in page.locator(".cifarlab-dashboard").first.inner_text()
        assert owned(page) == []
        notebook.save()
    finally:
        server.stop()
    count_trial(len(CELLS))
    saved = nbformat.read(folder / "hostile.ipynb", as_version=4)
    assert any("text/html" in output.get("data", {}) for cell in saved.cells for output in cell.outputs), "the twin"
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "hostile.ipynb"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    page.goto((folder / "hostile.html").as_uri())
    assert page.locator(".cifarlab-twin img").count() == 2
    assert json.dumps(IMAGE)[1:-1] in page.locator(".cifarlab-twin img").first.get_attribute("alt")
    assert SCRIPT in page.locator("body").inner_text()
    assert owned(page) == []
    count_trial(len(CELLS))
