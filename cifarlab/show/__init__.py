"""Everything that a person looks at; nothing below knows of it."""
