"""One weight per pair of channels instead of 3 x 3."""

CHECK = "check_size_and_work"
ADVICE = "channels; there should be 3 x 3."
ADVICE_ID = "size_and_work.one-weight-per-pair"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (inputs * outputs + outputs) * (1 if shared else places)
    work = places * inputs * outputs
    return parameters, work
