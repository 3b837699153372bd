import json

from cifarlab.training.run_log import RunLog, read_log


def test_lines_are_json_and_can_be_read_back(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 0, losses={"total_loss": 4.68}, learning_rate=0.1)
    log.append("checkpoint", 0, path="model.ckpt-0")
    assert [json.loads(line)["event"] for line in log.path.read_text().splitlines()] == ["step", "checkpoint"]
    assert next(read_log(tmp_path))["losses"] == {"total_loss": 4.68}


def test_rewind_removes_lines_after_the_checkpoint(tmp_path):
    log = RunLog(tmp_path)
    for step in range(0, 60, 10):
        if step == 30:
            log.append("checkpoint", 30)
        log.append("step", step)
    log.rewind(30)
    log.append("step", 30)
    events = [(line["event"], line["step"]) for line in read_log(log.path)]
    assert events == [("step", 0), ("step", 10), ("step", 20), ("checkpoint", 30), ("step", 30)]


def test_rewind_keeps_evaluations_of_earlier_steps(tmp_path):
    log = RunLog(tmp_path)
    log.append("checkpoint", 30)
    log.append("evaluation", 30, raw=0.5)
    log.append("step", 30)
    log.append("evaluation", 31, raw=0.6)
    log.rewind(30)
    assert [(line["event"], line["step"]) for line in read_log(log.path)] == [("checkpoint", 30), ("evaluation", 30)]


def test_rewind_to_step_0_empties_the_log(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 0)
    log.rewind(0)
    assert list(read_log(tmp_path)) == []


def test_nan_becomes_null(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 1, losses={"a": float("nan")}, x=float("inf"))
    line = json.loads(log.path.read_text(), parse_constant=lambda name: 1 / 0)
    assert line == {"event": "step", "step": 1, "losses": {"a": None}, "x": None}


def test_an_incomplete_line_is_skipped(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 1)
    with log.path.open("a") as file:
        file.write('{"event": "step", "ste')
    assert [line["step"] for line in read_log(tmp_path)] == [1]
    log.rewind(5)
    log.append("step", 2)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]


def test_rewind_accepts_a_missing_log(tmp_path):
    RunLog(tmp_path).rewind(3)
    assert not list(tmp_path.iterdir())
