"""Products with the zeros beyond the border are left out."""

CHECK = "check_size_and_work"
ADVICE = "including its zeros"
ADVICE_ID = "size_and_work.border-left-out"


def answer(rows, columns, inputs, outputs, shared):
    places = rows * columns
    parameters = (9 * inputs * outputs + outputs) * (1 if shared else places)
    work = (3 * rows - 2) * (3 * columns - 2) * inputs * outputs
    return parameters, work
