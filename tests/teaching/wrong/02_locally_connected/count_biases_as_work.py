"""Counts the addition of the biases too."""

CHECK = "check_size_and_work"
ADVICE = "do not count the addition of the biases"
ADVICE_ID = "size_and_work.biases-counted"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = places * (9 * inputs * outputs + outputs)
    return parameters, work
