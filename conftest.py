"""Ironguest's own plugin, and nothing else."""

pytest_plugins = ["fixtures.plugin.hooks"]
