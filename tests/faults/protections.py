"""What is taken out of the package to see each row of the table fail: a test that has never failed proves nothing.

`make proofs` (tools/take_out.py) copies the checkout, takes one protection out of the copy, runs the row's tests there
and wants them to fail. `test_protections.py` sees that every row has a protection and that its text is still there.
"""

from typing import NamedTuple


class Protection(NamedTuple):
    """One protection of one row.

    Attributes:
        claim: the row's claim.
        how: the row's way to break it.
        words: what is taken out, for the table.
        file: where it is, from the checkout's top.
        text: what stands there, once.
        instead: what stands there without the protection.
    """

    claim: str
    how: str
    words: str
    file: str
    text: str
    instead: str


PROTECTIONS = [
    Protection(
        "exact resume",
        "killed with SIGKILL at random moments, every other time in a checkpoint",
        "going on at the step's batch",
        "cifarlab/training/loop.py",
        "                first_step=first_step,\n",
        "                first_step=0,\n",
    ),
    Protection(
        "exact resume",
        "killed between saving a checkpoint and naming it, or logging it",
        "adding what was not noted",
        "cifarlab/training/runlog.py",
        "        if checkpoint and not saved:\n",
        "        if False:\n",
    ),
    Protection(
        "exact resume",
        "gone on with at step 100,000",
        "skipping within one epoch",
        "cifarlab/data/pipeline.py",
        '    first_epoch, skip = divmod(first_record, dataset.num_examples("train"))\n',
        "    first_epoch, skip = 0, first_record\n",
    ),
    Protection(
        "exact resume",
        "a description of its pictures or settings torn by a kill",
        "writing beside and renaming",
        "cifarlab/files.py",
        '    beside = path.with_name(path.name + ".part")\n',
        "    beside = path\n",
    ),
    Protection(
        "checkpoints",
        "the newest one torn, with a bit flipped, empty or missing a file",
        "passing over what cannot be read",
        "cifarlab/training/checkpoints.py",
        "            except _UNREADABLE as error:\n                self.warnings",
        "            except KeyError as error:\n                self.warnings",
    ),
    Protection(
        "checkpoints",
        "TensorFlow's index of them torn, empty or gone",
        "writing the index anew",
        "cifarlab/training/checkpoints.py",
        "        _mend_index(Path(folder))\n",
        "",
    ),
    Protection(
        "checkpoints",
        "the newest one is of another network",
        "taking a checkpoint of other variables for unreadable",
        "cifarlab/training/checkpoints.py",
        "_UNREADABLE = (*_DAMAGED, ValueError, AssertionError)\n",
        "_UNREADABLE = _DAMAGED\n",
    ),
    Protection(
        "checkpoints",
        "the disk is full, a real one of 30 MB",
        "saying what is missing",
        "cifarlab/training/checkpoints.py",
        "{_room(folder, self.state)}",
        "",
    ),
    Protection(
        "checkpoints",
        "the disk is full, by an ENOSPC put in",
        "making one line of it",
        "cifarlab/training/checkpoints.py",
        "        except (tf.errors.OpError, OSError) as error:\n            folder",
        "        except KeyError as error:\n            folder",
    ),
    Protection(
        "checkpoints",
        "the disk is full when the run's log is written",
        "making one line of it",
        "cifarlab/training/runlog.py",
        "        except OSError as error:\n",
        "        except KeyError as error:\n",
    ),
    Protection(
        "checkpoints",
        "they vanish while they are evaluated",
        "looking again when newer ones have come",
        "cifarlab/training/checkpoints.py",
        "        if reasons and newest == newest_checkpoint(folder):",
        "        if True:",
    ),
    Protection(
        "checkpoints",
        "the newest one is torn while an evaluator watches",
        "evaluating the newest that can be read",
        "cifarlab/training/checkpoints.py",
        "        for path in reversed(_saved(Path(folder))):\n",
        "        for path in _saved(Path(folder))[-1:]:\n",
    ),
    Protection(
        "checkpoints",
        "two trainers in one folder, and one that died there",
        "the lock",
        "cifarlab/training/checkpoints.py",
        "        lock.acquire(timeout=0)\n",
        "        pass\n",
    ),
    Protection(
        "numbers",
        "a loss or gradient that is not a number or infinite, in each place",
        "the finite flag in the graph",
        "cifarlab/training/step.py",
        "    first = tf.logical_and(tf.logical_not(finite), state.first_bad_step < 0)\n",
        "    first = tf.constant(False)\n",
    ),
    Protection(
        "numbers",
        "a rate so high that the weights overflow, steered while it runs",
        "steering the replay as the run was steered",
        "cifarlab/training/loop.py",
        "            self.replay.steered(self.step, factor)\n",
        "",
    ),
    Protection(
        "numbers",
        "numbers that are finite when the step is taken again",
        "saying so",
        "cifarlab/training/loop.py",
        "        if not place:\n",
        "        if False:\n",
    ),
    Protection(
        "numbers",
        "in towers, in replicas and with mixed pictures",
        "going back to the last checkpoint before the replay",
        "cifarlab/training/replay.py",
        "            variable.assign(value)\n",
        "            pass\n",
    ),
]
