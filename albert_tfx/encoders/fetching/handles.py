"""What names an encoder or a preprocessor, as data.

| handle | what it names |
|---|---|
| `asset://NAME` | a folder of this project's package `assets` |
| `https://…` | a SavedModel of TF Hub or Kaggle |
| `hf://OWNER/NAME[@REVISION]` | a model of Hugging Face; a bare `OWNER/NAME` is understood |
| any other | a folder, here or in a bucket: a SavedModel's, or a Hugging Face model's |

Where a user names a model, `@sha256:` and a digest of its files may follow, by which it is pinned.
"""

import dataclasses
import os
import re
from importlib import resources
from pathlib import Path

from etils import epath

from albert_tfx.contract import EXTRA_ASSETS, ORIGIN_FILE
from albert_tfx.encoders.configuration import encoders_within, give_encoder_within
from albert_tfx.errors import InputError, did_you_mean
from albert_tfx.options import absolute
from albert_tfx.printable import has_secret, redacted

ASSET_SCHEME = "asset://"
HUGGING_FACE_SCHEME = "hf://"
SAVED_MODEL = "saved_model.pb"
MAIN = "main"
EXAMPLE = "hf://albert/albert-base-v2"

_NAME = r"(?P<name>[A-Za-z0-9][\w.-]*/[\w.-]*\w)"
_MODEL = re.compile(rf"{_NAME}(@(?P<revision>[\w./-]+))?")
_PAGE = re.compile(
    rf"https?://(www\.)?(huggingface\.co|hf\.co)/{_NAME}(/tree/(?P<revision>.+?))?/?"
)
_WHAT_TO_GIVE = (
    "Give the folder of a SavedModel or of a Hugging Face model, a TF Hub or Kaggle URL, or a name "
    f"of Hugging Face, such as {EXAMPLE}"
)
_PIN = "@sha256:"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclasses.dataclass(frozen=True)
class HuggingFaceModel:
    """A model of Hugging Face.

    >>> str(HuggingFaceModel("albert/albert-base-v2", "v1"))
    'hf://albert/albert-base-v2@v1'

    Attributes:
      name: `OWNER/NAME`.
      revision: A branch, tag or commit.
    """

    name: str
    revision: str = MAIN

    def __str__(self) -> str:
        at = "" if self.revision == MAIN else f"@{self.revision}"
        return f"{HUGGING_FACE_SCHEME}{self.name}{at}"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None


@dataclasses.dataclass(frozen=True)
class Given:
    """A handle as it was understood.

    Attributes:
      handle: The handle, the same from any folder.
      remark: What to tell the user of how it was understood; empty where it was plain.
    """

    handle: str
    remark: str = ""


def split_pin(given: str) -> tuple[str, str | None]:
    """Returns what a user named without its pin, and the digest that this states, if there is one.

    >>> split_pin("models/my_bert")
    ('models/my_bert', None)

    Raises:
      InputError: There is a pin without a digest.
    """
    handle, pin, digest = given.partition(_PIN)
    if pin and not _DIGEST.fullmatch(digest):
        raise InputError(
            f"{given} pins by {digest!r}, which is no SHA-256",
            "Give the 64 hexadecimal digits that a run with this model prints",
        )
    return handle, digest or None


def understand(given: str, role: str = "encoder") -> Given:
    """Returns the handle that a user means.

    Args:
      given: What the user wrote.
      role: What an error calls it.

    Raises:
      InputError: There is no such folder, and it names nothing else; or it holds a password.
    """
    if has_secret(given):
        (shown,) = redacted([given])
        raise InputError(
            f"--{role} {shown!r} holds a password or a key, which a run would write into its "
            "metadata and its report",
            "Download the model, and give its folder; for Hugging Face, name a token in HF_TOKEN",
        )
    if _PIN in given:
        raise InputError(
            f"{given} pins a model by its files, which are not looked at here",
            "Name a commit of Hugging Face, as hf://OWNER/NAME@COMMIT, which is as certain",
        )
    if given.startswith(HUGGING_FACE_SCHEME):
        return Given(str(_model(given)))
    if page := _PAGE.fullmatch(given):
        return _taken_for(given, page, "the page of a model")
    if "://" in given:
        return Given(given)
    if Path(absolute(given)).is_dir():
        return Given(absolute(given))
    name = _MODEL.fullmatch(given)
    if name is None or Path(given).parent.is_dir():
        raise _no_folder(given, role)
    return _taken_for(given, name, "no folder here")


