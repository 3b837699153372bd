"""Makes the network itself return probabilities."""

from cifarlab.backend import tf

CHECK = "check_probabilities"
ADVICE = "changed what the network computes"
ADVICE_ID = "probabilities.stages-changed"


def answer(net, images):
    stages = net.stages
    net.stages = lambda values: (tf.nn.softmax(stages(values)[-1]),)
    return net(images)
