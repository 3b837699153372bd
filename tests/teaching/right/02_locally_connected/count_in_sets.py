"""Sets of weights and biases, counted."""

CHECK = "check_size_and_work"


def answer(rows, columns, inputs, outputs, shared):
    sets = 1 if shared else rows * columns
    return sets * outputs * (9 * inputs + 1), rows * columns * 9 * inputs * outputs
