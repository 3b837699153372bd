"""Multiplications and additions counted separately."""

CHECK = "check_size_and_work"
ADVICE = "the addition after it as one"
ADVICE_ID = "size_and_work.additions-counted"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = 2 * places * 9 * inputs * outputs
    return parameters, work
