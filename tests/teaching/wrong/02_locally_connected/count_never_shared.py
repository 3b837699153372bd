"""Always a locally connected layer's parameters."""

CHECK = "check_size_and_work"
ADVICE = "all positions share the weights"
ADVICE_ID = "size_and_work.as-locally-connected"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = places * (9 * inputs * outputs + outputs)
    work = places * 9 * inputs * outputs
    return parameters, work
