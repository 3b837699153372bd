"""The biases are forgotten."""

CHECK = "check_size_and_work"
ADVICE = "each output channel has one, and without"
ADVICE_ID = "size_and_work.no-biases"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = 9 * inputs * outputs * (1 if shared else places)
    work = places * 9 * inputs * outputs
    return parameters, work