def hugging_face_model(handle: str) -> HuggingFaceModel | None:
    """Returns the model of Hugging Face that a handle names, None where it names none."""
    return _model(handle) if handle.startswith(HUGGING_FACE_SCHEME) else None


def is_url(handle: str) -> bool:
    """Returns whether a handle is TF Hub's or Kaggle's."""
    return handle.startswith(("http://", "https://"))


def may_be_hugging_face_folder(handle: str) -> bool:
    """Returns whether a handle is a Hugging Face model's folder, or one in a bucket, unseen."""
    if "://" in handle:
        return not handle.startswith((ASSET_SCHEME, "http://", "https://"))
    return Path(handle, "config.json").is_file() and not Path(handle, SAVED_MODEL).exists()


def saved_model_folder(handle: str) -> str:
    """Returns the folder of a SavedModel that lies in `assets`, here, or in a bucket.

    Raises:
      InputError: There is no such folder, or it holds something else.
    """
    if handle.startswith(ASSET_SCHEME):
        handle = str(resources.files("assets") / handle.removeprefix(ASSET_SCHEME))
    folder = epath.Path(handle)
    if not folder.is_dir():
        raise InputError(f"There is no model folder {handle!r}", _WHAT_TO_GIVE)
    if (folder / EXTRA_ASSETS / ORIGIN_FILE).exists():
        raise InputError(
            f"{handle} is a classifier that this pipeline has pushed, and no encoder",
            "Give the encoder that it was trained from",
        )
    if not (folder / SAVED_MODEL).exists():
        within = encoders_within(folder)
        raise InputError(
            f"{handle} holds no {SAVED_MODEL} and no config.json",
            give_encoder_within(within[0]) if within else _WHAT_TO_GIVE,
        )
    return handle


def _model(handle: str) -> HuggingFaceModel:
    match = _MODEL.fullmatch(handle.removeprefix(HUGGING_FACE_SCHEME))
    if match is None:
        raise InputError(
            f"{handle!r} names no model of Hugging Face",
            f"Give {HUGGING_FACE_SCHEME}OWNER/NAME or {HUGGING_FACE_SCHEME}OWNER/NAME@REVISION, "
            f"such as {EXAMPLE}",
        )
    return HuggingFaceModel(match["name"], match["revision"] or MAIN)


def _taken_for(given: str, match: re.Match[str], what: str) -> Given:
    handle = str(HuggingFaceModel(match["name"], match["revision"] or MAIN))
    return Given(handle, f"{given} is {what}: it is taken for {handle} of Hugging Face")


def _no_folder(given: str, role: str) -> InputError:
    if Path(absolute(given)).is_file():
        return InputError(f"{given!r} is a file, and no {role} folder", _WHAT_TO_GIVE)
    return InputError(f"There is no {role} folder {given!r}", _alternatives(given))


def _alternatives(given: str) -> str:
    """Returns the remedy for a folder that is not there, and may be a name, too."""
    parent = Path(absolute(given)).parent
    is_read = parent.is_dir() and os.access(parent, os.R_OK)
    beside = [path.name for path in parent.iterdir() if path.is_dir()] if is_read else []
    guess = did_you_mean(Path(given).name, beside, "")
    remedies = [f"{guess.removesuffix('?')}, in {parent}?" if guess else ""]
    if _MODEL.fullmatch(given):
        remedies.append(f"Give {HUGGING_FACE_SCHEME}{given} if you mean a model of Hugging Face")
    return " ".join(filter(None, remedies)) or _WHAT_TO_GIVE
