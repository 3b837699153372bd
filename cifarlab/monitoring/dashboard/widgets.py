"""DashboardWidgets: shows the status of a dashboard and calls a function for each click, independently of runs."""

import html
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from cifarlab.config import TrainConfig
from cifarlab.data.registry import SOURCES
from cifarlab.monitoring.dashboard.panels import PANELS, WIDTH
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.monitoring.dashboard.status import DashboardStatus
from cifarlab.plotting import figures

STYLE = """<style>
.cifarlab-dashboard dl.cifarlab-readings { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 4px 2px; }
.cifarlab-dashboard dl.cifarlab-readings dt { float: none; width: auto; margin: 0; font-size: 11px; font-weight: normal;
  color: var(--jp-ui-font-color2, #555); }
.cifarlab-dashboard dl.cifarlab-readings dd { float: none; width: auto; margin: 0; font-size: 15px; line-height: 1.2;
  font-variant-numeric: tabular-nums; color: var(--jp-ui-font-color1, #111); }
.cifarlab-dashboard .cifarlab-state { line-height: 1.4; color: var(--jp-ui-font-color1, #111); }
.cifarlab-dashboard .widget-box { gap: 2px 10px; }
.cifarlab-dashboard button:focus-visible { outline: 2px solid var(--jp-brand-color1, #0072B2); outline-offset: 1px; }
.cifarlab-dashboard .cifarlab-panel, .cifarlab-dashboard .cifarlab-panel .widget-html-content { height: auto; }
.cifarlab-dashboard .cifarlab-panel img { max-width: 100%; height: auto; }
body[data-jp-theme-light="false"] .cifarlab-chart img { filter: invert(0.88) hue-rotate(180deg); }
</style>"""
"""Uses the colors of the JupyterLab theme if there is one, and inverts charts in a dark theme."""

TABS = ("Learning", "Network", "Runs")
LABEL = {"description_width": "initial"}


