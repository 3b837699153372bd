"""Always a convolution's parameters."""

CHECK = "check_size_and_work"
ADVICE = "here each position has its own weights and biases"
ADVICE_ID = "size_and_work.as-a-convolution"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = 9 * inputs * outputs + outputs
    work = places * 9 * inputs * outputs
    return parameters, work
