import pytest

from albert_tfx.redaction import has_secret, redacted, secrets

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "arguments",
    [
        [f"--beam-arg=--s3_secret_access_key={SECRET}"],
        ["--beam-arg", f"--s3_secret_access_key={SECRET}"],
        ["--beam-arg=--s3_secret_access_key", f"--beam-arg={SECRET}"],
        ["--beam-arg", "--s3_session_token", "--beam-arg", SECRET],
        [f"--beam-arg=--azure_sas={SECRET}"],
        ["--password", SECRET],
        [f"--beam-arg=--flink_conf_dir=/x,ssl.key-password={SECRET},a=b"],
        [f'--beam-arg=--environment_config={{"env": {{"PASSWORD": "{SECRET}"}}}}'],
        ["--encoder", f"https://user:{SECRET}@models.example/bert/1"],
        ["--encoder", f"https://{SECRET}@models.example/bert/1"],
        ["--encoder", f"https://models.example/bert/1?tf-hub-format=compressed&token={SECRET}"],
        ["--encoder", f"https://models.example/bert/1?X-Goog-Signature={SECRET}&x=1"],
        [f"--preprocessor=https://models.example/bert/1?sig={SECRET}"],
    ],
)
def test_no_secret_of_a_command_line_is_left(arguments):
    left = redacted(arguments)
    assert SECRET not in " ".join(left)
    assert "***" in " ".join(left)
    assert len(left) == len(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--encoder", "hf://owner/name@main", "--label-column", "author"],
        ["--encoder", "https://tfhub.dev/tensorflow/albert_en_base/3?tf-hub-format=compressed"],
        ["--beam-arg=--runner=DataflowRunner", "--beam-arg=--region=europe-west4"],
        ["--csv", "mail@home.csv", "--output", "output/tokens"],
        ["--dataset", "imdb_reviews", "--sequence-length", "96"],
    ],
)
def test_the_rest_of_a_command_line_stays(arguments):
    assert redacted(arguments) == arguments


def test_a_secret_is_hidden_wherever_it_is_repeated():
    found = secrets([f"--token={SECRET}", "--password=hunter2"])
    assert found == (SECRET, "hunter2")


def test_a_url_with_a_password_has_a_secret():
    assert has_secret(f"https://user:{SECRET}@host/m")
    assert not has_secret("https://host/m?version=2")
