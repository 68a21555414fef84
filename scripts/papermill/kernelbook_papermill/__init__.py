"""Papermill for TypeScript and JavaScript notebooks: parameters of every type, and their inspection.

Installing the package is enough; papermill finds it through its entry point.
"""

# First of all: papermill loads our engine at the end of this import, never in the middle of ours.
import papermill.engines  # noqa: F401

from .translator import TypeScriptTranslator

__all__ = ["TypeScriptTranslator"]
