"""Sections of the settings that are long enough for files of their own; :mod:`ragbot.settings` puts them together."""
