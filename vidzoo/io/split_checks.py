"""What a split promises, checked against its data file: each protocol's rule, whoever wrote the manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from vidzoo.anatomy import action_family
from vidzoo.errors import DataError
from vidzoo.io.data_file import DataFile
from vidzoo.io.splits import SUBSETS, Split, SplitEntry

_DOES = {"train": "trains", "val": "validates", "test": "tests"}
_Ranges = Callable[[SplitEntry], Iterable[tuple[int, int]]]


def check_split(split: Split, data: DataFile) -> None:
    """Check that a split was made for this data file, asks for frames that are there and keeps its protocol's promise.

    ======================  ========================================================================================
    ``block``               within a trial, test frames come after the others and the gap that the settings state
    ``trial``               no trial tests that trains or validates; an action of several trials trains and tests
    ``loso``                no subject tests that trains or validates
    ``loao``                no action tests that trains or validates
    ``cross_camera``        no camera tests that trains or validates; subsets share frames
    ``transfer``            no trial and no camera tests that trains or validates; both are those of the settings
    ``random_frame``        no frame is a target of two subsets; contexts are shared, which is why it leaks
    ======================  ========================================================================================

    In all but ``cross_camera`` and ``random_frame`` no window of one subset sees a frame that a window of another one
    sees. Validation frames are never training frames, and where they are of the same trial they come after these and a
    gap.

    Raises:
        DataError: one of this does not hold; the sentence names the first entry.
    """
    if split.data_hash != data.content_hash:
        raise DataError(
            f"{data.path}: the split was made for another data file (content {split.data_hash[:12]}, this one has "
            f"{data.content_hash[:12]}); make it again with 'vidzoo split'."
        )
    check = _Check(split, data)
    for subset in SUBSETS:
        for entry in getattr(split, subset):
            check.entry(entry)
    {
        "block": check.block,
        "trial": check.trial,
        "loso": check.loso,
        "loao": check.loao,
        "cross_camera": check.cross_camera,
        "transfer": check.transfer,
        "random_frame": check.random_frame,
    }[split.protocol]()


class _Check:
    """The rules of one split."""

    def __init__(self, split: Split, data: DataFile) -> None:
        self.split, self.data = split, data

    def refuse(self, what: str) -> None:
        raise DataError(
            f"{self.data.path}: in the split {self.split.hash[:12]}, {what}; make it again with 'vidzoo split'."
        )

    def entry(self, entry: SplitEntry) -> None:
        """Its targets lie in its context, that one in the trial, in order; the trial has its cameras."""
        trial = self.data.trial(entry.subject, entry.trial)
        bounds = [entry.context[0], *(b for target in entry.targets for b in target), entry.context[1]]
        if not 0 <= entry.context[0] < entry.context[1] <= trial.num_frames or bounds != sorted(bounds):
            self.refuse(f"the entry {entry} is out of order or outside the trial's {trial.num_frames} frames")
        for camera in set(entry.cameras) - set(trial.cameras):
            self.refuse(f"the entry {entry} names the camera '{camera}', which the trial does not have")

    # --- protocols ----------------------------------------------------------------------------------------------------
    def block(self) -> None:
        self._apart(SUBSETS, lambda entry: [entry.context])
        self._after("test", ("train", "val"), self._number(self.split.settings, "gap"))
        self._val_after_train()

    def trial(self) -> None:
        self._no_shared("trial", lambda entry: [f"{entry.subject}/{entry.trial}"])
        self._train_and_val_apart()
        subsets: dict[str, dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
        for subset in SUBSETS:
            for entry in getattr(self.split, subset):
                subsets[self._action(entry)]["test" if subset == "test" else "train"].add((entry.subject, entry.trial))
        for action, found in subsets.items():
            absent = "train" if not found["train"] else "test" if not found["test"] and len(found["train"]) > 1 else ""
            if absent:
                self.refuse(f"no trial of the action {action} {_DOES[absent]}, which protocol 'trial' excludes")

    def loso(self) -> None:
        self._no_shared("subject", lambda entry: [entry.subject])
        self._held_out({entry.subject for entry in self.split.test}, lambda name: name)
        self._train_and_val_apart()

    def loao(self) -> None:
        self._no_shared("action", lambda entry: [self._action(entry)])
        self._held_out(set(map(self._action, self.split.test)), lambda name: action_family(name) or name)
        self._train_and_val_apart()

    def cross_camera(self) -> None:
        self._each_names_a_camera()
        self._no_shared("camera", lambda entry: entry.cameras)
        self._held_out({camera for entry in self.split.test for camera in entry.cameras}, lambda name: name)
        self._train_and_val_apart()

    def transfer(self) -> None:
        self._each_names_a_camera()
        self._no_shared("camera", lambda entry: entry.cameras)
        self._no_shared("trial", lambda entry: [f"{entry.subject}/{entry.trial}"])
        held_out = self._names("held_out")
        for subset in SUBSETS:
            cameras = self._names("test_cameras" if subset == "test" else "train_cameras")
            for entry in getattr(self.split, subset):
                if entry.is_named(held_out, self._action(entry)) != (subset == "test"):
                    self.refuse(f"the entry {entry} {_DOES[subset]}, but the settings say that {held_out} are held out")
                if not {*entry.cameras} <= {*cameras}:
                    self.refuse(
                        f"the camera '{entry.cameras[0]}' {_DOES[subset]} (the entry {entry}), but the settings name "
                        f"{', '.join(cameras)[:200]} for that"
                    )
        self._train_and_val_apart()

    def random_frame(self) -> None:
        self._apart(SUBSETS, lambda entry: entry.targets)

    # --- rules --------------------------------------------------------------------------------------------------------
    def _action(self, entry: SplitEntry) -> str:
        return self.data.trial(entry.subject, entry.trial).action

    def _number(self, settings: dict[str, Any], name: str) -> int:
        value = settings.get(name, 0)
        if type(value) is not int:
            self.refuse(f"the setting '{name}' is {str(value)[:40]!r}, expected a whole number")
        return value

    def _names(self, name: str) -> list[str]:
        value = self.split.settings.get(name)
        names = value if isinstance(value, list) else []
        if not names or not all(isinstance(part, str) for part in names):
            self.refuse(f"the setting '{name}' is {str(value)[:40]!r}, expected a list of names")
        return names

    def _each_names_a_camera(self) -> None:
        for subset in SUBSETS:
            for entry in getattr(self.split, subset):
                if not entry.cameras:
                    self.refuse(f"the entry {entry} names no camera, which protocol '{self.split.protocol}' excludes")

    def _no_shared(self, what: str, names: Callable[[SplitEntry], Iterable[str]]) -> None:
        """No such thing of the test subset is in another one."""
        tested = {name for entry in self.split.test for name in names(entry)}
        for subset in ("train", "val"):
            for entry in getattr(self.split, subset):
                for name in sorted(tested & set(names(entry))):
                    self.refuse(
                        f"the {what} '{name}' tests and {_DOES[subset]} (the entry {entry}), which protocol "
                        f"'{self.split.protocol}' excludes"
                    )

    def _held_out(self, tested: set[str], canonical: Callable[[str], str]) -> None:
        stated = self.split.settings.get("held_out", sorted(tested))
        if not isinstance(stated, list) or {canonical(str(name)) for name in stated} != tested:
            self.refuse(f"{', '.join(sorted(tested))} tests, but the settings say that {str(stated)[:200]} is held out")

    def _train_and_val_apart(self) -> None:
        self._apart(("train", "val"), lambda entry: [entry.context])
        self._val_after_train()

    def _val_after_train(self) -> None:
        settings = self.split.settings.get("val", {})
        self._after("val", ("train",), self._number(settings if isinstance(settings, dict) else {}, "gap"))

    def _after(self, later: str, earlier: Iterable[str], gap: int) -> None:
        """Within a trial, the entries of a subset begin ``gap`` frames or more behind those of the others."""
        begins: dict[tuple[str, str], int] = {}
        for entry in getattr(self.split, later):
            key = entry.subject, entry.trial
            begins[key] = min(entry.context[0], begins.get(key, entry.context[0]))
        for subset in earlier:
            for entry in getattr(self.split, subset):
                begin = begins.get((entry.subject, entry.trial))
                if begin is not None and entry.context[1] + gap > begin:
                    self.refuse(
                        f"the entry {entry} {_DOES[subset]} less than {gap} frames before, or after, what "
                        f"{_DOES[later]} of its trial, which protocol '{self.split.protocol}' excludes"
                    )

    def _apart(self, subsets: Iterable[str], ranges: _Ranges) -> None:
        """No frame of a trial lies in ranges of two subsets."""
        taken: dict[tuple[str, str], list[tuple[int, int, str, SplitEntry]]] = defaultdict(list)
        for subset in subsets:
            for entry in getattr(self.split, subset):
                taken[entry.subject, entry.trial] += [(*r, subset, entry) for r in ranges(entry) if r[0] < r[1]]
        for found in taken.values():
            reached: dict[str, int] = {}
            for start, stop, subset, entry in sorted(found, key=lambda r: r[:3]):
                for other, end in reached.items():
                    if other != subset and start < end:
                        self.refuse(
                            f"frame {start} of {entry.subject}/{entry.trial} {_DOES[other]} and {_DOES[subset]} (the "
                            f"entry {entry}), which protocol '{self.split.protocol}' excludes"
                        )
                reached[subset] = max(reached.get(subset, 0), stop)
