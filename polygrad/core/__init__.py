"""The engine: ops and their kinds, dispatch by level, and the reverse-mode tape."""
