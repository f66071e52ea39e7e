"""The report on a learner of languages: bits a character by inner step, beside baselines."""

from keras_meta import baselines, metrics
from keras_meta.commands import data, language_learner, model_files

# Validation tasks that settings of baselines are chosen on.
_VALIDATION_TASKS = 30
_LARGEST_BATCH = 25


def report(folder, config, split, num_tasks, sizes=(None, None), steps=None, with_baselines=True):
    """Evaluates the learner of a run on unseen languages, prints and writes the result.

    Args:
        folder: `RunFolder`.
        config: dict, the options of the run.
        split: str.
        num_tasks: int. Of texts, as many tasks of each language as come nearest to this number.
        sizes: Pair of ints or `None`s, the queries and the support passages of a task. See
            `language_data.load`.
        steps: int or `None`, the number of inner steps. Defaults to that of the run.
        with_baselines: bool.
    """
    learner = folder.read_learner()
    if steps is not None:
        learner.eval_inner_steps = steps
    distribution = data.load(config)
    tasks, validation = distribution(split, *sizes), distribution("validation", *sizes)
    metric = metrics.BitsPerCharacter(utf_8=tasks.codec.utf_8)
    episodes = _episodes(tasks, num_tasks)
    curve = metrics.adaptation_curve(learner, episodes, metric)
    curve.values = _by_language(tasks, curve.values)
    print(f"{config['learner']} on {config['data']}, split {split}, seed {config['seed']},")
    print(f"trained for {int(learner.optimizer.iterations)} iterations:")
    print(curve)
    result = {
        "metric": curve.metric,
        "mean_by_step": curve.mean.tolist(),
        "half_width_95_by_step": curve.half_width.tolist(),
        "languages": len(curve.values),
        "passages_to_learn_from": tasks.num_shots,
        "passages_to_predict": tasks.num_queries,
        "symbols_of_a_passage": tasks.length,
        "split": split,
        "seed": config["seed"],
        "iterations": int(learner.optimizer.iterations),
    }
    if with_baselines:
        methods = _baselines(folder, config, tasks)
        chosen_on = _episodes(validation, _VALIDATION_TASKS)
        found = baselines.compare(learner, episodes, chosen_on, methods, metric)
        found.values = _by_language(tasks, found.values)
        found.baselines = {name: _by_language(tasks, x) for name, x in found.baselines.items()}
        print(found)
        result["baselines"] = {
            name: [float(x) for x in metrics.task_interval(values)]
            for name, values in found.baselines.items()
        }
        result["settings"] = found.settings
    folder.write_json(folder.evaluation_file, result)
    print(f"Written to {folder.evaluation_file}.")


def _baselines(folder, config, tasks):
    """Returns the baselines by name: an n-gram model, and the model of all languages."""
    found = {"n-gram": baselines.Ngram(tasks.codec.size)}
    if folder.pooled_file.is_file():
        pooled = model_files.load(folder.pooled_file)
        found["pooled model"] = baselines.SupportContext(pooled, (0,))
        # A network of one's own may not take longer sequences.
        if config["network"] in language_learner.NETWORKS:
            contexts = [number * config["length"] for number in language_learner.CONTEXTS]
            found["pooled + context"] = baselines.SupportContext(pooled, contexts)
    return found


def _episodes(tasks, num_tasks):
    """Returns batches of tasks: of texts, equally many of each language, in turn."""
    languages = _languages_in_turn(tasks) or num_tasks
    number = languages * max(1, round(num_tasks / languages))
    batch_size = max(size for size in range(1, _LARGEST_BATCH + 1) if number % size == 0)
    return tasks.as_dataset(batch_size, num_batches=number // batch_size)


def _by_language(tasks, values):
    """Returns the means over the tasks of each language of values `[tasks, ...]`."""
    languages = _languages_in_turn(tasks) or len(values)
    return values.reshape(-1, languages, *values.shape[1:]).mean(0)


def _languages_in_turn(tasks):
    """Returns the number of languages, or 0 if tasks are of languages drawn at random."""
    return len(tasks.names) if getattr(tasks, "in_turn", False) else 0
