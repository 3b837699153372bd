import json

from cifarlab.training.run_log import RunLog, read_log


def test_lines_are_json_and_come_back(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 0, losses={"total_loss": 4.68}, learning_rate=0.1)
    log.append("checkpoint", 0, path="model.ckpt-0")
    assert [json.loads(line)["event"] for line in log.path.read_text().splitlines()] == ["step", "checkpoint"]
    assert next(read_log(tmp_path))["losses"] == {"total_loss": 4.68}


def test_going_on_takes_out_what_came_after_the_checkpoint(tmp_path):
    log = RunLog(tmp_path)
    for step in range(0, 60, 10):
        if step == 30:
            log.append("checkpoint", 30)
        log.append("step", step)
    log.rewind(30)
    log.append("step", 30)
    events = [(line["event"], line["step"]) for line in read_log(log.path)]
    assert events == [("step", 0), ("step", 10), ("step", 20), ("checkpoint", 30), ("step", 30)]


def test_going_on_keeps_evaluations_of_what_the_checkpoint_holds(tmp_path):
    log = RunLog(tmp_path)
    log.append("checkpoint", 30)
    log.append("evaluation", 30, raw=0.5)
    log.append("step", 30)
    log.append("evaluation", 31, raw=0.6)
    log.rewind(30)
    assert [(line["event"], line["step"]) for line in read_log(log.path)] == [("checkpoint", 30), ("evaluation", 30)]


def test_a_run_that_starts_anew_starts_its_log_anew(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 0)
    log.rewind(0)
    assert list(read_log(tmp_path)) == []


def test_what_is_not_a_number_becomes_null(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 1, losses={"a": float("nan")}, x=float("inf"))
    line = json.loads(log.path.read_text(), parse_constant=lambda name: 1 / 0)
    assert line == {"event": "step", "step": 1, "losses": {"a": None}, "x": None}


def test_a_torn_line_is_passed_over(tmp_path):
    log = RunLog(tmp_path)
    log.append("step", 1)
    with log.path.open("a") as file:
        file.write('{"event": "step", "ste')
    assert [line["step"] for line in read_log(tmp_path)] == [1]
    log.rewind(5)
    log.append("step", 2)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]


def test_a_log_that_is_not_there_yet_needs_no_rewinding(tmp_path):
    RunLog(tmp_path).rewind(3)
    assert not list(tmp_path.iterdir())
