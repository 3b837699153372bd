"""The two numbers in the wrong order."""

CHECK = "check_size_and_work"
ADVICE = "in the wrong order"
ADVICE_ID = "size_and_work.wrong-order"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = places * 9 * inputs * outputs
    return work, parameters
