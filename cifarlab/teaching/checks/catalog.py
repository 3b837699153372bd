"""A catalog of all advice that checks can give, read from their source, so that no second list can become stale."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cifarlab import files

LESSONS = {
    "softmax": ("03_loss_and_learning_rate", "Two parts"),
    "probabilities": ("02_inference_graph", "Nine stages"),
    "smallest_loss": ("03_loss_and_learning_rate", "Two parts"),
    "gradients": ("03_loss_and_learning_rate", "Two parts"),
    "locally_connected": ("02_inference_graph", "The program as a template: a deeper network"),
    "local_layer": ("02_inference_graph", "The program as a template: a deeper network"),
    "local_network": ("02_inference_graph", "The program as a template: a deeper network"),
    "size_and_work": ("02_inference_graph", "Where does the time go?"),
    "unevenness": ("01_inputs", "The shuffle queue"),
    "shuffled": ("01_inputs", "The shuffle queue"),
    "smallest_fraction": ("01_inputs", "The shuffle queue"),
    "queue_megabytes": ("01_inputs", "A record is 3,073 bytes"),
    "first_batch_delay": ("01_inputs", "The shuffle queue"),
    "averages": ("05_evaluation", "What a moving average of the weights is"),
    "evaluate_both": ("05_evaluation", "Precision @ 1, exactly"),
    "difference": ("05_evaluation", "A short run, and what each average is worth along it"),
    "shares": ("06_multi_gpu", "Two towers by hand"),
    "mean_gradients": ("06_multi_gpu", "Two towers by hand"),
    "tower_gradients": ("06_multi_gpu", "A bug that looks like a success"),
    "decay_steps": ("06_multi_gpu", "A bug that shows up after the last published step"),
    "read_digits": ("01_inputs", "A record is 3,073 bytes"),
    "negative": ("07_your_own_data", "What may be distorted?"),
    "digits_network": ("02_inference_graph", "The program as a template: a deeper network"),
    "recognize": ("05_evaluation", "Precision @ 1, exactly"),
}
"""The lesson to reread, and its section, by the check's name."""

ANY = "any"
"""Stands in for the check's name in advice that every check gives, such as "any.timeout"."""

_BASE = ("examiner", "student_calls")
"""The modules with the advice that every check gives."""

_VARYING = "…"

_Place = tuple[str, str]  # a module and a name in it


