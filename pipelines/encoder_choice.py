"""Which encoder and preprocessor a run takes: those that were asked for, else the preset's."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from albert_tfx.encoders.fetching import handles, reachability
from albert_tfx.errors import InputError, UnreachableError
from albert_tfx.options import (
    MEAN,
    EmbeddingOptions,
    PreprocessingOptions,
    absolute,
    plain_path,
)
from pipelines.presets import (
    ASSETS,
    BASE_PREPROCESSOR,
    MINI_ENCODER,
    MINI_PREPROCESSOR,
    recipe_of,
)

if TYPE_CHECKING:
    from albert_tfx.encoders.facts import EncoderFacts
    from pipelines.request import Request

ENCODER, PREPROCESSOR = "encoder", "preprocessor"


@dataclasses.dataclass(frozen=True)
class Choice:
    """An encoder with its preprocessor.

    Attributes:
      encoder: Handle of the encoder.
      preprocessor: Handle of the preprocessor.
      remarks: What to tell the user of how they were understood.
      pins: The digests that their files must have, by `encoder` and `preprocessor`.
    """

    encoder: str
    preprocessor: str
    remarks: tuple[str, ...] = ()
    pins: Mapping[str, str] = dataclasses.field(default_factory=dict)


def choose(asked: Mapping[str, Any], preset: Mapping[str, Any]) -> Choice:
    """Returns the encoder that was asked for, else the preset's, and what belongs to it.

    Args:
      asked: Values of flags by `Flag.key`.
      preset: The same of the preset.

    Raises:
      InputError: A handle names nothing, or nothing is known of the encoder's preprocessor.
    """
    asked, pins = _without_pins(asked)
    for key in (ENCODER, PREPROCESSOR):
        if not handles.is_url(asked.get(key, key)):
            plain_path(asked.get(key, key), f"--{key}")
    given = asked.get(ENCODER)
    if given is None:
        encoder = handles.Given(preset[ENCODER])
        preprocessor = _understood(asked.get(PREPROCESSOR, preset[PREPROCESSOR]), PREPROCESSOR)
    else:
        encoder = _understood(given, ENCODER)
        belonging = asked.get(PREPROCESSOR) or _preprocessor_of(encoder.handle)
        preprocessor = _understood(belonging, PREPROCESSOR)
    remarks = dict.fromkeys(each.remark for each in (encoder, preprocessor) if each.remark)
    return Choice(encoder.handle, preprocessor.handle, tuple(remarks), pins)


def _without_pins(asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the values of flags without the pins of models, and these by flag."""
    plain, pins = dict(asked), {}
    for key in {ENCODER, PREPROCESSOR} & asked.keys():
        plain[key], digest = handles.split_pin(asked[key])
        if digest is not None:
            pins[key] = digest
    return plain, pins


def from_anywhere(given: str) -> str:
    """Returns what a user named, a folder as seen from any other one, with its pin."""
    handle, _ = handles.split_pin(given)
    folder = absolute(handle)
    return f"{folder}{given.removeprefix(handle)}" if pathlib.Path(folder).exists() else given


def settle(request: "Request") -> "Request":
    """Returns a request whose models can be had on this machine, each of one certain content.

    Models of Hugging Face are pinned to a commit. Where one can neither be taken from the cache nor
    asked for, the preset's substitute takes its place, if no encoder was asked for.

    Raises:
      InputError: A model cannot be had, or can be seen without TensorFlow to be unusable, or not to
        fit the options.
    """
    try:
        models = {key: _pinned(request.options[key]) for key in (ENCODER, PREPROCESSOR)}
        for handle in dict.fromkeys(models.values()):
            known = _refuse_unusable(handle)
            if known is not None and handle == models[ENCODER]:
                _refuse_misfit(request, handle, known)
    except InputError as error:
        if isinstance(error, UnreachableError) and request.without_network:
            return _with_substitute(request, error)
        raise _with_remarks(error, request.remarks) from error
    return _with_models(request, models)


def settle_for_tasks(request: "Request") -> "Request":
    """Returns a request whose models of Hugging Face are pinned to a commit, where that is known.

    Raises:
      InputError: There is no such model or revision, or it may not be read.
    """
    if request.pins:
        raise InputError(
            "A pin by @sha256 is held against files of this machine, and tasks fetch their own",
            "Name a commit of Hugging Face, as hf://OWNER/NAME@COMMIT, or a bucket of your own",
        )
    models, remarks = {}, []
    for key in (ENCODER, PREPROCESSOR):
        try:
            models[key], remark = _pinned_if_possible(request.options[key])
        except InputError as error:
            raise _with_remarks(error, request.remarks) from error
        remarks.append(remark)
    return _with_models(request, models, *filter(None, dict.fromkeys(remarks)))


def is_here(handle: str) -> bool:
    """Returns whether a model for a cluster can be looked at on this machine, without a fetch."""
    model = handles.hugging_face_model(handle)
    if model is None:
        return handle.startswith(handles.ASSET_SCHEME)
    from albert_tfx.encoders.fetching import hugging_face

    return hugging_face.cached(model) is not None


