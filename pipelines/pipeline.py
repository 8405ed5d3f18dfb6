"""The graph, and nothing else: which component feeds which, and why each is there."""

import json
from typing import Any

import tensorflow_data_validation
from tfx import v1 as tfx
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration import metadata

from albert_tfx.contract import (
    COMPARISON_EVALUATOR,
    EVAL,
    IMPORT_SCHEMA_GEN,
    LABEL,
    LABELS,
    PROBABILITIES,
    PRODUCTION_RESOLVER,
    PUSHER,
    SCORE,
    SERVING_DEFAULT,
    TEST,
    TEST_EVALUATOR,
    TRAIN,
    trainer_id,
)
from albert_tfx.data import schema
from albert_tfx.evaluation import extractors, tfma_config
from albert_tfx.options import TextsToScore, TrainerOptions, encode
from components import trainer
from components.atomic_pusher import AtomicPusher
from components.comparison_report import ComparisonReport
from components.duplicate_finder import DuplicateFinder
from components.embedding_gen import EmbeddingGen
from components.model_card import ModelCard
from components.model_selector import ModelSelector
from components.production_evaluator import ProductionEvaluator
from components.production_gate import ProductionGate
from components.production_resolver import LatestOtherPush
from components.schema_importer import SchemaImporter
from components.strict_example_validator import StrictExampleValidator
from components.tfds_example_gen import TfdsExampleGen
from components.yardstick import Yardstick
from pipelines import code_key
from pipelines.cloud import google_cloud
from pipelines.config import PipelineConfig


