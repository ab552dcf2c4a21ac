"""The subcommands of ``bmp``, one module each: ``add_parser(commands)`` and ``run(args)``.

Modules import heavy packages inside ``run``, so that help and mistakes in arguments come at once.
"""
