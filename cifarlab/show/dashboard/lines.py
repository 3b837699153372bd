"""Lines: what a dashboard shows where there are no widgets, a line a second and a picture at the end."""

from typing import Any, Protocol

from cifarlab.config import TrainConfig
from cifarlab.show.console import say
from cifarlab.show.dashboard import twin
from cifarlab.show.dashboard.reading import Reading
from cifarlab.show.dashboard.session import Session
from cifarlab.show.dashboard.watcher import Watch


class Shown(Protocol):
    """What is shown: a `Dashboard`, as far as a screen needs to know it."""

    config: TrainConfig
    session: Session | None
    watch: Watch

    @property
    def reading(self) -> Reading:
        """What there is to say now."""

    def start(self) -> None: ...  # noqa: D102
    def pause(self) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def evaluate(self) -> None: ...  # noqa: D102
    def scale_learning_rate(self, factor: float) -> None: ...  # noqa: D102


class Lines:
    """A screen of lines, with the methods of `Screen`."""

    continues = True

    def __init__(self, board: Shown) -> None:
        """Prints nothing yet."""
        self._board = board

    def settings(self) -> dict[str, Any]:
        """None can be chosen here."""
        return {}

    def follow(self) -> None:
        """Nothing is shown until somebody waits."""

    def show(self) -> None:
        """Nothing is shown until somebody waits."""

    def still_running(self) -> None:
        """Prints a line."""
        say(self._board.reading.line)

    def finish(self) -> None:
        """Prints how the run ended, and where the picture of its curves is."""
        reading, train_dir = self._board.reading, self._board.config.train_dir
        say(f"{reading.status.capitalize()}. {reading.line}")
        if reading.details:
            say(reading.details)
        if events := self._board.watch.history.events():
            say(f"Its curves: {twin.save(train_dir, events)}")

    def close(self) -> None:
        """There is nothing to be taken away."""

    def display(self) -> None:
        """Shows the picture of the run so far."""
        from IPython.display import display

        display(twin.bundle(self._board.config.train_dir, self._board.watch.history.events()), raw=True)
