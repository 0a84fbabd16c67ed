"""Garner: from a public API to a trained, deployable text classifier.

The library behind the workflow. It knows nothing of Snakemake: every stage is a function from paths and
plain settings to files. Imports are lazy, so that `from garner import Classifier` needs onnxruntime alone.
"""

__version__ = "0.1.0"
__all__ = ["Classifier", "__version__"]


def __getattr__(name: str):
    if name == "Classifier":
        from garner.classifier import Classifier

        return Classifier
    raise AttributeError(f"module 'garner' has no attribute {name!r}")
