"""mmengine's runner with strict, safe loading of starting weights and whole checkpoints."""

import functools
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import torch
from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.device import get_device
from mmengine.dist import master_only
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmpose.files import whole_file

from .bare_model import bare_model
from .checkpoint import allow_training_pickles, load_checkpoint
from .continuing import continue_from
from .default_hooks import with_our_hooks
from .fast_steps import compile_parts, fast_optim_wrapper, lay_out_channels_last
from .last_checkpoint import newest_checkpoint
from .loops import resumable
from .saved_run import RECORD, record_of
from .start_weights import how_to_get_start_weights

_START = ("load_from = ", "resume = ")
KEPT_CONFIG = "{stem}.before-{timestamp}{suffix}"


class StrictRunner(Runner):
    """`Runner` that loads ``load_from`` strictly and writes checkpoints whole or not at all.

    What may differ between the weights and the model is listed in the config's
    ``load_from_allow``: patterns of names that may be missing or left over. Training checkpoints
    are unpickled with an allow-list.
    """

    def __init__(
        self,
        model: nn.Module | dict,
        work_dir: str,
        *args,
        resume: bool = False,
        load_from: str | None = None,
        randomness: dict | None = None,
        cfg: Config | dict | None = None,
        **kwargs,
    ) -> None:
        allow_training_pickles()
        path = (load_from or newest_checkpoint(work_dir)) if resume else None
        # before anything is built: the samplers need the seed of the run
        self._continuation = continue_from(path, cfg, randomness) if path else None
        if self._continuation is not None:
            randomness = {**(randomness or {}), "seed": self._continuation.saved.seed}
        super().__init__(
            model,
            work_dir,
            *args,
            resume=path is not None,
            load_from=path or load_from,
            randomness=randomness or {"seed": None},
            cfg=cfg,
            **kwargs,
        )

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """mmengine's, with ours in their place or beside them."""
        super().register_default_hooks(with_our_hooks(hooks))

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop; mmengine's own loops and samplers are replaced by ours.

        Ours show the same samples in the same order, and can go to any place in it.
        """
        if isinstance(loop, dict):
            by_epoch = loop.get("by_epoch", False)
            kind = "EpochBasedTrainLoop" if by_epoch else "IterBasedTrainLoop"
            loop = {key: value for key, value in loop.items() if key != "by_epoch"}
            loop = resumable({"type": kind} | loop)
        if isinstance(self._train_dataloader, dict):
            sampler = resumable(self._train_dataloader["sampler"])
            self._train_dataloader = {**self._train_dataloader, "sampler": sampler}
        return super().build_train_loop(loop)

    @classmethod
    def from_config(cls, config: Config) -> "StrictRunner":
        """Build from a config of the tools, whose extra keys the runner keeps in ``cfg``."""
        return cls.from_cfg(config)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """As mmengine's; with the config's ``channels_last`` laid out as NHWC."""
        model = super().build_model(model)
        return lay_out_channels_last(model) if self.cfg.get("channels_last") else model

    def build_optim_wrapper(self, optim_wrapper: OptimWrapper | dict) -> OptimWrapper:
        """As mmengine's, of the config that :func:`fast_optim_wrapper` makes of this one."""
        if isinstance(optim_wrapper, dict) and "optimizer" in optim_wrapper:
            optim_wrapper = fast_optim_wrapper(optim_wrapper, torch.device(get_device()))
        return super().build_optim_wrapper(optim_wrapper)

    def _maybe_compile(self, target: str) -> None:
        del target  # mmengine would compile this method of the model as a whole
        compile_parts(self.model, self.cfg.get("compile"))

    def _init_model_weights(self) -> None:
        """Initialise as mmengine does.

        Raises:
            FileNotFoundError: weights that ``init_cfg`` names by an address cannot be downloaded;
                with the file, the address and the folder.
        """
        try:
            super()._init_model_weights()
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            raise FileNotFoundError(how_to_get_start_weights(self.model, error)) from error

    def load_checkpoint(self, filename: str, *args, **kwargs) -> dict:
        """Load weights into the model, and into the moving average of a hook."""
        allowed = tuple(self.cfg.get("load_from_allow", ()))
        model = bare_model(self.model)
        meta = load_checkpoint(model, filename, allow_missing=allowed, allow_unexpected=allowed)
        # as mmengine's reader, in whose place this stands: else the runner would load once more,
        # and the moving average keep the random weights
        self._has_loaded = True
        self.call_hook("after_load_checkpoint", checkpoint={"state_dict": model.state_dict()})
        self.logger.info(f"starting weights: {Path(filename).name}")
        return meta

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Continue a run: weights, optimiser, schedule and counters by mmengine's own reader.

        Raises:
            ValueError: the weights are not those of the model, of which none may be missing here.
        """
        if self._continuation is not None:
            self._continuation.prepare(self)
        # mmengine's resume calls self.load_checkpoint and wants its own reader there, which gives
        # the optimiser's state too
        load_starting_weights = self.load_checkpoint
        self.load_checkpoint = functools.partial(super().load_checkpoint, strict=True)
        try:
            super().resume(filename, *args, **kwargs)
        except RuntimeError as error:
            raise ValueError(
                f"{filename} cannot be resumed: {error}\nTake the config that the run was started "
                "with, or start another run in a --work-dir of its own"
            ) from error
        finally:
            self.load_checkpoint = load_starting_weights
        if self._continuation is not None:
            self._continuation.finish(self)

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """mmengine's loader, refused where it would give nothing; ``num_workers=0`` is enough.

        Raises:
            ValueError: there are fewer samples than a batch holds, and ``drop_last`` is on.
        """
        if isinstance(dataloader, dict) and dataloader.get("num_workers") == 0:
            # torch refuses what only workers can have, and configs keep their workers
            of_workers = ("persistent_workers", "prefetch_factor")
            dataloader = {k: v for k, v in dataloader.items() if k not in of_workers}
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        # an endless sampler fills a batch from however few samples
        is_endless = isinstance(loader.sampler, InfiniteSampler)
        if not is_endless and len(loader) == 0:
            raise ValueError(
                f"a data loader gives nothing: {len(loader.dataset)} samples, batches of "
                f"{loader.batch_size} in each process; lower batch_size, or set drop_last=False"
            )
        return loader

    @master_only
    def dump_config(self) -> None:
        """Write the config of a training run into its work directory.

        A test leaves it alone, and so does a resume without changes. Where another one is
        recorded there, that is kept beside it.
        """
        if self._train_dataloader is None or self.cfg.filename is None:
            return
        target = Path(self.work_dir, Path(self.cfg.filename).name)
        text = self.cfg.pretty_text
        before = target.read_text(encoding="utf-8") if target.is_file() else ""
        if self._resume and _without_start(before) == _without_start(text):
            return  # what is there also tells the weights that the run started from
        if before not in ("", text):
            kept = KEPT_CONFIG.format(
                stem=target.stem, timestamp=self.timestamp, suffix=target.suffix
            )
            # renamed, not overwritten: it says what the run was trained with so far
            target.replace(target.with_name(kept))
        with whole_file(target) as partial:
            partial.write_text(text, encoding="utf-8")

    def save_checkpoint(
        self, out_dir: str, filename: str, *args, meta: dict | None = None, **kwargs
    ) -> None:
        """Write a checkpoint under a temporary name, then rename it; arguments as mmengine's.

        All processes must call it: the first one writes, the others give what differs in them.
        """
        meta = {**(meta or {}), RECORD: record_of(self)}
        if self.rank == 0:
            self._write_checkpoint(out_dir, filename, *args, meta=meta, **kwargs)

    def _write_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        if "://" in str(out_dir):  # a store that shows whole objects alone
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        with whole_file(Path(out_dir, filename)) as partial:
            super().save_checkpoint(out_dir, partial.name, *args, **kwargs)


def _without_start(config_text: str) -> list[str]:
    """The lines of a config but those that say where the weights come from, as a resume sets."""
    return [line for line in config_text.splitlines() if not line.startswith(_START)]
