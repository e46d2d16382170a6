"""Build a pose file, single images with joints for stage 1.

The source is a set of 2D or 3D poses, or a data file.
"""

from __future__ import annotations

import argparse

from vidzoo.cli.arguments import whole_number

EXAMPLES = """\
  %(prog)s human36m annotations images --every 5 --out data/h36m_train.h5
  %(prog)s muco MuCo/data/MuCo-3DHP.json MuCo/data --out data/muco_train.h5
  %(prog)s vid data/synth.h5 --split data/synth_trial.json --out data/pose_train.h5

ANNOTATIONS and IMAGES by kind:
  human36m      folder of Human36M_subject*_{data,camera,joint_3d}.json     folder of s_01_act_02_.../
  mpi_inf_3dhp  folder of MPI-INF-3DHP_{1k,camera_1k,joint_3d}.json         folder of S1/Seq1/imageSequence/
  muco          MuCo-3DHP.json                                              folder of augmented_set/
  coco          person_keypoints_train2017.json (2D: depth is not learnt)   folder train2017
  vid           data file, with --split; none of its test images is taken   -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from vidzoo.data_prep.pose3d import KINDS

    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("annotations", help="annotation file or folder, or the data file")
    parser.add_argument("images", nargs="?", help="folder of the images; none for a data file")
    parser.add_argument("--out", required=True, help="pose file to write (.h5)")
    parser.add_argument("--subset", choices=("train", "test"), default="train", help="default: %(default)s")
    parser.add_argument("--split", metavar="JSON", help="a data file's split")
    parser.add_argument(
        "--image-size", type=whole_number(16), default=256, help="side of the stored images, px (default: %(default)s)"
    )
    parser.add_argument(
        "--every", type=whole_number(1), default=1, metavar="N", help="take each N-th image (default: all)"
    )
    parser.add_argument("--jobs", type=whole_number(1), metavar="N", help="threads (default: one per core)")


def run(args: argparse.Namespace) -> None:
    """Build, and print how many images show which joint."""
    from vidzoo.data_prep.pose3d import prepare_pose3d

    shares = prepare_pose3d(
        args.kind,
        args.annotations,
        args.images,
        args.out,
        subset=args.subset,
        split=args.split,
        image_size=args.image_size,
        every=args.every,
        jobs=args.jobs,
    )
    print(f"{args.out}: {shares.pop('images'):,} images; share with each joint placed:")
    print("  ".join(f"{name} {share:.0%}" for name, share in shares.items()))
