"""Operations of the network, each as TensorFlow's reference and as a fast implementation with the same results."""
