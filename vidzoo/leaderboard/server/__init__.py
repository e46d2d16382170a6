"""A leaderboard over HTTP (extra ``server``): signed uploads, an application and its database."""
