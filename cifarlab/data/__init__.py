"""From files of records to batches of distorted images."""
