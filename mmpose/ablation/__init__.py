"""Ablations: runs that differ from a base in a few config keys, and one table of what that does.

A file of `configs/ablations` names them, `plan.py` resolves them into runs with an identity,
`scheduler.py` works on those that are not done, `table.py` compares what they stored.
"""
