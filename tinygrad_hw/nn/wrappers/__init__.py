"""Models as estimators of scikit-learn, with Keras's names; needs the extra ``sklearn``."""

from typing import Any

from tinygrad_hw.errors import InputError

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    """Import scikit-learn, and the estimators with it, when one is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise InputError(
            f"scikit-learn is not installed, and {name} is an estimator of it: "
            "pip install 'tinygrad_hw[sklearn]'"
        ) from None
    from tinygrad_hw.nn.wrappers import estimators

    return getattr(estimators, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
