"""Serve a leaderboard: its page, its table and signed uploads.

Uploads are scored here, with labels that stay here. Needs the extra: pip install 'vidzoo[server]'.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vidzoo.errors import ConfigError

EXAMPLES = """\
  %(prog)s --store leaderboard --labels data/vid.h5 --port 8080
  %(prog)s --store leaderboard --issue ada        # print ada's token, and end
  %(prog)s --store leaderboard --database postgresql+psycopg://user@host/leaderboard

It listens on this machine alone; put a web server with TLS in front of it, or give --host on a network that you trust.
A PostgreSQL database needs the extra: pip install 'vidzoo[postgresql]'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--store", required=True, metavar="DIR", help="the leaderboard; a new or empty folder is set up as one"
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="FILE",
        help="data files of benchmarks whose labels are not in the store",
    )
    parser.add_argument("--host", default="127.0.0.1", help="to listen on (default: %(default)s, this machine alone)")
    parser.add_argument("--port", type=int, default=8080, help="(default: %(default)s)")
    parser.add_argument("--key", metavar="FILE", help="the server's key, made where missing (default: STORE.key)")
    parser.add_argument("--database", metavar="URL", help="SQLAlchemy's URL (default: SQLite in STORE.db)")
    parser.add_argument("--issue", metavar="USER", help="print a user's token and end")
    parser.add_argument("--revoke", nargs="+", default=[], metavar="USER", help="users whose tokens no longer count")


def run(args: argparse.Namespace) -> None:
    """Print a token, or serve until stopped."""
    from vidzoo.leaderboard.server.signing import issue, load_key
    from vidzoo.leaderboard.store import Store

    folder = Path(args.store).absolute()
    store = Store(folder, create=True)
    key = load_key(Path(args.key) if args.key else folder.with_name(f"{folder.name}.key"))
    if args.issue is not None:
        print(issue(key, args.issue))
        return
    try:
        import uvicorn

        from vidzoo.leaderboard.server.app import make_app
        from vidzoo.leaderboard.server.database import Database
    except ImportError as error:
        raise ConfigError(f"the server needs {error.name}: pip install 'vidzoo[server]'.") from None
    database = Database(args.database or f"sqlite:///{folder.with_name(f'{folder.name}.db')}")
    app = make_app(store, database, key, args.labels, frozenset(args.revoke))
    print(f"serving {args.store} at http://{args.host}:{args.port}", file=sys.stderr, flush=True)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning", server_header=False)
