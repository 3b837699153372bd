"""Dashboard and sliders in JupyterLab and Notebook with Chromium: `make test-browser`."""

import shutil
import time
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from tools.browser import SECONDS, Notebook, Server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
"""Directory of the screenshots."""

SMALL = (
    "import cifarlab\nfrom cifarlab.monitoring.dashboard import Dashboard\n"
    "settings = dict(dataset='drawn', max_steps=1_000_000, batch_size=8, log_frequency=2)",
    "board = Dashboard(cifarlab.TrainConfig(train_dir='runs/one', **settings))\nboard",
    "other = Dashboard(cifarlab.TrainConfig(train_dir='runs/two', **settings))\nother",
    "board.wait()",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data_dir):
    """The notebooks to open: lessons 1 and 4, and a small notebook with two dashboards."""
    folder = tmp_path_factory.mktemp("jupyter") / "course"
    folder.mkdir()
    for lesson in ("01_inputs", "04_training"):
        shutil.copy(ROOT / "notebooks" / f"{lesson}.ipynb", folder)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    cells = [nbformat.v4.new_code_cell(source) for source in SMALL]
    for name in ("small", "half", "notebook"):
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder, browser):
    server = Server(folder)
    yield server
    server.stop()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 1150})
    page.set_default_timeout(1000 * SECONDS)
    yield page
    broken = page.locator(".jupyter-widgets-error-widget").count()
    page.close()
    assert broken == 0


class Board:
    """A dashboard in a page."""

    def __init__(self, notebook, place=0):
        self.page = notebook.page
        self.box = self.page.locator(".cifarlab-dashboard").nth(place)

    def click(self, name):
        self.box.get_by_role("button", name=name, exact=True).click()

    def until(self, status, seconds=SECONDS):
        self.box.locator(f'[data-status="{status}"]').wait_for(timeout=1000 * seconds)

    @property
    def step(self):
        words = self.box.locator(".cifarlab-state").inner_text().replace(",", "").split()
        return int(words[words.index("Step") + 1])

    def until_step(self, step):
        end = time.monotonic() + SECONDS
        while self.step < step:
            assert time.monotonic() < end, f"stands at step {self.step}"
            self.page.wait_for_timeout(100)

    def picture(self, name):
        return self.box.locator(f".cifarlab-panel-{name} img").get_attribute("src")

    def until_picture_changes(self, name, before):
        end = time.monotonic() + SECONDS
        while self.picture(name) == before:
            assert time.monotonic() < end, f"the picture {name} stands still"
            self.page.wait_for_timeout(200)

    def reading(self, name):
        return (
            self.box.locator(".cifarlab-readings div", has=self.page.get_by_text(name, exact=True))
            .locator("dd")
            .inner_text()
        )

    def looks(self):
        """Returns what changes while a run is active: its step, the figure of its loss, a number."""
        return self.step, self.picture("loss"), self.reading("batch loss")

    def until_it_stands_still(self):
        """Waits until nothing has changed for two seconds, and returns the result of `looks`."""
        end = time.monotonic() + SECONDS
        before = None
        while (now := self.looks()) != before:
            assert time.monotonic() < end, "it does not stand still"
            before = now
            self.page.wait_for_timeout(2000)
        return now

    def shot(self, name):
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
        return ARTEFACTS / f"{name}.png"


