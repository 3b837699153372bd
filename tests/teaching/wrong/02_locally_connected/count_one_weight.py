"""One weight per pair of channels instead of 3 x 3."""

CHECK = "check_size_and_work"
ADVICE = "channels; there should be 3 x 3."


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (inputs * outputs + outputs) * (1 if shared else places)
    work = places * inputs * outputs
    return parameters, work
