"""Registers the translator, and lets it see the notebook it writes parameters for.

Papermill hands a translator the values only. Just before that it asks the engine for the notebook's kernel; there the
cell tagged `parameters` is remembered, so that injected declarations can keep the declared types.
"""

from papermill.engines import papermill_engines
from papermill.translators import papermill_translators

from .translator import TypeScriptTranslator, declarations_of_run

KERNELS = ("kernelbook", "tslab", "jslab", "deno")
LANGUAGES = ("typescript", "javascript")


def parameters_source(nb):
    """The source of the first cell tagged `parameters`, or None."""
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return cell.source
    return None


def remembering(engine):
    """The engine, which remembers the parameters cell of the notebook that it is asked about."""

    class Remembering(engine):
        @classmethod
        def nb_kernel_name(cls, nb, name=None):
            declarations_of_run.set(parameters_source(nb))
            return super().nb_kernel_name(nb, name)

    Remembering.__name__ = Remembering.__qualname__ = engine.__name__
    Remembering.__doc__ = engine.__doc__
    return Remembering


KernelbookEngine = remembering(papermill_engines.get_engine(None))

# The engine is papermill's own in everything else, so that it can also stand in for the default.
for engine_name in (None, "nbclient"):
    papermill_engines.register(engine_name, remembering(papermill_engines.get_engine(engine_name)))
for translator_name in (*KERNELS, *LANGUAGES):
    papermill_translators.register(translator_name, TypeScriptTranslator)
