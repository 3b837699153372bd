"""Not a ConvNet, so other code does not accept it."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_network"
ADVICE = "derived from cifarlab.ConvNet"
ADVICE_ID = "local_network.not-a-network"


class LocalModule(tf.Module):
    def __init__(self, seed=0):
        super().__init__(name="locally_connected")
        self.conv1 = network.Layer("conv1", [5, 5, 3, 64], stddev=0.05, seed=seed)


answer = LocalModule
