"""What an agent can do: tasks of our own, a world in which they always come out alike, and how a run is judged."""
