"""The table of systems: reported facts, the derived table, its validation and its readers."""