def test_lesson_4_is_trained_by_hand(lab, page):
    notebook = Notebook(page, lab, "04_training.ipynb")
    notebook.run_all()
    board = Board(notebook)
    board.box.scroll_into_view_if_needed()
    board.until("ready")
    before = board.picture("loss")
    board.box.get_by_label("total steps").fill("6000")
    board.box.get_by_label("total steps").press("Enter")
    board.click("Start")
    board.until("running", 120)
    board.until_step(40)
    board.until_picture_changes("loss", before)
    assert float(board.box.locator(".progress-bar").evaluate("bar => parseFloat(bar.style.width)")) > 0.5
    board.shot("lesson-4-running")

    board.click("Pause")
    board.until("paused")
    still = board.until_it_stands_still()
    page.wait_for_timeout(3000)
    assert board.looks() == still
    board.click("Resume")
    board.until_step(still[0] + 10)

    board.click("Evaluate now")
    board.box.get_by_text("Evaluating.").wait_for()
    slider = board.box.locator(".cifarlab-factor [role=slider]")
    for _ in range(10):  # each is a factor of 10 ** 0.1
        slider.press("ArrowLeft")
    board.box.locator(".cifarlab-readings").get_by_text("0.01", exact=True).wait_for()
    board.box.get_by_text("Evaluating.").wait_for(state="detached")
    assert board.reading("precision (averaged)").endswith("%")

    board.box.get_by_role("tab", name="Network").click()
    board.box.locator(".cifarlab-panel-filters img").wait_for()
    board.until_picture_changes("batch", board.picture("batch"))
    board.shot("lesson-4-network")
    board.click("Stop")
    board.until("ended")
    board.box.get_by_role("tab", name="Runs").click()
    board.box.locator(".cifarlab-panel-several img").wait_for()
    board.box.locator("select[multiple]").select_option(["first", "steered"])
    board.box.locator('.cifarlab-panel-several img[alt*="first, steered"]').wait_for()
    board.shot("lesson-4-runs")
    files = notebook.ask("sorted(os.listdir('runs/first'))")
    assert f"model.ckpt-{board.step}.index" in files
    log = notebook.ask("open('runs/first/log.jsonl').read()")
    assert "learning_rate_factor" in log
    assert "evaluation" in log
    notebook.until_no_thread()

    notebook.save()
    page.goto("about:blank")
    lab.end_kernels()
    notebook.open()  # with a new kernel
    twin = page.locator(".cifarlab-twin img")
    twin.scroll_into_view_if_needed()
    assert "% with averaged weights" in twin.get_attribute("alt")
    assert not page.get_by_text("model not found").is_visible()
    assert page.locator(".cifarlab-dashboard").count() == 0
    board.shot("lesson-4-reopened")


def test_the_sliders_of_lesson_1_move_the_picture(lab, page):
    notebook = Notebook(page, lab, "01_inputs.ipynb")
    notebook.run_all()
    explorer = page.locator(".cifarlab-explorer")
    explorer.scroll_into_view_if_needed()
    picture = explorer.locator("img")
    before = picture.get_attribute("src")
    explorer.get_by_role("slider").nth(2).press("ArrowRight")  # brightness
    page.wait_for_function("([image, before]) => image.src !== before", arg=[picture.element_handle(), before])
    before = picture.get_attribute("src")
    explorer.get_by_role("checkbox").first.check()
    page.wait_for_function("([image, before]) => image.src !== before", arg=[picture.element_handle(), before])


