"""Turn a ViTPose or SAM 2 of Hugging Face transformers into a weights file of this project.

    python tools/model_converters/from_huggingface.py FOLDER work_dirs/x.safetensors --expert mpii

Configs load such folders and files as they are; this is for another expert of ViTPose+, or to
keep one file. FOLDER may be a .safetensors or .bin file too.
"""

import argparse

from mmpose.engine import hugging_face
from mmpose.engine.checkpoint import load_state_dict_file, save_weights
from mmpose.engine.file_kinds import kind_of
from mmpose.engine.old_layouts import TASKS
from mmpose.engine.tools import run_tool


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="folder or file that transformers wrote")
    parser.add_argument("out", help=".safetensors file to write")
    parser.add_argument(
        "--expert", default="coco", choices=TASKS, help="of ViTPose+, coco by default"
    )
    args = parser.parse_args()
    state_dict, _ = load_state_dict_file(args.source)
    if hugging_face.is_vitpose(state_dict):
        weights = hugging_face.convert_vitpose(state_dict, args.expert)
    elif hugging_face.is_sam2(state_dict):
        weights = hugging_face.convert_sam2(state_dict)
    else:
        raise ValueError(
            f"{args.source} holds no ViTPose or SAM 2 of transformers; it seems to be of "
            f"{kind_of(state_dict)}"
        )
    save_weights(weights, args.out, {"source": "Hugging Face transformers"}, bits=32)
    print(f"{args.out}: {len(weights)} tensors")


if __name__ == "__main__":
    run_tool(main)
