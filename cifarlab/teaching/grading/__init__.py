"""nbgrader around the sandbox: release, grade, feedback."""
