"""Plans with the variety of people: bodies, ways of moving, and the eight actions."""