class DashboardWidgets:
    """The widgets of a dashboard.

    Attributes:
        box: contains all widgets, for display.
        buttons: "start", "pause" (also to resume), "stop" and "evaluate".
        settings: the settings of the next run: "dataset", "batch_size" and "max_steps".
        resume: whether to resume from the checkpoint.
        learning_rate_factor: multiplies the learning rate.
        images: the figure of each of `PANELS`, and "several".
        chosen: names of the runs to compare.
    """

    def __init__(self, config: TrainConfig, dataset: str | None, actions: dict[str, Callable[[], None]]) -> None:
        """Creates the widgets.

        Args:
            config: the settings to show at first.
            dataset: name of the only dataset, or None to offer a choice.
            actions: the function of each button, by name; also "rate", called after the learning rate factor was
                moved, and "compare", called after runs were chosen or their tab was opened.
        """
        self._actions = actions
        self._make_settings(config, dataset)
        self._make_buttons()
        self._make_readings()
        self._make_tabs()
        style = ipywidgets.HTML(STYLE, layout={"display": "none"})
        flow = {"flex_flow": "row wrap", "align_items": "center"}
        self.box = ipywidgets.VBox(
            [
                ipywidgets.Box([*self.settings.values(), self.resume], layout=flow),
                ipywidgets.Box([*self.buttons.values(), self.learning_rate_factor], layout=flow),
                ipywidgets.Box([self._progress, self._state], layout=flow),
                self._readings,
                self._tabs,
                style,
            ]
        )
        self.box.add_class("cifarlab-dashboard")
        self._drawn: dict[str, tuple[RunMonitor, int] | None] = {}
        self._seen_tab = TABS[0]
        self._order = list(PANELS)  # the most recently drawn panel is last

    def _make_settings(self, config: TrainConfig, dataset: str | None) -> None:
        names = [dataset] if dataset else list(dict.fromkeys([*SOURCES, config.dataset]))
        self.settings: dict[str, Any] = {
            "dataset": ipywidgets.Dropdown(
                options=names, value=names[0] if dataset else config.dataset, description="dataset", style=LABEL
            ),
            "batch_size": ipywidgets.BoundedIntText(
                config.batch_size, min=1, max=max(8192, config.batch_size), description="batch size", style=LABEL
            ),
            "max_steps": ipywidgets.BoundedIntText(
                config.max_steps, min=0, max=max(10**9, config.max_steps), description="total steps", style=LABEL
            ),
        }
        for setting in self.settings.values():
            setting.layout.width = "190px"
        self.resume = ipywidgets.Checkbox(
            True, description="continue from checkpoint", indent=False, layout={"width": "auto"}
        )
        self._fixed_dataset = bool(dataset)

    def _make_buttons(self) -> None:
        labels = {
            "start": ("Start", "Start or resume training"),
            "pause": ("Pause", "Pause the run before its next step"),
            "stop": ("Stop", "End the run after the current step and save it"),
            "evaluate": ("Evaluate now", "Compute precision at 1 of the current weights on the test images"),
        }
        self.buttons = {}
        for name, (text, tooltip) in labels.items():  # without icons, which would become part of the accessible names
            button = ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})
            button.on_click(lambda _, name=name: self._actions[name]())
            self.buttons[name] = button
        self.learning_rate_factor = ipywidgets.FloatLogSlider(
            1.0,
            base=10,
            min=-3,
            max=1,
            step=0.1,
            description="learning rate times",
            tooltip="Multiply the schedule's learning rate, starting with the next step",
            continuous_update=False,
            readout_format=".3g",
            style=LABEL,
            layout={"width": "320px"},
        )
        self.learning_rate_factor.add_class("cifarlab-factor")
        self.learning_rate_factor.observe(lambda _: self._actions["rate"](), names="value")

    def _make_readings(self) -> None:
        self._progress = ipywidgets.IntProgress(0, 0, 1, layout={"width": "190px"}, tooltip="progress in steps")
        self._state = ipywidgets.HTML(layout={"flex": "1 1 300px", "min_width": "0"})
        self._readings = ipywidgets.HTML()

    def _make_tabs(self) -> None:
        self.images: dict[str, ipywidgets.HTML] = {}
        columns: dict[str, list[ipywidgets.DOMWidget]] = {tab: [] for tab in TABS}
        for name, panel in PANELS.items():
            columns[panel.tab].append(self._image(name, chart=not panel.is_photo, width=WIDTH))
        self.chosen = ipywidgets.SelectMultiple(description="runs", rows=4, style=LABEL, layout={"max_width": "100%"})
        self.chosen.observe(lambda _: self._actions["compare"](), names="value")
        several = self._image("several", chart=True, width=2 * WIDTH)
        columns["Runs"] = [self.chosen, several]
        wrap = {"flex_flow": "row wrap", "align_items": "flex-start"}
        boxes = [ipywidgets.Box(column, layout=wrap) for column in columns.values()]
        self._tabs = ipywidgets.Tab(boxes, titles=TABS, selected_index=0)
        self._tabs.observe(lambda _: self._actions["compare"](), names="selected_index")

    def _image(self, name: str, *, chart: bool, width: float) -> ipywidgets.HTML:
        """Returns an HTML widget: `ipywidgets.Image` has no alternative text, and its tooltip raises (8.1.9)."""
        image = ipywidgets.HTML(layout={"width": f"{width * figures.DOTS_PER_INCH:.0f}px", "max_width": "100%"})
        for kind in ("", f"-{name}"):
            image.add_class(f"cifarlab-panel{kind}")
        if chart:
            image.add_class("cifarlab-chart")
        self.images[name] = image
        return image

    def set_image(self, name: str, figure: Figure, alt: str) -> None:
        """Shows a figure in the panel of this name, with alternative text."""
        self.images[name].value = figures.html_image(figure, alt)

    @property
    def tab_is_new(self) -> bool:
        """Returns whether another tab was opened since the last drawing."""
        return TABS[self._tabs.selected_index or 0] != self._seen_tab

    @property
    def comparing(self) -> bool:
        """Returns whether the tab that compares runs is open."""
        return TABS[self._tabs.selected_index or 0] == "Runs"

    def show(self, status: DashboardStatus) -> None:
        """Shows a status; only changes are sent to the browser."""
        idle = status.phase in ("ready", "ended", "failed")
        for setting in [*self.settings.values(), self.resume]:
            setting.disabled = not idle
        self.settings["dataset"].disabled |= self._fixed_dataset
        self.resume.disabled |= not status.can_resume
        self.buttons["start"].disabled = not idle or status.evaluating
        self.buttons["pause"].disabled = status.phase not in ("running", "paused", "starting")
        self.buttons["pause"].description = "Resume" if status.phase == "paused" else "Pause"
        self.learning_rate_factor.disabled = status.phase not in ("running", "paused")
        self.buttons["stop"].disabled = idle or status.phase == "stopping"
        self.buttons["evaluate"].disabled = status.evaluating or status.phase in ("ready", "starting", "failed")
        self._progress.max, self._progress.value = status.max_steps, status.steps_done
        self._state.value = _state(status)
        self._readings.value = _readings(status.numbers)

    def draw(self, monitor: RunMonitor, *, everything: bool = False) -> None:
        """Draws the open tab's panel that has been out of date the longest, or all its panels if it was just opened.

        Args:
            monitor: the recorded events of a run; for a new monitor, all panels are out of date.
            everything: draws all panels that are out of date, in all tabs.
        """
        counts = {name: panel.version(monitor) for name, panel in PANELS.items()}
        # All empty panels look the same, so an empty panel of a new run is not drawn again.
        versions = {name: (monitor, count) if count else None for name, count in counts.items()}
        stale = [name for name in PANELS if name not in self._drawn or self._drawn[name] != versions[name]]
        if not everything:
            tab = TABS[self._tabs.selected_index or 0]
            count, self._seen_tab = 1 if tab == self._seen_tab else len(PANELS), tab
            stale = sorted((name for name in stale if PANELS[name].tab == tab), key=self._order.index)[:count]
        for name in stale:
            self.set_image(name, PANELS[name].draw(monitor), PANELS[name].alt)
            self._drawn[name] = versions[name]
            self._order.remove(name)
            self._order.append(name)

    def close(self) -> None:
        """Closes all widgets; closing only the box would keep the widgets in it, and their data, in memory."""
        waiting: list[Any] = [self.box]
        for widget in waiting:  # the list grows in this loop
            waiting += getattr(widget, "children", ())
            widget.close()

    def set_runs(self, runs: Iterable[str]) -> None:
        """Offers runs to compare; keeps the selection."""
        runs, chosen = tuple(runs), self.chosen.value
        if runs != self.chosen.options:
            self.chosen.options = runs
            self.chosen.value = tuple(name for name in chosen if name in runs)


def _state(status: DashboardStatus) -> str:
    evaluating = " Evaluating." if status.evaluating else ""
    more = f"<details><summary>where</summary><pre>{html.escape(status.details)}</pre></details>"
    return (
        f'<div class="cifarlab-state" data-status="{status.phase}"><strong role="status">'
        f"{status.phase.capitalize()}.{evaluating}</strong> {html.escape(status.message)}"
        f"{more if status.details else ''}</div>"
    )


def _readings(values: Iterable[tuple[str, str]]) -> str:
    pairs = "".join(f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>" for name, text in values)
    return f'<dl class="cifarlab-readings">{pairs}</dl>'
