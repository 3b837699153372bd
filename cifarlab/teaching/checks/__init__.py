"""The instant checks, in one to three modules per exercise."""
