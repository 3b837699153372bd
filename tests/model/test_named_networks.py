"""The forms of `--network`: each creates a network, or is refused in one line that says what to do."""

import sys
import textwrap

import pytest

from cifarlab.model import named_networks
from cifarlab.model.modern import ModernNet
from cifarlab.model.named_networks import create_network
from cifarlab.model.network import ConvNet, NetworkError

SETTINGS = {
    "num_classes": 7,
    "image_size": 24,
    "channels": 3,
    "seed": 5,
    "fast_ops": False,
    "weight_decay": 0.25,
}

SOURCE = """
    import dataclasses

    from cifarlab.model.network import ConvNet

    class Mine(ConvNet):
        pass

    class Fixed(ConvNet):
        def __init__(self):
            super().__init__(num_classes=3)

    class Sized(ConvNet):
        def __init__(self, num_classes, *, seed):
            super().__init__(num_classes, seed=seed)

    class Deep(ConvNet):
        def __init__(self, depth, width=3):
            super().__init__()

    class Any(ConvNet):
        def __init__(self, **settings):
            super().__init__(**settings)

    @dataclasses.dataclass  # looks for its module by name
    class Settings:
        seed: int = 0

    def make(seed, image_size=24):
        return Mine(seed=seed, image_size=image_size)

    number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A file with networks in the current directory; what its import changes is undone."""
    (tmp_path / "my_network.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", sys.modules | {})
    named_networks._module_of_file.cache_clear()
    return tmp_path / "my_network.py"


def test_the_tutorials_gets_all_settings():
    network = create_network("tutorial", **SETTINGS)
    assert type(network) is ConvNet
    assert network.softmax_linear.weights.shape == (192, 7)
    assert (network.fast_ops, network.local3.weight_decay) == (False, 0.25)
    assert (network.conv1.weights.numpy() == ConvNet(seed=5).conv1.weights.numpy()).all()


def test_the_modern_one_gets_those_it_has():
    network = create_network("modern", **SETTINGS)
    assert type(network) is ModernNet
    assert network.logits.weights.shape == (256, 7)
    assert network.fast_ops is False


@pytest.mark.parametrize(
    ("name", "classes"),
    [("Mine", 7), ("Fixed", 3), ("Sized", 7), ("Any", 7), ("make", 10)],
)
@pytest.mark.parametrize("form", ["my_network", "my_network.py", "./my_network.py", "{folder}/my_network.py"])
def test_a_class_or_function_of_a_file_gets_the_settings_it_has(module, form, name, classes):
    network = create_network(f"{form.format(folder=module.parent)}:{name}", **SETTINGS)
    assert network.softmax_linear.weights.shape == (192, classes)
    expected = ConvNet(seed=0 if name == "Fixed" else 5)
    assert (network.conv1.weights.numpy() == expected.conv1.weights.numpy()).all()


def test_a_file_may_import_its_neighbors(module, monkeypatch):
    below = module.parent / "below"
    below.mkdir()
    (below / "parts.py").write_text("from cifarlab.model.network import ConvNet\n")
    (below / "net.py").write_text("import parts\n\n\nclass Net(parts.ConvNet):\n    pass\n")
    assert isinstance(create_network("below/net.py:Net"), ConvNet)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "",
            r"must be tutorial, modern or MODULE:CLASS; got ''\. For a class in my_network\.py: --network",
        ),
        ("my_network", "got 'my_network'. For a class"),
        ("my_network.Mine", "got 'my_network.Mine'. For a class"),
        ("my_network:", "got 'my_network:'. For a class"),
        (":Mine", "got ':Mine'. For a class"),
        ("Modern", r"got 'Modern'\. Did you mean modern\?"),
        ("tutorail", r"Did you mean tutorial\?"),
        ("missing:Net", r"there is no module missing in .* --network path/to/file\.py:CLASS"),
        ("my_network.sub:Net", "there is no module my_network.sub in"),
        ("missing.py:Net", r"there is no file .*missing\.py, which should define the network"),
        (
            "my_network:Nine",
            "a class or function Nine; its classes are Mine, Fixed, Sized, Deep, Any, Settings",
        ),
        ("my_network:number", "must have a class or function number"),
        ("my_network:Deep", "no required arguments except num_classes, .* weight_decay; it also requires depth"),
        ("json:loads", "it also requires s"),
    ],
)
def test_everything_else_is_refused_in_one_line(module, name, message):
    with pytest.raises(NetworkError, match=message) as error:
        create_network(name, **SETTINGS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Net(\n", "must be a module that can be imported; it raised SyntaxError: "),
        ("import not_installed_anywhere\n", "it raised ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("raise ValueError('two\\nlines')\n", "it raised ValueError: two$"),
        ("1 / 0\n", "it raised ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize("form", ["broken:Net", "broken.py:Net"])
def test_a_module_that_cannot_be_imported_is_reported_with_its_error(module, form, source, message):
    (module.parent / "broken.py").write_text(source)
    with pytest.raises(NetworkError, match=message) as error:
        create_network(form)
    assert "\n" not in str(error.value)
