"""Releasing, grading and feedback with nbgrader, using the sandbox."""
