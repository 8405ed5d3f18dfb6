from albert_pretraining.schedule import Schedule


def test_the_rate_rises_stays_and_falls():
    schedule = Schedule(total_steps=1000, peak_rate=1.0, warmup_steps=100, decay_fraction=0.2)
    assert schedule.rate(0) == 0.01
    assert schedule.rate(99) == schedule.rate(500) == schedule.rate(800) == 1.0
    assert schedule.rate(900) == 0.5
    assert schedule.rate(999) == 0.005
    assert schedule.rate(1000) == 0.0


def test_a_larger_budget_begins_as_a_smaller_one_did():
    small, large = Schedule(total_steps=1000), Schedule(total_steps=5000)
    before_decay = range(small.decay_start)
    assert [small.rate(step) for step in before_decay] == [large.rate(s) for s in before_decay]
