"""The instant checks, in one to three modules an exercise."""
