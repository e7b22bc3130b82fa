"""What a search says while it runs, where nobody looks at a terminal."""

from support.searches import search_config, some_trials

from embrec.cli.search_screen import search_screen
from embrec.tuning.on_ray import SearchState

SPACE = {"model.dropout": {"uniform": [0, 0.5]}, "training.learning_rate": {"log-uniform": [1e-4, 1e-1]}}


def test_a_log_begins_with_what_is_searched_and_has_few_lines(capsys):
    config = search_config(SPACE, samples=20)
    trials = {trial.number: trial for trial in some_trials(config)}
    state = SearchState(config, {}, slots=2)
    with search_screen("shop/one") as screen:
        for number in trials:
            state.trials = {one: trials[one] for one in range(1, number + 1)}
            screen.on_change(state)
            screen.on_change(state)
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert first == (
        "shop/one: 20 trials of at most 9 epochs, 2 at once, for the best hr@10; searched: dropout, learning_rate"
    )
    assert lines.count("shop/one: trial 5 failed: it burst") == 1
    assert "shop/one: 4/20 trials (3 finished, 1 stopped); best hr@10 0.3000 (trial 4, epoch 9)" in lines
    assert len(lines) <= 10
    assert last.startswith("shop/one: took 0:00:00, peak memory")


def test_a_search_that_goes_on_says_what_is_done(capsys):
    config = search_config(SPACE, samples=20)
    trials = {trial.number: trial for trial in some_trials(config)}
    with search_screen("shop/one") as screen:
        screen.on_change(SearchState(config, trials, before=13))
    assert "20 trials of at most 9 epochs, 13 of them done, 1 at once" in capsys.readouterr().err.splitlines()[0]