@pytest.fixture
def small(lab, page, folder):
    """Returns the small notebook after running its first cells, and its dashboard."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    notebook = Notebook(page, lab, "small.ipynb")
    notebook.run_all()
    yield notebook
    lab.end_kernels()


def start(notebook, place=0):
    board = Board(notebook, place)
    board.click("Start")
    board.until("running", 120)
    return board


RUNNING = ["display", "training"]
"""The threads of one active run with a dashboard."""


@pytest.mark.full
def test_two_dashboards_at_once(small, folder):
    first, second = start(small), start(small, 1)
    assert small.threads() == sorted(2 * RUNNING)
    first.click("Stop")
    first.until("ended")
    second.until_step(second.step + 4)
    second.click("Stop")
    second.until("ended")
    small.until_no_thread()
    assert (folder / "runs/one/checkpoint").exists()
    assert (folder / "runs/two/checkpoint").exists()


@pytest.mark.full
def test_a_cell_that_is_run_twice_finds_its_run_again(small):
    board = start(small)
    before = board.step
    small.run_cell(1)
    again = Board(small)
    again.until("running")
    again.until_step(before + 4)
    assert small.threads() == RUNNING
    assert "already in progress" in again.box.inner_text()
    again.click("Stop")
    again.until("ended")
    assert small.page.get_by_text("Traceback").count() == 0


@pytest.mark.full
def test_an_interrupt_of_a_cell_that_waits_ends_and_saves_the_run(small, folder):
    board = start(small)
    small.start_cell(3)
    board.until_step(board.step + 4)
    small.interrupt_kernel()
    board.until("ended")
    small.until_no_thread()
    assert (folder / "runs/one/checkpoint").exists()
    assert small.page.get_by_text("KeyboardInterrupt").count() == 0


@pytest.mark.full
def test_an_interrupt_of_an_idle_kernel_leaves_the_run_seen(small):
    board = start(small)
    small.interrupt_kernel()
    board.until_step(board.step + 4)
    assert small.threads() == RUNNING
    board.click("Stop")
    board.until("ended")
    small.until_no_thread()


@pytest.mark.full
def test_a_restart_of_the_kernel_saves_the_run(small, folder):
    board = start(small)
    board.until_step(6)
    small.restart_kernel()
    assert (folder / "runs/one/checkpoint").exists()
    small.run_all()
    board = Board(small)
    board.until("ready")
    assert not board.box.get_by_label("continue from checkpoint").is_disabled()
    board = start(small)
    assert board.step >= 6
    assert small.page.get_by_text("Traceback").count() == 0


@pytest.mark.full
def test_a_page_that_is_closed_finds_its_run_again(small):
    board = start(small)
    small.save()
    before = board.step
    small.page.goto("about:blank")
    small.page.wait_for_timeout(2000)
    small.open()
    again = Board(small)
    again.until("running")
    again.until_step(before + 4)
    assert small.threads() == RUNNING
    again.click("Stop")
    again.until("ended")


@pytest.mark.full
def test_keyboard_names_half_width_and_dark_theme(lab, page, folder):
    shutil.rmtree(folder / "runs", ignore_errors=True)
    page.set_viewport_size({"width": 760, "height": 1100})
    notebook = Notebook(page, lab, "half.ipynb")
    page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    notebook.run_all()
    board = Board(notebook)
    for name in ("Start", "Pause", "Stop", "Evaluate now"):
        assert board.box.get_by_role("button", name=name, exact=True).count() == 1
    for label in ("dataset", "batch size", "total steps", "continue from checkpoint"):
        assert board.box.get_by_label(label).count() == 1
    assert [tab.inner_text() for tab in board.box.get_by_role("tab").all()] == ["Learning", "Network", "Runs"]
    board.box.get_by_label("total steps").focus()
    page.keyboard.press("Tab")  # past the check box, which is still disabled
    assert page.evaluate("document.activeElement.textContent.trim()") == "Start"
    page.keyboard.press("Enter")
    board.until("running", 120)
    board.until_step(8)
    board.until_picture_changes("loss", board.picture("loss"))
    width, content = board.box.evaluate("box => [box.clientWidth, box.scrollWidth]")
    assert content <= width + 1
    for image in board.box.locator(".cifarlab-panel-loss img, .cifarlab-panel-precision img").all():
        image.scroll_into_view_if_needed()
        assert image.bounding_box()["width"] > 300
    # In one call, because the text changes during the run.
    text = page.evaluate("getComputedStyle(document.querySelector('.cifarlab-state')).color")
    ground = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
    assert contrast(text, ground) >= 4.5
    board.box.scroll_into_view_if_needed()
    board.shot("half-width-dark")
    loss = board.box.locator(".cifarlab-panel-loss img")
    loss.screenshot(path=ARTEFACTS / "loss-dark.png")
    assert Image.open(ARTEFACTS / "loss-dark.png").convert("L").resize((1, 1)).getpixel((0, 0)) < 80  # mostly dark
    board.click("Stop")
    board.until("ended")


def contrast(first, second):
    """Returns the contrast of two CSS colors, 1 to 21, as defined by the Web Content Accessibility Guidelines."""

    def luminance(colour):
        values = [float(value) / 255 for value in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.full
def test_notebook_7(folder, browser, page):
    shutil.rmtree(folder / "runs", ignore_errors=True)
    server = Server(folder, "notebook")
    try:
        notebook = Notebook(page, server, "notebook.ipynb")
        notebook.run_all()
        board = start(notebook)
        board.until_step(board.step + 6)
        board.until_picture_changes("loss", board.picture("loss"))
        board.shot("notebook-7")
        board.click("Pause")
        board.until("paused")
        board.click("Resume")
        board.until("running")
        board.click("Stop")
        board.until("ended")
        notebook.until_no_thread()
    finally:
        server.stop()
