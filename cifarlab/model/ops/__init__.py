"""Each operation twice: TensorFlow's reference, and a fast form with the same results."""
