import pytest

from albert_tfx.errors import InputError
from pipelines import request
from pipelines.confinement import beam_flags
from pipelines.presets import IN_PROCESS

_CLUSTER = "--job_endpoint=flink.example:8099"


@pytest.mark.parametrize(
    "flags",
    [
        ("--runner=DirectRunner",),
        ("--runner", "DirectRunner"),
        ("--runner=direct",),
        ("--runner=",),
        ("--runner",),
        ("--runner=FnApiRunner", "--runner="),
        ("--runner=PrismRunner",),
        ("--runner=apache_beam.runners.portability.prism_runner.PrismRunner",),
        ("--runner=SwitchingDirectRunner",),
        ("--runner=InteractiveRunner",),
        ("--runner=my.module.Runner",),
        ("--runner=FlinkRunner",),
        ("--runner=flink", "--flink_master=localhost:8081"),
        ("--runner=SparkRunner",),
        ("--runner=KafkaStreamsRunner",),
        ("--runner=PortableRunner", "--job_endpoint=embed"),
        ("--runner=PortableRunner", "--job_endpoint", "embed"),
        ("--runner=FnApiRunner", "--runner=PrismRunner"),
        ("--runner=PortableRunner", _CLUSTER, "--environment_type=LOOPBACK"),
        ("--runner=PortableRunner", _CLUSTER, "--environment_type", "loopback"),
        ("--runner=PortableRunner", _CLUSTER, "--experiments=a,use_loopback_process_worker"),
        ("--runner=PortableRunner", _CLUSTER, "--experiment=use_loopback_process_worker"),
    ],
)
def test_what_would_listen_for_anyone_is_refused_before_anything_starts(flags):
    with pytest.raises(InputError, match="from anyone"):
        request.make({"beam_arg": flags})


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
        ("--runner=FnApiRunner",),
        ("--runner", "fnapi"),
        ("--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",),
        ("--runner=DataflowRunner", "--project=mine", "--region=europe-west4"),
        ("--runner=FlinkRunner", _CLUSTER, "--environment_type=DOCKER"),
        ("--experiments=use_runner_v2",),
    ],
)
def test_what_runs_in_this_process_or_on_a_cluster_is_taken(flags):
    assert request.make({"beam_arg": flags}).beam_args == flags


@pytest.mark.parametrize("flags", [("--runner=DataflowRunner",), ("--runner", "DataflowRunner")])
def test_a_runner_is_known_in_both_spellings(flags):
    assert beam_flags.with_runner(flags) == flags


def test_without_a_runner_beam_is_in_this_process():
    assert beam_flags.with_runner(("--streaming",)) == (*IN_PROCESS, "--streaming")
