"""Fits as files: their layout, what may be read, their digest, the released ones, and a view of one."""
