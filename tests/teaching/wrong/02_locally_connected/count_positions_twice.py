"""All weights at all positions, as for a convolution."""

CHECK = "check_size_and_work"
ADVICE = "used at one position only"
ADVICE_ID = "size_and_work.positions-counted-twice"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = places * 9 * inputs * outputs * (1 if shared else places)
    return parameters, work
