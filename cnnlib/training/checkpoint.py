"""Checkpoints: a run that was killed goes on where it was, to the same result as one that was not."""

import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import torch


class Checkpoint:
    """The state of a run in the file `path`, or nothing where that is None.

    `settings` say which run it is; `parts` are what has a `state_dict`; `generators` are torch's, by name.
    """

    def __init__(self, path: str | Path | None, settings: dict, parts: dict, generators: dict) -> None:
        self.path = Path(path) if path else None
        self.settings, self.parts = {name: str(value) for name, value in settings.items()}, parts
        self.generators = generators | {"torch": torch.default_generator}
        if torch.cuda.is_available():
            self.generators["cuda"] = torch.cuda.default_generators[torch.cuda.current_device()]

    def load(self, history) -> int:
        """Puts everything back as it was and fills `history`; returns how many epochs are done, 0 without a file.

        Raises ValueError when the file is damaged or of another run, naming what differs; nothing is changed then.
        """
        if not self.path or not self.path.exists():
            return 0
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            saved, curves = state["settings"], state["history"]
        except (RuntimeError, UnpicklingError, EOFError, KeyError, zipfile.BadZipFile, TypeError):
            # not from the error: torch's advice there is to load the file without looking at what it would run
            raise ValueError(f"{self.path} is no checkpoint that can be read; delete it to start anew") from None
        for name, value in self.settings.items():
            if saved.get(name) != value:
                raise ValueError(
                    f"{self.path} is the checkpoint of a run with {name}={saved.get(name)}, and this one has {value}; "
                    "give the same settings, or another file"
                )
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        for name, generator in self.generators.items():
            if name in state["generators"]:
                generator.set_state(state["generators"][name])
        for name, value in curves.items():
            setattr(history, name, value)
        return len(history.train_loss)

    def save(self, history) -> None:
        """Writes the state after an epoch, whole or not at all: the file before it stays until the new one is there.

        Raises OSError, naming the file, where it cannot be written.
        """
        if not self.path:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"settings": self.settings, "history": asdict(history)}
        state["generators"] = {name: generator.get_state() for name, generator in self.generators.items()}
        unfinished = self.path.with_name(self.path.name + ".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, unfinished)
            os.replace(unfinished, self.path)
        except (OSError, RuntimeError) as error:  # torch's writer reports a full disk as a RuntimeError
            unfinished.unlink(missing_ok=True)
            raise OSError(
                f"the checkpoint {self.path} could not be written ({error}); the one before it is whole"
            ) from error
