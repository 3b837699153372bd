import os
import signal
import threading

import pytest

from cifarlab.training.control import Control, stop_on_interrupt


def test_a_paused_run_waits_until_it_is_resumed():
    control, passed = Control(), threading.Event()
    control.pause()
    waiter = threading.Thread(target=lambda: (control.wait_while_paused(), passed.set()))
    waiter.start()
    assert not passed.wait(0.1)
    control.resume()
    assert passed.wait(5)
    waiter.join()


def test_stopping_frees_a_paused_run():
    control = Control()
    control.pause()
    control.stop()
    control.wait_while_paused()
    assert control.stop_requested


def test_wait_while_paused_returns_for_a_pending_call():
    control, look = Control(), lambda state: None
    control.pause()
    threading.Timer(0.1, control.call_between_steps, [look]).start()
    assert control.wait_while_paused()
    assert control.pop_pending_calls() == [look]
    assert control.pop_pending_calls() == []
    threading.Timer(0.1, control.resume).start()
    assert not control.wait_while_paused()


def test_a_stopping_run_cannot_be_paused():
    control = Control()
    control.stop()
    control.pause()
    assert not control.paused


def test_a_new_learning_rate_is_applied_once():
    control = Control()
    assert control.pop_learning_rate_factor() is None
    control.scale_learning_rate(0.1)
    control.scale_learning_rate(0.5)
    assert control.pop_learning_rate_factor() == 0.5
    assert control.pop_learning_rate_factor() is None


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_an_impossible_learning_rate_is_refused(factor):
    with pytest.raises(ValueError, match="above zero"):
        Control().scale_learning_rate(factor)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_requests_a_stop_and_a_second_one_interrupts(number):
    control, before = Control(), signal.getsignal(number)
    with stop_on_interrupt(control) as interrupted:
        os.kill(os.getpid(), number)
        assert control.stop_requested
        assert control.stop_signal == number
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_lost_terminal_requests_a_stop_however_often_it_says_so():
    """The system and the shell both send SIGHUP, and a session manager SIGTERM as well (borgbackup/borg#1593)."""
    control, before = Control(), signal.getsignal(signal.SIGHUP)
    with stop_on_interrupt(control) as interrupted:
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        assert control.stop_requested
        assert interrupted.is_set()
        assert control.stop_signal == signal.SIGHUP
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGHUP) is before


def test_an_ignored_hangup_stays_ignored():
    """As `nohup` asks."""
    control, before = Control(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_interrupt(control) as interrupted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not control.stop_requested
            assert not interrupted.is_set()
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_changes_no_signal_handler():
    before, errors = signal.getsignal(signal.SIGINT), []

    def body():
        try:
            with stop_on_interrupt(Control()):
                assert signal.getsignal(signal.SIGINT) is before
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert not errors
