import urllib.error

import pytest

from cifarlab.backend import tf
from cifarlab.demos.tensorboard import TensorBoard
from cifarlab.errors import UserError

pytestmark = pytest.mark.slow


@pytest.mark.full
def test_it_starts_finds_a_run_and_ends(tmp_path):
    board = TensorBoard(tmp_path)
    with tf.summary.create_file_writer(str(tmp_path / "first")).as_default(step=3):
        tf.summary.scalar("total_loss", 4.68)
    assert board.address.startswith("http://127.0.0.1:")
    assert board.scalars("first", "total_loss", until=3) == [(3, pytest.approx(4.68))]
    assert board.ask("data/runs") == ["first"]
    assert "total_loss" in board.ask("data/plugin/scalars/tags")["first"]
    board.stop()
    with pytest.raises(urllib.error.URLError):
        board.ask("data/runs")
    board.stop()


@pytest.mark.full
def test_a_missing_step_is_reported_after_the_timeout(tmp_path):
    board = TensorBoard(tmp_path)
    assert board.address
    board._timeout = 0.3
    with pytest.raises(UserError, match=r"did not show total_loss of first up to step 9 within 0\.3 s"):
        board.scalars("first", "total_loss", until=9)
    board.stop()


def test_the_output_of_a_failed_start_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("cifarlab.demos.tensorboard.MODULE", "json.tool")
    board = TensorBoard(tmp_path)
    with pytest.raises(UserError, match=r"Its output: .*unrecognized arguments|usage"):
        _ = board.address
    board.stop()
