"""Checkpoints: a run that was killed goes on where it was, to the same result as one that was not."""

import os
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import torch

from cnnlib.models.weights import read_file


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
        unreadable = ValueError(f"{self.path} is no checkpoint that can be read; delete it to start anew")
        try:
            state = read_file(self.path)
        except ValueError:
            raise unreadable from None
        parts = ("settings", "history", "generators")
        if not isinstance(state, dict) or not all(isinstance(state.get(name), dict) for name in parts):
            raise unreadable
        for name, value in self.settings.items():
            if state["settings"].get(name) != value:
                raise ValueError(
                    f"{self.path} is the checkpoint of a run with {name}={state['settings'].get(name)}, and this one has "
                    f"{value}; give the same settings, or another file"
                )
        before = deepcopy(self.states())
        try:
            self.put_back(state)
            curves = self.checked(state["history"], asdict(history))
        except Exception as error:  # of whatever kind: parts are torch's, and each complains in its own way
            self.put_back(before)
            said = " ".join(str(error).split())
            raise ValueError(f"{self.path} is damaged, or of another run ({said}); delete it to start anew") from error
        for name, value in curves.items():
            setattr(history, name, value)
        return len(history.train_loss)

    def states(self) -> dict:
        """What of a run's state is in its parts and generators."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        return state | {"generators": {name: generator.get_state() for name, generator in self.generators.items()}}

    def put_back(self, state: dict) -> None:
        """The way back of `states`."""
        for name, part in self.parts.items():
            if name not in state:
                raise ValueError(f"it has no {name}")
            part.load_state_dict(state[name])
        for name, generator in self.generators.items():
            if name in state["generators"]:
                generator.set_state(state["generators"][name])

    @staticmethod
    def checked(curves: dict, like: dict) -> dict:
        """A history as it was saved, if it has the fields of `like`, and lists of one length; else ValueError."""
        if curves.keys() != like.keys():
            raise ValueError(f"its history has {', '.join(map(str, curves))} and not {', '.join(like)}")
        for name, value in curves.items():
            if type(value) is not type(like[name]):
                raise ValueError(f"{name} of its history is {value!r}")
        lists = [value for value in curves.values() if isinstance(value, list)]
        if not all(type(number) is float for value in lists for number in value) or len(set(map(len, lists))) > 1:
            raise ValueError("the curves of its history are not one number an epoch")
        return curves

    def save(self, history) -> None:
        """Writes the state after an epoch, whole or not at all: the file before it stays until the new one is there.

        Raises OSError, naming the file, where it cannot be written.
        """
        if not self.path:
            return
        state = self.states() | {"settings": self.settings, "history": asdict(history)}
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
