"""The site builds without warnings, and has alternative texts, working links, fallbacks and folded answers."""

import functools
import json
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from sphinx.search.en import SearchEnglish

from cifarlab.teaching.checks import catalog
from tools import build_site
from tools.build_site import DOCS, EXERCISES, ROOT, SOLUTIONS, linked, places, with_tables
from tools.check_site import Page, complaints, external_links, pages_of

ARTEFACTS = ROOT / "artefacts"
"""The folder of screenshots, for inspection."""

NAMES = sorted(path.stem for path in EXERCISES.glob("*.ipynb"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Builds the site and returns its folder; Sphinx fails on warnings."""
    folder = tmp_path_factory.mktemp("site")
    done = build_site.build(folder)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site):
    return pages_of(site)


@pytest.fixture(scope="module")
def index(site):
    """Returns the search index."""
    text = (site / "searchindex.js").read_text()
    return json.loads(text.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))


def test_the_site_has_no_problems(pages):
    assert not list(complaints(pages))


def test_every_source_has_its_page(site, pages):
    assert {site / place.with_suffix(".html") for place in places().values()} <= set(pages)


def test_every_public_module_is_in_the_reference(site, pages):
    told = set().union(*(page.ids for path, page in pages.items() if path.parent.name == "api"))
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "cifarlab").rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    assert {f"module-{name}" for name in names if "._" not in name} - {"module-cifarlab"} <= told


def test_external_links_are_few_and_use_https(pages):
    assert external_links(pages)
    assert all(address.startswith("https://") for address in external_links(pages))


def test_the_front_page_shows_minutes(site, pages):
    assert re.search(r"07_your_own_data\s+How do I get .*\s+35\s", pages[site / "index.html"].shown)
    assert re.search(r"06_svhn\s+house numbers .*\s+90\s", pages[site / "index.html"].shown)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("whitening", "tf1-glossary"),
        ("standardization", "lessons/01_inputs"),
        ("staircase", "api/training"),
        ("flattens", "advice"),  # "softmax was applied twice; the second one flattens the probabilities."
        ("upside", "advice"),
    ],
)
def test_the_search_knows_lessons_reference_and_glossary(index, word, name):
    assert index["docnames"].index(name) in places_of(index, word)


def test_the_page_of_advice_has_every_id_with_its_words_and_lesson(site, pages):
    shown = " ".join(pages[site / "advice.html"].shown.split())
    straight = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
    for entry in catalog.entries():
        words = entry.words.replace("`", "").replace("...", "…")
        assert f"{words} ({entry.id.removeprefix('any.')})" in shown.translate(straight).replace("...", "…")
    assert shown.count("Reread lesson") == len(catalog.LESSONS)
    assert "Cause: Softmax over the images instead of the classes." in shown


def test_what_needs_a_kernel_has_a_static_fallback(site, pages):
    for name, words in (("01_inputs", "An image with sliders"), ("04_training", "The run in runs/")):
        (twin,) = [image for image in pages[site / "lessons" / f"{name}.html"].images if words in image["alt"]]
        assert twin["src"]
    assert "flowchart TD" not in pages[site / "lessons/02_inference_graph.html"].shown
    assert build_site.IN_WORDS in pages[site / "lessons/02_inference_graph.html"].shown


def answer_lines(name):
    """Yields the lines of a solution that its exercise lacks: code, printed numbers and the model answer."""
    given = (EXERCISES / f"{name}.ipynb").read_text()
    cells = nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4).cells
    for cell in cells:
        for answer in re.findall(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", cell.source, re.DOTALL):
            yield from (line.strip() for line in answer.splitlines() if line.strip() and line.strip() not in given)
        for output in cell.get("outputs", ()):
            yield from (line for line in output.get("text", "").splitlines() if re.search(r"\d\.\d", line))
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            yield cell.source.splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_in_the_page_and_folded(site, pages, name):
    page = pages[site / "exercises" / f"{name}.html"]
    answers = list(answer_lines(name))
    assert len(answers) > 10
    shown, folded = (re.sub("[\u2018\u2019]", "'", text) for text in (page.shown, page.folded))
    assert [line for line in answers if line in shown] == []
    assert [line for line in answers if line not in folded] == []
    assert "Hint 2" in shown + folded
    assert "BEGIN" not in shown + folded


def test_the_search_gives_no_answer_away(index):
    """Searching for a word that occurs only in the answers does not find the exercise."""
    tried, stem = 0, SearchEnglish({}).stem
    for name in NAMES:
        page, given = index["docnames"].index(f"exercises/{name}"), (EXERCISES / f"{name}.ipynb").read_text()
        own = {stem(word) for word in re.findall(r"\w+", given.lower())}
        answering = {stem(word) for word in re.findall(r"\w{4,}", " ".join(answer_lines(name)).lower())}
        assert [word for word in answering - own if page in places_of(index, word)] == []
        assert page in places_of(index, "check")
        tried += len(answering - own)
    assert tried > 20


def places_of(index, word):
    """Returns the pages that a search for a word finds."""
    found = [index[kind].get(SearchEnglish({}).stem(word), []) for kind in ("terms", "titleterms")]
    return {page for pages in found for page in (pages if isinstance(pages, list) else [pages])}


# Tests in a real Chromium.

KINDS = {
    "front": "index.html",
    "lesson": "lessons/04_training.html",
    "exercise": "exercises/02_locally_connected.html",
    "reference": "api/training.html",
    "glossary": "tf1-glossary.html",
    "advice": "advice.html",
    "instructors": "instructors.html",
    "results": "results.html",
}


@pytest.fixture
def open_page(site, browser):
    """Opens a page with a given width; fails if it loads anything from elsewhere, or if a request or script fails."""
    opened, wrong = [], []

    def open_(name, width, root=None):
        root = root or site.as_uri()
        page = browser.new_page(viewport={"width": width, "height": 844})
        own = (root, "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{root}/{name}")
        opened.append(page)
        return page

    yield open_
    for page in opened:
        page.close()
    assert not wrong


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(site):
    """Returns the URL of the site on a local server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.full
@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_its_window(open_page, kind, width):
    page = open_page(KINDS[kind], width)
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"site-{kind}-{width}.png")
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    assert page.evaluate("() => [...document.images].every(one => one.complete && one.naturalWidth)")


@pytest.mark.full
def test_a_solution_is_seen_once_it_is_unfolded(open_page):
    page = open_page("exercises/01_softmax.html", 1280)
    answer = page.locator("details.solution").get_by_text("keepdims=").first
    assert not answer.is_visible()
    page.locator("details.solution > summary").click()
    assert answer.is_visible()
    page.screenshot(path=ARTEFACTS / "site-unfolded-1280.png")


@pytest.mark.full
def test_search_works(open_page, served):
    page = open_page("search.html?q=whitening", 1280, served)
    page.locator("#search-results a", has_text="Glossary").first.wait_for()
    page.wait_for_load_state("networkidle")  # the search loads the pages that it found, to quote them


# Tests of the building and checking functions.


def test_a_link_to_a_file_that_is_not_a_page_becomes_its_path():
    text = linked(
        "See [the weights](../cifarlab/model/pretrained_weights.py), [that](cluster.md#slurm).",
        DOCS / "a.md",
        Path("a.md"),
    )
    assert text == "See the weights (`cifarlab/model/pretrained_weights.py`), [that](cluster.md#slurm)."


def test_a_broken_link_is_refused():
    with pytest.raises(ValueError, match=r"docs/a\.md has a link to gone\.md"):
        linked("[gone](gone.md)", DOCS / "a.md", Path("a.md"))


def test_a_missing_table_is_refused():
    with pytest.raises(ValueError, match="must have a table"):
        with_tables("<!-- the table of README.md that begins with | nothing | -->", Path("a.md"))


WHOLE = (
    '<p id="here"><a href="#here">up</a> <a href="a.html">again</a> <img src="data:image/png;base64," alt="A cat"></p>'
)


@pytest.mark.parametrize(
    "broken",
    [
        '<img src="data:image/png;base64,">',
        '<img src="data:image/png;base64," alt=" ">',
        '<img src="data:," alt="data:,">',
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/a.css">',
        '<script src="a.js"></script>',
        '<a href="#there">there</a>',
        '<a href="b.html">b</a>',
        "<div><details></div></details>",
        "<section>",
    ],
)
def test_what_is_wrong_with_a_page_is_found(tmp_path, broken):
    path = tmp_path / "a.html"
    path.write_text(WHOLE)
    assert not list(complaints({path: Page(path)}))
    path.write_text(WHOLE + broken)
    assert len(list(complaints({path: Page(path)}))) == 1


def test_a_style_that_loads_from_elsewhere_is_found(tmp_path):
    path = tmp_path / "a.html"
    path.write_text(WHOLE)
    (tmp_path / "a.css").write_text("@font-face { src: url(https://cdn.example/a.woff2) }")
    assert len(list(complaints({path: Page(path)}))) == 1


def test_what_is_folded_is_not_shown(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<p>open<details><summary>more</summary>shut</details></p>")
    assert (Page(path).shown, Page(path).folded) == ("openmore", "shut")
