"""Runs notebooks one after the other in this process, each in a kernel of its own: by papermill or by nbclient.

Usage: drive.py papermill|nbclient OUTPUT NOTEBOOK...
Everything is imported once, so that Python's own start is not counted for each notebook.
"""

import os
import sys


def papermill_runner():
    import kernelbook_papermill  # noqa: F401  (registers the TypeScript parameters)
    import papermill

    def run(source, target):
        papermill.execute_notebook(source, target, cwd=os.path.dirname(source), progress_bar=False)

    return run


def nbclient_runner():
    import nbclient
    import nbformat

    def run(source, target):
        notebook = nbformat.read(source, as_version=4)
        resources = {"metadata": {"path": os.path.dirname(source)}}
        nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
        nbformat.write(notebook, target)

    return run


tool, output, *notebooks = sys.argv[1:]
run = {"papermill": papermill_runner, "nbclient": nbclient_runner}[tool]()
os.makedirs(output, exist_ok=True)
for notebook in notebooks:
    run(notebook, os.path.join(output, os.path.basename(notebook)))