def create_pipeline(
    config: PipelineConfig,
    production_strategy: type[tfx.dsl.experimental.ResolverStrategy] = LatestOtherPush,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline that trains, compares and pushes.

    Args:
      config: The run. Its `schema` names the classes.
      production_strategy: How to find the model in production. Kubeflow knows only TFX's own
        strategies, of which `LatestArtifactStrategy` does.

    Returns:
      A pipeline for any TFX runner; its metadata is kept in `config.metadata`.
    """
    # Reads the reviews of the data set into the splits train, eval and test.
    example_gen = TfdsExampleGen(config.dataset)

    # Takes texts that are repeated, in a split or across two, out of train and eval.
    duplicate_finder = DuplicateFinder(
        raw_examples=example_gen.outputs["examples"], options=_as_parameter(config.duplicates)
    )
    examples = duplicate_finder.outputs["examples"]

    # Holds the reviews against the curated schema; an anomaly stops the run before any training.
    # Most frequent values by sketches, whose memory does not grow with the texts.
    statistics_gen = tfx.components.StatisticsGen(
        examples=examples,
        stats_options=tensorflow_data_validation.StatsOptions(use_sketch_based_topk_uniques=True),
    )
    curated = schema.load(config.schema)
    schema_gen = SchemaImporter(schema_text=schema.as_text(curated)).with_id(IMPORT_SCHEMA_GEN)
    example_validator = StrictExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )

    # Says what word counts make of the same reviews, in seconds: ALBERT has to be worth its cost.
    yardstick = Yardstick(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        options=_as_parameter(config.yardstick),
        answers=_as_parameter(config.answers),
    )
    yardstick.add_upstream_node(example_validator)

    # Turns text into token ids, in a graph that the exported models carry with them.
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn="components.preprocessing.preprocessing_fn",
        splits_config=tfx.proto.SplitsConfig(analyze=[TRAIN], transform=[TRAIN, EVAL, TEST]),
        custom_config=encode(config.preprocessing),
        disable_statistics=True,
    )
    transform.add_upstream_node(example_validator)

    # Runs the frozen encoder once a review; its head then trains on the vectors in seconds.
    embedding_gen = EmbeddingGen(
        transformed_examples=transform.outputs["transformed_examples"],
        options=_as_parameter(config.embedding),
    )

    frozen = _trainer(
        config, config.frozen, embedding_gen.outputs["embeddings"], transform, schema_gen
    )
    fine_tuned = _trainer(
        config,
        config.fine_tuned,
        transform.outputs["transformed_examples"],
        transform,
        schema_gen,
    )

    # Compares the two on the same reviews, none of which they were trained on.
    comparison = tfx.components.Evaluator(
        examples=examples,
        model=fine_tuned.outputs["model"],
        baseline_model=frozen.outputs["model"],
        eval_config=tfma_config.comparison_config(config.policy),
        example_splits=[EVAL],
        module_path=extractors.__name__,
    ).with_id(COMPARISON_EVALUATOR)

    # Applies the policy; TFX's Evaluator alone could never bless the frozen model.
    model_selector = ModelSelector(
        frozen_model=frozen.outputs["model"],
        fine_tuned_model=fine_tuned.outputs["model"],
        frozen_model_run=frozen.outputs["model_run"],
        fine_tuned_model_run=fine_tuned.outputs["model_run"],
        evaluation=comparison.outputs["evaluation"],
        policy=_as_parameter(config.policy),
        yardstick=yardstick.outputs["result"],
        yardstick_model=yardstick.outputs["model"],
    )

    # Finds the model that this pipeline pushed last: no other pipeline's, no Trainer's.
    production = tfx.dsl.Resolver(
        strategy_class=production_strategy,
        model=model_selector.outputs["model"],
        pushed_model=tfx.dsl.Channel(
            tfx.types.standard_artifacts.PushedModel, producer_component_id=PUSHER
        ),
    ).with_id(PRODUCTION_RESOLVER)

    # Holds the selected model against it, on reviews that had no part in the selection.
    test = ProductionEvaluator(
        examples=examples,
        model=model_selector.outputs["model"],
        production=production.outputs["pushed_model"],
        eval_config=tfma_config.winner_config(config.policy),
        example_splits=[TEST],
        module_path=extractors.__name__,
    ).with_id(TEST_EVALUATOR)

    # Refuses a winner that is worse than what is in production.
    production_gate = ProductionGate(
        model=model_selector.outputs["model"],
        model_blessing=model_selector.outputs["blessing"],
        evaluation=test.outputs["evaluation"],
        production=production.outputs["pushed_model"],
        policy=_as_parameter(config.production_policy),
    )

    # What a run found: the card and the report are made of the same.
    found = {
        "frozen_model": frozen.outputs["model"],
        "fine_tuned_model": fine_tuned.outputs["model"],
        "frozen_model_run": frozen.outputs["model_run"],
        "fine_tuned_model_run": fine_tuned.outputs["model_run"],
        "evaluation": comparison.outputs["evaluation"],
        "blessing": production_gate.outputs["blessing"],
        "test_evaluation": test.outputs["evaluation"],
        "examples": examples,
        "duplicates": duplicate_finder.outputs["report"],
        "yardstick": yardstick.outputs["result"],
    }

    # Puts into words what the winner is, for those who will be given it.
    model_card = ModelCard(**found, settings=_settings(config))

    # Exports the winner, if both the selector and the gate are for it.
    pusher = AtomicPusher(
        model=model_selector.outputs["model"],
        model_blessing=production_gate.outputs["blessing"],
        card=model_card.outputs["card"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=config.serving)
        ),
        pipeline=config.name,
        class_names=schema.class_names(curated),
    ).with_id(PUSHER)

    # Puts the answer where people look: a page, its plots and summary.json.
    comparison_report = ComparisonReport(
        **found,
        pushed_model=pusher.outputs["pushed_model"],
        card=model_card.outputs["card"],
        command=config.command,
    )

    # Classifies texts of no known class with the selected model, where there are any.
    scoring = _scoring(config.scoring, model_selector) if config.scoring else []

    nodes = [
        example_gen,
        duplicate_finder,
        statistics_gen,
        schema_gen,
        example_validator,
        yardstick,
        transform,
        embedding_gen,
        frozen,
        fine_tuned,
        comparison,
        model_selector,
        production,
        test,
        production_gate,
        model_card,
        pusher,
        comparison_report,
        *scoring,
    ]
    for node in nodes:
        code_key.stamp(node)
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.pipeline_root,
        components=nodes,
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(config.metadata),
        beam_pipeline_args=list(config.beam_args),
    )


def _as_parameter(options: Any) -> str:
    """Returns a component's options as the text that TFX keeps of them, and caches by."""
    return json.dumps(encode(options), sort_keys=True)


def _settings(config: PipelineConfig) -> str:
    """Returns the options that the report tells, as `findings.settings` reads them."""
    options = {
        "dataset": config.dataset,
        "preprocessing": config.preprocessing,
        "frozen": config.frozen,
        "fine_tuned": config.fine_tuned,
        "report": config.report_options,
        "answers": config.answers,
    }
    return json.dumps({name: encode(each) for name, each in options.items()}, sort_keys=True)


def _scoring(
    texts: TextsToScore, model_selector: BaseComponent
) -> list[tfx.components.ImportExampleGen | tfx.components.BulkInferrer]:
    """Returns the reader of the texts, and the component that adds the model's answer to each."""
    split = tfx.proto.SplitConfig.Split(name="score", hash_buckets=1)
    example_gen = tfx.components.ImportExampleGen(
        input_base=texts.folder,
        output_config=tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=[split])),
    )
    answer = tfx.proto.PredictOutput(
        output_columns=[
            tfx.proto.PredictOutputCol(output_key=name, output_column=name)
            for name in (PROBABILITIES, LABELS, LABEL, SCORE)
        ]
    )
    bulk_inferrer = tfx.components.BulkInferrer(
        examples=example_gen.outputs["examples"],
        model=model_selector.outputs["model"],
        model_blessing=model_selector.outputs["blessing"],
        model_spec=tfx.proto.ModelSpec(model_signature_name=[SERVING_DEFAULT]),
        output_example_spec=tfx.proto.OutputExampleSpec(
            output_columns_spec=[tfx.proto.OutputColumnsSpec(predict_output=answer)]
        ),
    )
    return [example_gen, bulk_inferrer]


def _trainer(
    config: PipelineConfig,
    options: TrainerOptions,
    examples: tfx.types.BaseChannel[Any],
    transform: tfx.components.Transform,
    schema_gen: BaseComponent,
) -> tfx.components.Trainer:
    """Returns one of the two Trainers: the same code, other options and examples."""
    job = config.custom_job
    node: tfx.components.Trainer = google_cloud.trainer_class(job)(
        run_fn="components.trainer.run_fn",
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        train_args=tfx.proto.TrainArgs(splits=[TRAIN]),
        eval_args=tfx.proto.EvalArgs(splits=[EVAL, TEST]),
        custom_config={
            trainer.OPTIONS_KEY: encode(options),
            trainer.ANSWERS_KEY: encode(config.answers),
            **google_cloud.custom_config(job),
        },
    ).with_id(trainer_id(options.model))
    return node