class Entry(NamedTuple):
    """A piece of advice.

    Attributes:
        id: its stable name, such as "softmax.wrong-axis".
        words: what a student reads; what depends on the answer is replaced with an ellipsis.
        exercise: the number of the exercise; 0 if every check gives this advice.
    """

    id: str
    words: str
    exercise: int

    @property
    def check(self) -> str:
        """The check's name."""
        return self.id.split(".")[0]


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Returns all advice, by exercise and check in the order of their source, and then what every check gives.

    >>> [entry.words for entry in entries() if entry.id == "softmax.still-logits"]
    ['these are still the logits.']
    """
    found: dict[tuple[str, str], Entry] = {}
    source = _Source()
    for place, check in source.checks():
        for advice_id, words in source.reachable_advice(place):
            entry = Entry(f"{check}.{advice_id}", words, int(place[0][2:4]))
            found.setdefault(entry[:2], entry)
    for module in _BASE:
        for advice_id, words in source.advice(module, source.trees[module]):
            entry = Entry(f"{ANY}.{advice_id}", words, 0)
            found.setdefault(entry[:2], entry)
    return tuple(found.values())


def find(advice_id: str) -> Entry | None:
    """Returns the entry of an id; None if there is none.

    >>> find("softmax.timeout").id, find("softmax.unheard-of")
    ('any.timeout', None)
    """
    by_id = {entry.id: entry for entry in entries()}
    check, _, name = advice_id.partition(".")
    return by_id.get(advice_id) or (by_id.get(f"{ANY}.{name}") if check in LESSONS else None)


def words_of(advice_id: str) -> str:
    """Returns what a student reads, with the name of the check's function where the advice begins with that.

    >>> words_of("queue_megabytes.other")[:30]
    'queue_megabytes: not correct. '
    >>> words_of("softmax.not-written")
    'softmax is not written yet. Replace `raise NotImplementedError()` with your code.'
    >>> words_of("softmax.unheard-of")
    'unknown advice, from another version of cifarlab.'
    """
    entry = find(advice_id)
    if entry is None:
        return "unknown advice, from another version of cifarlab."
    check, _, name = advice_id.partition(".")
    if check == ANY or name.startswith("uses-"):  # the latter names another function
        return entry.words
    return re.sub(rf"^{_VARYING}(?={'[ :]' if entry.check == ANY else ':'})", check, entry.words)


class _Source:
    """The parsed modules of the checks."""

    def __init__(self) -> None:
        paths = [path for path in files.entries(Path(__file__).parent) if path.suffix == ".py"]
        self.trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
        self.names: dict[_Place, _Place] = {}  # where what a module calls by a name is defined
        self.definitions: dict[_Place, ast.stmt] = {}
        for module, tree in self.trees.items():
            for node in tree.body:
                for name in _defined(node):
                    self.definitions[module, name] = node
                    self.names[module, name] = module, name
                if isinstance(node, ast.ImportFrom) and node.module:
                    home = node.module.rpartition(".")[2]
                    self.names |= {(module, alias.name): (home, alias.name) for alias in node.names}

    def checks(self) -> Iterator[tuple[_Place, str]]:
        """Yields the place of each check, and the name that it passes to its examiner."""
        for place, node in self.definitions.items():
            for call in _calls(node) if place[1].startswith("check_") else ():
                if _called(call) == "Examiner" and isinstance(call.args[0], ast.Constant):
                    yield place, str(call.args[0].value)

    def reachable_advice(self, start: _Place) -> Iterator[tuple[str, str]]:
        """Yields the ids and words of the advice in a check and in whatever it uses."""
        waiting, seen = [start], {start}
        while waiting:
            module, name = waiting.pop(0)
            node = self.definitions[module, name]
            yield from self.advice(module, node)
            used = (self.names.get((module, each.id)) for each in ast.walk(node) if isinstance(each, ast.Name))
            for place in used:
                if place in self.definitions and place not in seen and place[0] not in (*_BASE, "result"):
                    seen.add(place)
                    waiting.append(place)

    def advice(self, module: str, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Yields the ids and words of the advice that is written in a part of a module."""
        for call in _calls(node):
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            if _called(call) in ("Advice", "fail") and len(call.args) > 1:
                advice_id, words = call.args[:2]
            elif _called(call) == "CheckFailedError" and "advice_id" in named:
                advice_id, words = named["advice_id"], call.args[0]
            else:
                continue
            if isinstance(advice_id, ast.Constant):
                text = re.sub(rf"({{}}|{_VARYING})+", _VARYING, self._words(module, words)).strip()
                if str(advice_id.value).startswith("other"):  # `Examiner.assert_close` begins these messages
                    text = f"{_VARYING}: not correct. {text[:1].upper()}{text[1:]}"
                if text.strip(_VARYING):
                    yield str(advice_id.value), text

    def _words(self, module: str, node: ast.expr) -> str:
        """Returns the text of an expression, with an ellipsis in place of what is known only when it runs."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._words(module, part) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            value, spec = self._value(module, node.value), node.format_spec
            if isinstance(value, ast.Constant) and isinstance(spec, ast.JoinedStr):
                return format(value.value, self._words(module, spec))
            return self._words(module, value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._words(module, node.left) + self._words(module, node.right)
        if isinstance(node, ast.Attribute) and node.attr == "words":  # of an advice with a name
            return self._words(module, node.value)
        if isinstance(node, ast.Call) and _called(node) == "capitalize":
            return self._words(module, node.func.value)  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and _called(node) == "Advice":
            return self._words(module, node.args[1])
        value = self._value(module, node)
        return _VARYING if value is node else self._words(module, value)

    def _value(self, module: str, node: ast.expr) -> ast.expr:
        """Returns the expression that a module assigns to a name; any other expression as it is."""
        definition = self.definitions.get((module, node.id)) if isinstance(node, ast.Name) else None
        return definition.value if isinstance(definition, ast.Assign) else node


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    return (
        [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
    )


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yields the calls in a part of a module, in the order of its lines."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    yield from sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
