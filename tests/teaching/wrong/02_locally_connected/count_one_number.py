"""Only the parameters."""

CHECK = "check_size_and_work"
ADVICE = "return two numbers"
ADVICE_ID = "size_and_work.not-a-pair"


def answer(rows, columns, inputs, outputs, shared):
    sets = 1 if shared else rows * columns
    return sets * (9 * inputs * outputs + outputs)
