import latency


def test_each_engine_has_a_ratio_over_ours_and_the_bar_that_is_asked_of_it():
    engine = "OpenVINO, bfloat16"
    found = {
        "ours, alone": [0.02, 0.02],
        "ours, in batches": [0.01, 0.01],
        "ours, at once": [0.01, 0.01],
        f"{engine}, alone": [0.04, 0.06],
        f"{engine}, in batches": [0.005, 0.005],
    }

    figures = {
        figure.name: figure for figure in latency.figures_of(found, [engine], "ours, bfloat16")
    }

    alone, batched = (
        figures[f"{of}, ours, bfloat16 over {engine}"] for of in ("one review", "batches of 32")
    )
    assert (alone.value, alone.bar) == (2.5, None)
    assert (batched.value, batched.bar) == (0.5, ">= 0.8")
    assert figures[f"batches of 32, {engine}"].value == 200
