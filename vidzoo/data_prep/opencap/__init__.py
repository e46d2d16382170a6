"""Recordings in the layout of OpenCap's LabValidation release -> data file."""

from vidzoo.data_prep.opencap.build import BuildReport, TrialReport, build_opencap
from vidzoo.data_prep.opencap.options import BuildOptions
from vidzoo.data_prep.opencap.release import find_subjects, find_videos
from vidzoo.data_prep.opencap.subject import Subject, force_plate_mass, read_subject
from vidzoo.data_prep.opencap.trial import build_trial

__all__ = [
    "BuildOptions",
    "BuildReport",
    "Subject",
    "TrialReport",
    "build_opencap",
    "build_trial",
    "find_subjects",
    "find_videos",
    "force_plate_mass",
    "read_subject",
]
