"""Released traces made, and any trace packed with what belongs to it for a deposit."""
