"""Find what an OpenCap LabValidation folder holds: subjects, trials, videos and scaled models, all by name.

Layout read, below the folder of the release::

    subject4/sessionMetadata.yaml                       mass_kg, height_m, gender_mf (optional)
    subject4/MarkerData/Mocap/DJ1.trc
    subject4/ForceData/DJ1_forces.mot                   optional
    subject4/OpenSimData/Mocap/IK/DJ1.mot
    subject4/OpenSimData/Mocap/ID/DJ1.sto               needed for ``inverse_dynamics='stored'``
    subject4/OpenSimData/Mocap/**/*.osim                needed for ``inverse_dynamics='opensim'``
    subject4/VideoData/Session0/Cam2/cameraIntrinsicsExtrinsics.pickle           optional
    subject4/VideoData/Session0/Cam2/DJ1/DJ1_syncdWithMocap.avi (or .mp4; or DJ1.avi, DJ1.mp4)
"""

from __future__ import annotations

from pathlib import Path

from natsort import natsorted

from vidzoo.errors import DataError


def find_subjects(root: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """Return the subjects' folders, in order of their numbers.

    Raises:
        DataError: ``root`` is no folder or holds no subject, or a named subject is missing.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name the one that holds subject2, subject3, ...")
    folders = natsorted((path.parent for path in root.glob("*/MarkerData")), key=lambda path: path.name)
    if not folders:
        raise DataError(f"{root}: holds no subject; expected folders such as {root / 'subject4' / 'MarkerData'}.")
    missing = sorted(set(names) - {folder.name for folder in folders})
    if missing:
        raise DataError(f"{root}: has no subject '{missing[0]}'; it has {', '.join(f.name for f in folders)}.")
    return [folder for folder in folders if not names or folder.name in names]


def trial_names(folder: Path) -> list[str]:
    """Return the names of a subject's trials that have markers or coordinates, in natural order."""
    found = {path.stem for path in folder.glob("MarkerData/Mocap/*.trc")}
    found |= {path.stem for path in folder.glob("OpenSimData/Mocap/IK/*.mot")}
    return natsorted(found)


def select_trials(folders: list[Path], wanted: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Return the wanted trials (all of them, if none is named) of each subject that has them.

    Raises:
        DataError: no subject has any trial, or none has one that is wanted.
    """
    found = [(folder, name) for folder in folders for name in trial_names(folder)]
    known = {name for _, name in found}
    missing = [name for name in wanted if name not in known]
    if missing or not found:
        what = f"trial '{missing[0]}'" if missing else "trial at all"
        there = ", ".join(natsorted(known)) or "no .trc and no .mot"
        raise DataError(f"{folders[0].parent}: no subject has a {what}; there is {there}.")
    return [(folder, name) for folder, name in found if not wanted or name in wanted]


def find_videos(folder: Path, trial: str) -> dict[str, tuple[Path, Path]]:
    """Return for each camera the trial's video and where its calibration would be; synchronised videos first."""
    videos = {}
    for camera in sorted(folder.glob("VideoData/*/*")):
        for name in (f"{trial}_syncdWithMocap", trial):
            for suffix in (".avi", ".mp4"):
                path = camera / trial / (name + suffix)
                if path.is_file() and camera.name not in videos:
                    videos[camera.name] = (path, camera / "cameraIntrinsicsExtrinsics.pickle")
    return videos


def select_videos(folder: Path, trial: str, cameras: tuple[str, ...]) -> dict[str, tuple[Path, Path]]:
    """Return the videos of :func:`find_videos` that ``cameras`` names; all, if it names none.

    Raises:
        DataError: the trial has no video of a named camera.
    """
    if cameras == ("none",):
        return {}
    videos = find_videos(folder, trial)
    missing = [camera for camera in cameras if camera not in videos]
    if missing:
        raise DataError(f"no video of camera '{missing[0]}'; there is {', '.join(videos) or 'none of any camera'}.")
    return {camera: videos[camera] for camera in cameras or videos}


def scaled_model(folder: Path) -> Path:
    """Return the subject's scaled model; a file with 'scaled' in its name comes first.

    Raises:
        DataError: there is no .osim file.
    """
    models = sorted(
        (folder / "OpenSimData/Mocap").rglob("*.osim"), key=lambda path: ("scaled" not in path.name, path.name)
    )
    if not models:
        raise DataError(f"{folder / 'OpenSimData/Mocap'}: holds no scaled model (.osim).")
    return models[0]
