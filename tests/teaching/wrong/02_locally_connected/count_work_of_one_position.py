"""Each weight once, also in a convolution."""

CHECK = "check_size_and_work"
ADVICE = "count all positions"
ADVICE_ID = "size_and_work.work-of-one-position"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = 9 * inputs * outputs * (1 if shared else places)
    return parameters, work