def complete(parameters: Sequence[str], defaults: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Returns the values of a submission with the handles of models as the tasks need them.

    Also returns what to tell the user of how they were understood.

    The preprocessor of a model of Hugging Face is in the model.

    Args:
      parameters: `NAME=VALUE` each.
      defaults: Values of the parameters that are not given.

    Raises:
      InputError: A handle is empty, a pattern of paths, or names nothing; or nothing is known of
        the encoder's preprocessor.
    """
    given = dict(each.partition("=")[::2] for each in parameters)
    if not {ENCODER, PREPROCESSOR} & given.keys():
        return list(parameters), []
    for key in (ENCODER, PREPROCESSOR):
        plain_path(given.get(key, key), f"--parameter {key}")
    if ENCODER in given and PREPROCESSOR not in given:
        given[PREPROCESSOR] = _preprocessor_at_submission(given[ENCODER], defaults[PREPROCESSOR])
    remarks = []
    for key in [key for key in (ENCODER, PREPROCESSOR) if key in given]:
        understood = _understood(given[key], key)
        given[key], remark = _pinned_if_possible(understood.handle)
        remarks += [understood.remark, remark]
    if ENCODER in given:
        remarks.append(_of_recipe(given[ENCODER], {**defaults, **given}["dataset"], defaults))
    values = [f"{name}={value}" for name, value in given.items()]
    return values, list(filter(None, dict.fromkeys(remarks)))


def _of_recipe(encoder: str, dataset: str, defaults: Mapping[str, Any]) -> str:
    """Returns what to say of a pipeline that was compiled to train another encoder."""
    compiled = defaults[ENCODER]
    if recipe_of(encoder, dataset) == recipe_of(compiled, defaults["dataset"]):
        return ""
    return (
        f"batch size, epochs and rates stay those that were compiled for {compiled}: compile with "
        f"--encoder {encoder} for those that suit it"
    )


def _preprocessor_at_submission(encoder: str, default: str) -> str:
    understood = _understood(encoder, ENCODER).handle
    is_of_one = handles.hugging_face_model(default) or default.startswith(handles.ASSET_SCHEME)
    if is_of_one or handles.hugging_face_model(understood):
        return _preprocessor_of(understood)
    return default


def _understood(given: str, role: str) -> handles.Given:
    understood = handles.understand(given, role)
    folder = pathlib.Path(understood.handle)
    if "://" not in understood.handle and folder.parent == ASSETS:
        return handles.Given(f"{handles.ASSET_SCHEME}{folder.name}")
    return understood


def _preprocessor_of(encoder: str) -> str:
    """Returns the preprocessor that belongs to an encoder.

    Raises:
      InputError: Nothing tells which.
    """
    if re.fullmatch(r"https://tfhub\.dev/tensorflow/albert_en_(x{0,2}large|base)/\d+", encoder):
        return BASE_PREPROCESSOR
    if encoder == MINI_ENCODER:
        return MINI_PREPROCESSOR
    if handles.hugging_face_model(encoder) or handles.may_be_hugging_face_folder(encoder):
        return encoder
    folder = pathlib.Path(encoder)
    for name in (f"{folder.name}_preprocess", "albert_en_preprocess"):
        if folder.is_dir() and (folder.parent / name).is_dir():
            return str(folder.parent / name)
    if "://" not in encoder:
        handles.saved_model_folder(encoder)  # refuses what is no encoder at all
    raise InputError(
        f"nothing is known of the preprocessor of {encoder!r}", "Name it with --preprocessor HANDLE"
    )


def _pinned(handle: str) -> str:
    model = handles.hugging_face_model(handle)
    if model is None or model.is_pinned:
        return handle
    reachability.require(model)
    from albert_tfx.encoders.fetching import hugging_face

    return str(hugging_face.pinned(model))


def _refuse_unusable(handle: str) -> "EncoderFacts | None":
    """Refuses a model of this machine that can be seen to be unusable without TensorFlow.

    Returns:
      What is known of it, None of a SavedModel and of what is not here.
    """
    from albert_tfx.encoders import facts

    model = handles.hugging_face_model(handle)
    if model is not None:
        from albert_tfx.encoders.fetching import hugging_face

        folder = hugging_face.cached(model)
    else:
        folder = pathlib.Path(handle) if facts.is_model_folder(handle) else None
    if folder is not None:
        return facts.inspect(folder)
    if "://" not in handle or handle.startswith(handles.ASSET_SCHEME):
        handles.saved_model_folder(handle)
    return None


def _refuse_misfit(request: "Request", handle: str, known: "EncoderFacts") -> None:
    """Refuses a sequence length and a pooling that cannot be had of an encoder."""
    from albert_tfx.encoders import facts

    sequence_length = request.of(PreprocessingOptions).sequence_length
    facts.require_positions(handle, known.positions, sequence_length)
    pooling = request.of(EmbeddingOptions).pooling
    facts.settled_pooling(handle, known.pooling or MEAN, known.has_pooler, pooling)


def _with_remarks(error: InputError, remarks: Sequence[str]) -> InputError:
    """Returns an error that begins with how the user's words were understood."""
    return type(error)(". ".join((*remarks, error.cause)), error.remedy)


def _pinned_if_possible(handle: str) -> tuple[str, str]:
    """Returns a handle, pinned where that is possible, and else what to say of it."""
    try:
        return _pinned(handle), ""
    except UnreachableError:
        return handle, (
            f"{handle} could not be resolved to a commit, as Hugging Face cannot be reached from "
            "here: each task takes what it is then. Name a commit, as @REVISION, to be sure"
        )


def _with_substitute(request: "Request", error: InputError) -> "Request":
    substitute = request.without_network
    remark = (
        f"NOT {request.options[ENCODER]}: this run takes the small ALBERT of this project, which "
        f"is for trying out ({error.cause})"
    )
    return _with_models(request, substitute, remark)


def _with_models(request: "Request", models: Mapping[str, Any], *remarks: str) -> "Request":
    return dataclasses.replace(
        request,
        options={**request.options, **models},
        remarks=(*request.remarks, *remarks),
        without_network={},
    )
