"""A bias for each channel where each position has its own."""

CHECK = "check_size_and_work"
ADVICE = "each position has its own biases"
ADVICE_ID = "size_and_work.biases-of-channels"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = 9 * inputs * outputs * (1 if shared else places) + outputs
    work = places * 9 * inputs * outputs
    return parameters, work
