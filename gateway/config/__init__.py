"""The configuration: one TOML file, read once, checked whole, and frozen."""

from gateway.config.changes import Change, Changes, diff
from gateway.config.loading import load
from gateway.config.options import Config, GatewayOptions
from gateway.config.problems import ConfigErrors, Problem

__all__ = ["Change", "Changes", "Config", "ConfigErrors", "GatewayOptions", "Problem", "diff", "load"]
