"""The precisions are overwritten."""

import numpy as np

CHECK = "check_difference"
ADVICE = "changed the precisions"
ADVICE_ID = "difference.precisions-changed"


def answer(raw, averaged):
    averaged -= raw
    averaged *= 100
    return averaged.mean(axis=0), averaged.std(axis=0, ddof=1) / np.sqrt(len(averaged))
