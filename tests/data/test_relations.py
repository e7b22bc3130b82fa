import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.logs import log_of

from embrec.data.catalog import Catalog
from embrec.data.relations import Relations
from embrec.data.splits import LeaveOneOut
from embrec.errors import ConfigError, DataError

N = 6
ids = st.integers(0, N + 3)  # padding, the catalog, and items that were added later
real = st.integers(1, N)
pair_lists = st.lists(st.lists(st.tuples(real, real), max_size=20), min_size=1, max_size=3)


def relations_of(lists):
    arrays = [np.array(pairs, dtype=np.int64).reshape(-1, 2) for pairs in lists]
    return Relations.from_pairs(N, {f"r{r}": (pairs[:, 0], pairs[:, 1]) for r, pairs in enumerate(arrays)})


def pairs_of(relations, name):
    heads, tails = relations.pairs(name)
    return list(zip(heads.tolist(), tails.tolist(), strict=True))


def transitions(rows, events=None, **options):
    log = log_of(rows)
    events = np.arange(len(log)) if events is None else np.array(events)
    return pairs_of(Relations.from_transitions(log, events, N, **options), "next")


@given(pair_lists, st.lists(st.lists(ids, min_size=3, max_size=3), min_size=1, max_size=4), st.data())
def test_lookup_agrees_with_sets(lists, heads, data):
    tails = [data.draw(st.lists(ids, min_size=2, max_size=2)) for _ in heads]
    relations = relations_of(lists)
    sets = [{(head, tail) for head, tail in pairs if head != tail} for pairs in lists]
    found = relations.lookup(np.array(heads), np.array(tails))
    assert found.shape == (len(heads), 2, 3, len(lists))
    assert (relations.lookup(torch.tensor(heads), torch.tensor(tails)).numpy() == found).all()
    for b, c, h, r in np.ndindex(found.shape):
        assert found[b, c, h, r] == ((heads[b][h], tails[b][c]) in sets[r])


@given(pair_lists)
def test_pairs_are_sorted_and_stand_once(lists):
    relations = relations_of(lists)
    for place, name in enumerate(relations.names):
        expected = sorted({(head, tail) for head, tail in lists[place] if head != tail})
        assert pairs_of(relations, name) == expected
        assert relations.counts[name] == len(expected)


def test_relations_beside_each_other_keep_their_pairs():
    one, two = relations_of([[(1, 2), (3, 1)]]), relations_of([[(1, 5)], [(6, 1), (2, 1)]])
    with pytest.raises(ConfigError, match="two relations are called 'r0'"):
        one.beside(two)
    named = Relations(("also", "instead"), two.ptr, two.tail, {"also": 3})
    both = one.beside(named)
    assert both.names == ("r0", "also", "instead")
    assert [pairs_of(both, name) for name in both.names] == [[(1, 2), (3, 1)], [(1, 5)], [(2, 1), (6, 1)]]
    assert both.holds(np.array([1, 1, 6]), np.array([2, 5, 1])).tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    assert both.unknown == {"also": 3}
    with pytest.raises(ConfigError, match="of 6 items do not go with relations of 2"):
        one.beside(Relations.from_pairs(2, {"x": (np.array([1]), np.array([2]))}))
    with pytest.raises(ConfigError, match="no relation 'next'; there are: r0, also, instead"):
        both.pairs("next")


@pytest.mark.parametrize(
    "column",
    [
        ["b c x", "", None, "a a"],
        ["b, c, x", None, "", "a, a"],
        ['["b", "c", "x"]', "[]", None, '["a"]'],
        ["['b', 'c', 'x']", "[]", None, "['a', 'a']"],
        pl.Series([["b", "c", "x"], [], None, ["a", "a"]], dtype=pl.List(pl.String)),
    ],
    ids=["spaces", "commas", "json", "python", "lists"],
)
def test_lists_in_every_form_name_the_same_pairs(column):
    catalog = Catalog(pl.DataFrame({"item": ["a", "b", "c", "d"], "also": column}))
    relations = Relations.from_lists(catalog, ["also"])
    assert pairs_of(relations, "also") == [(1, 2), (1, 3), (4, 1)]
    assert relations.unknown == {"also": 1}
    assert relations.n_items == 4


def test_lists_of_numbers_name_items_by_their_text():
    catalog = Catalog(pl.DataFrame({"item": ["12", "7"], "also": ["[7, 99]", "[]"]}))
    assert pairs_of(Relations.from_lists(catalog, ["also"]), "also") == [(1, 2)]
    catalog = Catalog(pl.DataFrame({"item": ["12", "7"], "also": [[7, 99], []]}))
    assert pairs_of(Relations.from_lists(catalog, ["also"]), "also") == [(1, 2)]


def test_ids_with_spaces_need_commas():
    catalog = Catalog(pl.DataFrame({"item": ["red pen", "ink"], "also": ["ink", "red pen, ink"]}))
    assert pairs_of(Relations.from_lists(catalog, ["also"]), "also") == [(1, 2), (2, 1)]


def test_a_column_that_is_not_there_is_an_error():
    catalog = Catalog(pl.DataFrame({"item": ["a"]}))
    with pytest.raises(DataError, match="no column 'also' to read relations from; there are: item"):
        Relations.from_lists(catalog, ["also"])
    for columns in ([], ["item", "item"]):
        with pytest.raises(ConfigError, match="each once"):
            Relations.from_lists(catalog, columns)


def test_transitions_relate_an_item_to_what_follows_it():
    assert transitions([[0, 1, 2], [1, 0], [5]]) == [(1, 2), (2, 1), (2, 3)]


def test_an_item_is_not_related_to_itself():
    assert transitions([[0, 0, 1]], first_occurrence=False) == [(1, 2)]


def test_only_what_follows_the_first_occurrence_counts_if_asked():
    rows = [[0, 1, 0, 2]]
    assert transitions(rows) == [(1, 2), (2, 1)]
    assert transitions(rows, first_occurrence=False) == [(1, 2), (1, 3), (2, 1)]


def test_other_events_are_passed_over():
    rows = [[0, 1, 2], [3, 4]]
    assert transitions(rows, [0, 2, 3]) == [(1, 3)]
    assert transitions(rows, [2, 0, 3]) == [(1, 3)]
    assert transitions(rows, [0, 3]) == []


def test_the_most_popular_tails_are_kept_and_ties_go_to_the_first():
    rows = [
        [0, 3],
        [0, 2],
        [0, 1],
        [0, 2],
        [1],
    ]  # after 0: item 2 twice; items 1 and 2 have two events each, item 3 one
    assert transitions(rows, most=1) == [(1, 2)]
    assert transitions(rows, most=2) == [(1, 2), (1, 3)]
    assert transitions(rows, most=9) == [(1, 2), (1, 3), (1, 4)]
    with pytest.raises(ConfigError, match="most is 0"):
        transitions(rows, most=0)


@given(st.lists(st.lists(st.integers(0, N - 1), min_size=3, max_size=7), min_size=1, max_size=5), st.data())
def test_relations_of_training_events_do_not_know_what_came_later(rows, data):
    log = log_of(rows)
    partition = LeaveOneOut()(log, N)
    later = data.draw(st.lists(st.integers(0, N - 1), min_size=2 * len(rows), max_size=2 * len(rows)))
    changed = [[*row[:-2], later[2 * place], later[2 * place + 1]] for place, row in enumerate(rows)]
    built = Relations.from_transitions(log, partition.train.events(log), N, most=2)
    again = Relations.from_transitions(log_of(changed), partition.train.events(log), N, most=2)
    assert pairs_of(built, "next") == pairs_of(again, "next")
