"""Adding the biases is counted, too."""

CHECK = "check_size_and_work"
ADVICE = "is not counted, as in lesson 2"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = places * (9 * inputs * outputs + outputs)
    return parameters, work
