"""A bias for each position in a convolution."""

CHECK = "check_size_and_work"
ADVICE = "a convolution has one bias"
ADVICE_ID = "size_and_work.biases-of-positions"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = 9 * inputs * outputs * (1 if shared else places) + places * outputs
    work = places * 9 * inputs * outputs
    return parameters, work
