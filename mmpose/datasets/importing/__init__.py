"""Annotations of other tools as one COCO file of people.

A format is a module with ``is_it(path)`` and ``read(path, options)``; :mod:`.convert` chooses one.
"""
