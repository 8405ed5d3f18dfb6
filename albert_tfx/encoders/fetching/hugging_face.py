"""Models of Hugging Face: fetched by `huggingface_hub` into its own cache, and taken from there.

What the cache has is taken without a question to the network, so that the same command gives the
same model, also offline. Caches, tokens and offline mode are those of
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables.
"""

import contextlib
import dataclasses
import errno
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2  # by which huggingface_hub reaches the network
import huggingface_hub
from huggingface_hub import constants, errors

from albert_tfx.encoders import checkpoint, configuration
from albert_tfx.encoders.fetching import reachability
from albert_tfx.encoders.fetching.handles import MAIN, HuggingFaceModel
from albert_tfx.errors import InputError, first_line, one_line

# What a conversion may read. Pickled weights, and those of other frameworks, stay where they are.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "spiece.model", "vocab.json", "*.bpe.model")
_CONFIGURATION = ("config.json",)
FILES = (
    *_CONFIGURATION,
    *("modules.json", "sentence_bert_config.json", "1_Pooling/config.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt"),
    *_VOCABULARIES,
    *_WEIGHTS,
)
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_UNWRITABLE = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
_LOGGER = logging.getLogger(__name__)


def pinned(model: HuggingFaceModel) -> HuggingFaceModel:
    """Returns a model with its revision resolved to a commit.

    Raises:
      UnreachableError: The cache does not have the revision, and Hugging Face cannot be asked.
      InputError: There is no such model or revision, or it may not be read.
    """
    if model.is_pinned:
        return model
    with _explained(model):
        commit = _cached_commit(model)
        if cached(_at(model, commit)) is None:
            _require_online(model)
            commit = _commit(model)
    return _at(model, commit)


def fetch(model: HuggingFaceModel) -> Path:
    """Returns a model's folder in Hugging Face's cache, downloaded first where it is not whole.

    Only the files of `FILES` are downloaded.

    Raises:
      UnreachableError: It is not whole there, and Hugging Face cannot be reached.
      InputError: There is no such model or revision, it may not be read, is of a kind that cannot
        be converted, or has no weights in safetensors format.
    """
    folder = cached(model)
    if folder is not None:
        return folder
    with _explained(model):
        _require_online(model)
        configuration.read(_snapshot(model, _CONFIGURATION))
        _LOGGER.warning("fetching %s", model)
        folder = Path(_snapshot(model, FILES))
    if not is_whole(folder):
        raise InputError(
            f"{model} has no weights in safetensors format, or no tokenizer",
            "Give a revision that has them, or write them elsewhere with "
            "AutoModel.from_pretrained(…).save_pretrained(FOLDER), AutoTokenizer likewise, and "
            "give that folder",
        )
    return folder


def cached(model: HuggingFaceModel) -> Path | None:
    """Returns a model's folder in Hugging Face's cache, None where it is not whole there."""
    folder = _cached(model)
    return folder if is_whole(folder) else None


def is_whole(folder: Path | None) -> bool:
    """Returns whether a model's folder has a configuration, a tokenizer and all of its weights."""
    if folder is None or not (folder / "config.json").exists():
        return False
    has_tokenizer = any(path.exists() for name in _VOCABULARIES for path in folder.glob(name))
    return has_tokenizer and all((folder / name).exists() for name in _weights(folder))


def _weights(folder: Path) -> list[str]:
    """Returns the names of the files that hold the weights."""
    try:
        return [str(file.relative_to(folder)) for file in checkpoint.shards(folder)]
    except InputError:
        return [_WEIGHTS[0]]


def _cached(model: HuggingFaceModel) -> Path | None:
    """Returns the model's folder in the cache, whole or not."""
    try:
        return Path(_snapshot(model, FILES, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.IncompleteSnapshotError):
        return None


def _api() -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


def _at(model: HuggingFaceModel, commit: str | None) -> HuggingFaceModel:
    return model if commit is None else dataclasses.replace(model, revision=commit)


def _cached_commit(model: HuggingFaceModel) -> str | None:
    try:
        return _commit(model, local_files_only=True)
    except errors.RevisionResolutionError:
        return None


def _require_online(model: HuggingFaceModel) -> None:
    """Asks for a model once; `huggingface_hub` itself tries for half a minute, or takes half of it.

    Raises:
      OSError: There is no such model or revision, or it may not be read.
      httpx2.HTTPError: Hugging Face cannot be reached.
    """
    _api().model_info(model.name, revision=model.revision, timeout=reachability.SILENCE)


def _commit(model: HuggingFaceModel, local_files_only: bool = False) -> str:
    resolved = _api().resolve_revision(
        model.name, revision=model.revision, local_files_only=local_files_only
    )
    return str(resolved.resolved)


def _snapshot(model: HuggingFaceModel, files: Sequence[str], local_files_only: bool = False) -> str:
    return str(
        _api().snapshot_download(
            model.name,
            revision=model.revision,
            allow_patterns=list(files),
            local_files_only=local_files_only,
        )
    )


@contextlib.contextmanager
def _explained(model: HuggingFaceModel) -> Iterator[None]:
    """Turns what `huggingface_hub` raises into one line with a remedy."""
    try:
        yield
    except errors.GatedRepoError as error:
        raise InputError(
            f"{model} is gated: its owner wants to know who reads it",
            f"Accept its terms on https://huggingface.co/{model.name}, and name a token of your "
            "account in HF_TOKEN",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise InputError(
            f"{model.name} has no revision {model.revision!r} on Hugging Face",
            f"Give a branch, a tag or a commit of it, or none for {MAIN}",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(
            f"Hugging Face has no model {model.name}, or it is private",
            "Check owner and name; of a private one, name a token of your account in HF_TOKEN; or "
            "give the path of a folder that exists",
        ) from error
    except errors.HFValidationError as error:
        raise InputError(f"{model} is no name of Hugging Face", one_line(error)) from error
    except (OSError, httpx2.HTTPError) as error:
        raise _failed(model, error) from error


def _failed(model: HuggingFaceModel, error: Exception) -> InputError:
    cause: BaseException = error.__cause__ or error
    response = getattr(cause, "response", None)
    if getattr(response, "status_code", None) in (_UNAUTHORIZED, _FORBIDDEN):
        return InputError(
            f"Hugging Face refuses to hand out {model} ({_reason(cause)})",
            "Check the token in HF_TOKEN, or unset it",
        )
    if isinstance(cause, OSError) and cause.errno in _UNWRITABLE:
        return InputError(
            f"{model} cannot be written to Hugging Face's cache ({cause.strerror}), "
            f"{constants.HF_HUB_CACHE}",
            "Make room there, or name another folder in HF_HOME",
        )
    return reachability.unreachable(model, _reason(cause))


def _reason(cause: BaseException) -> str:
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return reachability.OFFLINE
    return first_line(cause)
