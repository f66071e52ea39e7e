"""Learners and tasks in deployment: adapted models, SavedModels, LiteRT files."""

from keras_meta.serving import exporting, lite_exporting

_REQUIRED = {"tf_saved_model": set(), "litert": {"support_size", "query_size"}}
_OPTIONAL = {"tf_saved_model": {"intervals"}, "litert": set()}
_WRITERS = {"tf_saved_model": exporting.export, "litert": lite_exporting.export}


def export(learner, filepath, format="tf_saved_model", verbose=True, **options):
    """Exports a learner in one of the formats of `MetaLearner.export`.

    Args:
        learner: A `MetaLearner` that has seen an episode.
        filepath: Folder or file to write.
        format: `"tf_saved_model"` or `"litert"`.
        verbose: bool. Whether to print the endpoints.
        **options: Options of the format.

    Raises:
        ValueError: If the format is unknown, or the options are not those of the format.
    """
    required = _REQUIRED.get(format)
    if required is None or not required <= set(options) <= required | _OPTIONAL[format]:
        raise ValueError(
            "A learner exports to format='tf_saved_model', whose only option is `intervals`, or to "
            "format='litert' with `support_size` and `query_size`. "
            f"Received: format={format!r}, {options}."
        )
    _WRITERS[format](learner, filepath, verbose=verbose, **options)
