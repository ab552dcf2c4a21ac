"""``bmp train``, ``eval``, ``ablate``, ...: the scripts of ``tools/`` under one name.

Every argument goes to the script, ``--help`` too.
"""

import argparse
import runpy
import sys
from collections.abc import Sequence

from bmp.environment import tell
from bmp.locations import PROJECT_ROOT

# command -> script, what it does
TOOLS = {
    "train": ("train.py", "train a pose model, a detector or a segmenter"),
    "eval": ("test.py", "AP of a pose model, a detector, a segmenter or the whole loop"),
    "ablate": ("ablate.py", "run many changes of a config, one table"),
    "analyze": ("analyze_results.py", "why a result file has its AP"),
    "compare": ("compare_results.py", "is one result file better than another?"),
    "data convert": ("datasets/convert.py", "annotations of other tools as one COCO file"),
    "export": ("export_onnx.py", "ONNX files of pose models, detectors and segmenters"),
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """List the subcommands; their arguments are the scripts' own, see :func:`run`."""
    for name, (script, purpose) in known_tools().items():
        if " " in name:  # of another command's own list
            continue
        commands.add_parser(name, help=f"{purpose} (tools/{script})", add_help=False)


def known_tools() -> dict[str, tuple[str, str]]:
    """Command -> script and purpose; an installation without the project's folder has none."""
    return {n: tool for n, tool in TOOLS.items() if (PROJECT_ROOT / "tools" / tool[0]).is_file()}


def parser_of(name: str) -> argparse.ArgumentParser:
    """The arguments of a tool; its script is read, with all that it imports."""
    script = PROJECT_ROOT / "tools" / TOOLS[name][0]
    return runpy.run_path(str(script), run_name=f"bmp {name}")["make_parser"]()


def run(name: str, arguments: Sequence[str]) -> int:
    """Run the script as if it had been called; its exit code."""
    script = PROJECT_ROOT / "tools" / TOOLS[name][0]
    before, sys.argv = sys.argv, [f"bmp {name}", *arguments]
    # a script's own folder comes first when Python starts it
    sys.path.insert(0, str(script.parent))
    try:
        # not runpy, which would call the program by the script's name in usage and errors
        code = compile(script.read_bytes(), str(script), "exec")
        exec(code, {"__name__": "__main__", "__file__": str(script), "__builtins__": __builtins__})
    except SystemExit as stopped:
        if isinstance(stopped.code, str):  # a message, which Python itself would print
            tell(stopped.code)
        return stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    finally:
        sys.argv = before
        sys.path.remove(str(script.parent))
    return 0
