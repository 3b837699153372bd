"""`TF_CONFIG` in the forms that Kubeflow, Vertex AI and SageMaker write, and in those that people write."""

import json

import pytest

from cifarlab.config import ConfigError, TrainConfig
from cifarlab.training.strategies import connection, strategy
from cifarlab.training.strategies.tf_config import TF_CONFIG_EXAMPLE, Worker, parse_tf_config

TWO, THREE = ("a:1", "b:2"), ("c:9", "a:1", "b:2")


def text(cluster, kind, index, **more):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, **more})


@pytest.mark.parametrize(
    ("settings", "worker"),
    [
        (text({"worker": TWO}, "worker", 0), Worker(0, TWO)),
        (text({"worker": TWO}, "worker", 1), Worker(1, TWO)),
        (text({"worker": TWO}, "worker", "1"), Worker(1, TWO)),
        # Kubeflow: a chief is the first process, so that the workers' indices move by one.
        (text({"chief": ["c:9"], "worker": TWO}, "chief", 0, environment="cloud"), Worker(0, THREE)),
        (text({"chief": ["c:9"], "worker": TWO}, "worker", 0, environment="cloud"), Worker(1, THREE)),
        (text({"worker": TWO, "chief": ["c:9"]}, "worker", 1), Worker(2, THREE)),
        (text({"chief": ["c:9"], "worker": TWO, "ps": ["p:1"], "evaluator": ["e:1"]}, "worker", 1), Worker(2, THREE)),
        # SageMaker and the older AI Platform (tensorflow/tensorflow#27058).
        (text({"master": ["c:9"], "worker": TWO, "ps": ["c:3"]}, "master", 0), Worker(0, THREE)),
        (text({"master": ["c:9"], "worker": TWO}, "worker", 1), Worker(2, THREE)),
        # Vertex AI adds a job and, to the task, a trial.
        (
            json.dumps(
                {
                    "cluster": {"chief": ["c:9"], "worker": ["a:1", "b:2"]},
                    "environment": "cloud",
                    "task": {"type": "chief", "index": 0, "trial": "3", "cloud": "x"},
                    "job": '{"python_module": ""}',
                }
            ),
            Worker(0, THREE),
        ),
        (text({"chief": ["c:9"]}, "chief", 0), Worker(0, ("c:9",))),
        (text({"worker": ["a:1"], "ps": None, "chief": []}, "worker", 0), Worker(0, ("a:1",))),
        (text({"worker": ["[::1]:70", "10.0.0.1:65535"]}, "worker", 1), Worker(1, ("[::1]:70", "10.0.0.1:65535"))),
    ],
)
def test_a_process_that_trains_finds_its_place(settings, worker):
    assert parse_tf_config(settings) == worker


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (None, "got nothing."),
        ("", "got nothing."),
        ("{", "(it must be JSON, with double quotes)."),
        ("{'cluster': {}}", "(it must be JSON, with double quotes)."),
        ("tf_config.json", '(it must contain the JSON text itself, as from export TF_CONFIG="$(cat tf_config.json)").'),
        ("[]", "(it must be a JSON object)."),
        (json.dumps("{}"), "(it must be a JSON object)."),
        ("{}", '("cluster" and "task" must be objects).'),
        # kubeflow/trainer#1763
        ('{"sparseCluster": {"worker": {}, "ps": []}, "task": {"type": "chief"}}', '("cluster" and "task" must be'),
        ('{"cluster": {"worker": ["a:1"]}}', '("cluster" and "task" must be objects).'),
        ('{"cluster": null, "task": {}}', '("cluster" and "task" must be objects).'),
        (text({}, "worker", 0), "(it lists no workers; to train in one process, omit --strategy multi-worker)."),
        (text({"ps": ["p:1"]}, "worker", 0), "(it lists no workers;"),
        (text({"worker": TWO}, "worker", 2), "(it lists 2 of the type worker, so there is none with index 2)."),
        (text({"worker": TWO}, "chief", 0), "(it lists 0 of the type chief, so there is none with index 0)."),
        (text({"worker": TWO}, "worker", -1), '(the index of "task" must be 0 or more, not -1).'),
        (text({"worker": TWO}, "worker", None), '(the index of "task" must be 0 or more, not null).'),
        (text({"worker": TWO}, "worker", True), '(the index of "task" must be 0 or more, not true).'),
        (text({"worker": TWO}, "worker", "x"), '(the index of "task" must be 0 or more, not "x").'),
        (text({"worker": TWO}, "Worker", 0), '(the type of "task" must be worker or chief, not "Worker").'),
        (text({"worker": TWO}, None, 0), '(the type of "task" must be worker or chief, not null).'),
        (text({"worker": TWO}, ["worker"], 0), '(the type of "task" must be worker or chief, not ["worker"]).'),
        (text({"worker": "a:1"}, "worker", 0), '("worker" must be a list of addresses).'),
        (text({"worker": {"0": "a:1"}}, "worker", 0), '("worker" must be a list of addresses).'),
        (text({"worker": ["a"]}, "worker", 0), '(an address must be host:port, not "a").'),
        (text({"worker": ["a:0"]}, "worker", 0), '(an address must be host:port, not "a:0").'),
        (text({"worker": ["a:70000"]}, "worker", 0), '(an address must be host:port, not "a:70000").'),
        (text({"worker": ["grpc://a:1"]}, "worker", 0), '(an address must be host:port, not "grpc://a:1").'),
        (text({"worker": [""]}, "worker", 0), '(an address must be host:port, not "").'),
        (text({"worker": [7]}, "worker", 0), "(an address must be host:port, not 7)."),
        (text({"worker": ["a:1", "a:1"]}, "worker", 0), "(it lists an address twice)."),
        (text({"chief": ["c:9", "d:9"], "worker": TWO}, "worker", 0), "(it lists 2 chiefs; at most 1 is possible)."),
    ],
)
def test_an_invalid_value_is_refused_with_the_reason(settings, problem):
    with pytest.raises(ConfigError, match="TF_CONFIG must list all workers and the index of this one") as error:
        parse_tf_config(settings)
    message = str(error.value)
    assert TF_CONFIG_EXAMPLE in message
    assert problem in message
    assert settings is None or settings in message


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "ps",
            "TF_CONFIG makes this process ps 0: cifarlab uses no parameter servers, so this process has nothing to do. "
            "Run the job without them.",
        ),
        (
            "evaluator",
            "TF_CONFIG makes this process evaluator 0: an evaluator does not train. Run `cifarlab eval "
            "--checkpoint-dir ...` in this process instead.",
        ),
    ],
)
def test_other_tasks_are_refused(kind, message):
    with pytest.raises(ConfigError) as error:
        parse_tf_config(text({"worker": TWO, kind: ["e:1"]}, kind, 0))
    assert str(error.value) == message


@pytest.mark.parametrize("kind", ["chief", "master", "worker"])
def test_a_cluster_of_one_process_is_ordinary_training(monkeypatch, kind):
    """No port is opened, not even one that does not exist on this machine."""
    monkeypatch.setenv("TF_CONFIG", text({kind: ["192.0.2.1:80"]}, kind, 0))
    monkeypatch.setattr(connection.socket, "socket", lambda: 1 / 0)
    config = TrainConfig(strategy="multi-worker")
    strategy.check_tf_config(config)
    assert isinstance(strategy.make_strategy(config), strategy.OneDevice)
