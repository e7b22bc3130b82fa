"""New items are read as the run's catalog was read, and whatever is missing or empty is said."""

import json
import shutil
import warnings

import numpy as np
import polars as pl
import pytest
from support.categories import SETTINGS

import embrec
from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, DataError, RunError
from embrec.features.registry import make_encoder
from embrec.runs.folder import RunFolder
from embrec.serving.new_items import extend, read_columns
from embrec.serving.reading import read_new_items
from embrec.serving.requests import histories_of

COLOURS, KINDS = ["red", "blue", "green", "oak", "steel"], ["lamp", "chair", "table", "shelf"]
PRODUCTS = [
    {
        "title": f"{COLOURS[k % 5]} {KINDS[k % 4]} {k}",
        "features": [f"Made of {COLOURS[(k + 2) % 5]}", f"{k} parts"],
        "description": [f"A {COLOURS[(k * 3) % 5]} thing.", "For the hall."],
        "price": None,
        "store": f"Brand{k % 5}",
        "categories": ["Home", KINDS[k % 4]],
        "parent_asin": f"B{k:03d}",
    }
    for k in range(30)
]


def train(workspace, source, name):
    """A run of one epoch over TF-IDF."""
    category = embrec.Workspace.locate(workspace).category(name)
    embrec.import_data(category, source, embrec.PreparationConfig(filter="none"))
    list(embrec.build_features(category, ["tfidf"]))
    options = {"model.features": ["tfidf"], "training.epochs": 1, "training.device": "cpu"}
    return embrec.train(category, embrec.build_config(name, options=options, settings=SETTINGS), "run").run


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """The same products sold by a shop of Amazon's files and one of tables of its own, and a trained run of each."""
    folder = tmp_path_factory.mktemp("shops")
    generator = np.random.default_rng(0)
    write_lines(folder / "meta.jsonl", PRODUCTS)
    reviews, log = [], ["customer,sku,timestamp"]
    for user in range(25):
        for step, k in enumerate(generator.permutation(30)[:7].tolist()):
            reviews.append(
                {"user_id": f"U{user}", "parent_asin": f"B{k:03d}", "rating": 5.0, "timestamp": 10**12 + 10**6 * step}
            )
            log.append(f"U{user},B{k:03d},{10**6 * step}")
    write_lines(folder / "reviews.jsonl", reviews)
    (folder / "log.csv").write_text("\n".join(log) + "\n")
    write_lines(folder / "items.jsonl", [{"sku": one["parent_asin"], **plain(one)} for one in PRODUCTS])
    amazon = embrec.AmazonSource(source="amazon-2023", reviews=folder / "reviews.jsonl", metadata=folder / "meta.jsonl")
    table = embrec.TableSource(
        interactions=folder / "log.csv", items=folder / "items.jsonl", user_column="customer", item_column="sku"
    )
    return {
        "folder": folder,
        "amazon": train(folder / "workspace", amazon, "amazon"),
        "table": train(folder / "workspace", table, "table"),
    }


def plain(product):
    """A product as a shop with columns of its own tells it."""
    return {"title": product["title"], "brand": product["store"], "description": " ".join(product["description"])}


def under_new_ids(products, key):
    return [{**product, key: "N" + product[key][1:]} for product in products]


def cosines(model, count):
    old = model.item_vectors([f"B{k:03d}" for k in range(count)])
    new = model.item_vectors([f"N{k:03d}" for k in range(count)])
    return (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)


def with_items(run, items):
    """A recommender with new items, and what was said of them."""
    said = []
    return embrec.Recommender.load(run).with_items(items, tell=said.append), said


def test_raw_products_of_the_source_have_the_vectors_of_the_catalog(shops):
    path = write_lines(shops["folder"] / "new.jsonl", under_new_ids(PRODUCTS[:5], "parent_asin"))
    model, said = with_items(shops["amazon"], path)
    np.testing.assert_allclose(cosines(model, 5), 1, atol=1e-5)
    assert said == []
    assert model.catalog.texts()[-5:] == model.catalog.texts()[:5]


@pytest.mark.parametrize("form", ["parquet", "dicts", "read_items"])
def test_raw_products_in_other_forms_have_them_too(shops, form):
    rows = under_new_ids(PRODUCTS[:5], "parent_asin")
    path = shops["folder"] / "new.parquet"
    frame = pl.DataFrame(rows, schema_overrides={"price": pl.Float64})
    frame.write_parquet(path)
    lines = write_lines(shops["folder"] / "again.jsonl", rows)
    items = {
        "parquet": lambda: path,
        "dicts": lambda: rows,
        "read_items": lambda: embrec.read_items(lines, item_column="parent_asin"),
    }
    model, said = with_items(shops["amazon"], items[form]())
    np.testing.assert_allclose(cosines(model, 5), 1, atol=1e-5)
    assert any("amazon-2023" in note for note in said) == (form == "read_items")


def test_items_with_the_columns_of_the_catalog_are_read_for_any_source(shops):
    model = embrec.Recommender.load(shops["amazon"])
    rows = model.catalog.frame[:3].with_columns(pl.col("item").str.replace("B", "N"))
    model, said = with_items(shops["amazon"], rows)
    np.testing.assert_allclose(cosines(model, 3), 1, atol=1e-5)
    assert said == []


@pytest.mark.parametrize("column", ["sku", "item"])
def test_the_import_s_own_columns_are_taken(shops, column):
    rows = [{column: f"N{k:03d}", **plain(PRODUCTS[k])} for k in range(4)]
    model, said = with_items(shops["table"], write_lines(shops["folder"] / "own.jsonl", rows))
    np.testing.assert_allclose(cosines(model, 4), 1, atol=1e-5)
    assert said == []


def test_texts_that_look_like_numbers_in_a_few_rows_stay_texts(shops):
    path = shops["folder"] / "few.csv"
    path.write_text('sku,title,brand,description\nN1,1.50,True,007\nN2,2.50,False,"9,99"\n')
    model = embrec.Recommender.load(shops["table"])
    items = model.read_items(path)
    assert items.texts(["title", "brand", "description"]) == ["1.50 True 007", "2.50 False 9,99"]


def test_columns_that_new_items_lack_are_named(shops):
    rows = [{"sku": f"N{k:03d}", "title": PRODUCTS[k]["title"], "Brand_": "x", "colour": "red"} for k in range(3)]
    _, (note,) = with_items(shops["table"], rows)
    assert "lack columns brand, description" in note
    assert "is 'Brand_' 'brand'?" in note
    assert "colour" in note


@pytest.mark.parametrize("company", [[], [{"sku": "M", "title": "red lamp", "brand": "x", "description": "x"}]])
@pytest.mark.parametrize("title", ["007", "1984", "1.50", "true", "https://oak", "B001", "2020-01-01", "[oak]"])
def test_the_text_of_a_new_item_is_read_as_it_stands_in_any_company(shops, title, company):
    rows = [{"sku": "N", "title": title, "brand": "Brand1", "description": "oak"}, *company]
    pl.DataFrame(rows).write_csv(shops["folder"] / "texts.csv")
    for items in (shops["folder"] / "texts.csv", write_lines(shops["folder"] / "texts.jsonl", rows), rows):
        model, _ = with_items(shops["table"], items)
        assert model.titles(["N"]) == [title]


def test_ids_that_are_nearly_those_of_the_catalog_are_named(shops):
    rows = [{"sku": sku, **plain(PRODUCTS[0])} for sku in ("b001", " B002", "N1")]
    _, (note,) = with_items(shops["table"], rows)
    assert note.startswith("2 of the new ids are nearly ids of the catalog: 'b001' is new, and 'B001' is there")


def test_nested_values_where_the_catalog_has_texts_are_named(shops):
    rows = [{"sku": "N1", **plain(PRODUCTS[0]), "title": {"en": "red lamp"}}]
    _, (note,) = with_items(shops["table"], rows)
    assert "column 'title' is text in the catalog, and 1 of the new items have nested values" in note


def test_values_that_do_not_fit_a_column_that_is_read_are_named():
    catalog = Catalog(pl.DataFrame({"item": ["a"], "price": [1.5]}))
    new = Catalog(pl.DataFrame({"item": ["b", "c", "d"], "price": ["1.25", "cheap", " "]}))
    (note,) = extend(catalog, new, ["price"]).notes
    assert "column 'price' has Float64 in the catalog, which 1 values of the new items are not, such as 'cheap'" in note
    assert extend(catalog, new, []).notes == []


def test_python_warns_where_nobody_listens(shops):
    model = embrec.Recommender.load(shops["table"])
    with pytest.warns(UserWarning, match="lack columns"):
        model.with_items([{"sku": "N1", "title": "red lamp"}])
    with warnings.catch_warnings(action="error"):
        model.with_items([{"sku": "N1", **plain(PRODUCTS[0])}])


def test_items_with_nothing_to_read_are_named_and_recommended_to_nobody(shops):
    rows = [
        {"sku": "empty", "title": "", "brand": None, "description": ""},
        {"sku": "unknown", "title": "zzzz qqqq", "brand": "", "description": ""},
        {"sku": "N003", **plain(PRODUCTS[3])},
    ]
    model, (note,) = with_items(shops["table"], rows)
    assert note.startswith("2 of the 3 new items have nothing to read")
    assert "'empty'" in note
    assert "'unknown'" in note
    everything = {item.item for item in model.recommend([], k=100)} | {
        item.item for item in model.recommend(["B001"], k=100)
    }
    assert "N003" in everything
    assert not {"empty", "unknown"} & everything
    log = embrec.load_dataset(shops["table"].category)
    assert set(embrec.score_by_item(model, log, k=3)["item"]) == {"N003"}


def test_whitened_vectors_of_nothing_are_nothing_too(shops):
    """A transform makes some vector of a vector of zeros."""
    category = shops["table"].category
    list(embrec.build_features(category, ["tfidf+whiten:dim=8"]))
    options = {"model.features": ["tfidf+whiten"], "training.epochs": 1, "training.device": "cpu"}
    run = embrec.train(category, embrec.build_config("table", options=options, settings=SETTINGS), "whitened").run
    model, said = with_items(run, [{"sku": "N000", **plain(PRODUCTS[0])}, {"sku": "unknown", "title": "zzzz qqqq"}])
    assert any("1 of the 2 new items has nothing to read" in note for note in said)
    assert "unknown" not in {item.item for item in model.recommend(["B001"], k=100)}
    np.testing.assert_allclose(cosines(model, 1), 1, atol=1e-4)


def test_items_that_are_there_are_left_out_with_a_count(shops):
    rows = [{"sku": f"B{k:03d}", **plain(PRODUCTS[k])} for k in range(30)] + [{"sku": "N1", **plain(PRODUCTS[1])}]
    rows[4]["title"] = "another title"
    model, (note,) = with_items(shops["table"], rows)
    assert len(model.catalog) == 31
    assert note.startswith("30 of the items are in the catalog already")
    assert "1 of them have other content now, such as 'B004' (title)" in note
    said = []
    assert len(model.with_items([rows[-1]], tell=said.append).catalog) == 31
    assert said == ["1 of the items are in the catalog already and keep the vectors that they have"]


def test_a_new_item_has_the_same_vector_and_scores_in_any_company(shops):
    rows = [{"sku": f"N{k:03d}", **plain(PRODUCTS[k])} for k in range(30)]
    together, _ = with_items(shops["table"], rows)
    for row in (rows[0], rows[7], rows[29]):
        alone, _ = with_items(shops["table"], [row])
        np.testing.assert_array_equal(alone.item_vectors([row["sku"]]), together.item_vectors([row["sku"]]))
        scores = [
            {item.item: item.score for item in model.recommend(["B001", "B002"], k=100)}[row["sku"]]
            for model in (alone, together)
        ]
        assert scores[0] == scores[1]


def test_a_run_that_was_moved_knows_how_its_catalog_was_read(shops, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(shops["amazon"].path, moved)
    rows = under_new_ids(PRODUCTS[:2], "parent_asin")
    model, said = with_items(moved, write_lines(tmp_path / "new.jsonl", rows))
    np.testing.assert_allclose(cosines(model, 2), 1, atol=1e-5)
    assert said == []


def test_a_run_outside_a_category_says_so_where_the_category_is_needed(shops, tmp_path):
    shutil.copytree(shops["table"].path, tmp_path / "alone")
    model = embrec.Recommender.load(tmp_path / "alone")
    assert histories_of(model, history="B001,B002")[0].items == ["B001", "B002"]
    for call in (lambda: histories_of(model, users=["U1"]), lambda: embrec.evaluate_runs(tmp_path / "alone")):
        with pytest.raises(DataError, match=r"alone does not lie in a category \(CATEGORY/runs/alone\)"):
            call()


def test_an_older_run_asks_its_category(shops, tmp_path):
    folder = tmp_path / "amazon"
    shutil.copytree(shops["amazon"].category.path, folder)
    (folder / "runs" / "run" / "source.json").unlink()
    path = write_lines(tmp_path / "new.jsonl", under_new_ids(PRODUCTS[:2], "parent_asin"))
    model, _ = with_items(folder / "runs" / "run", path)
    np.testing.assert_allclose(cosines(model, 2), 1, atol=1e-5)
    shutil.copytree(folder / "runs" / "run", tmp_path / "alone")  # nobody knows any more
    model, said = with_items(tmp_path / "alone", embrec.read_items(path, item_column="parent_asin"))
    assert any("lack column brand" in note for note in said)


def test_broken_files_of_the_source_are_refused_with_their_line(shops, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text(json.dumps(PRODUCTS[0]) + "\n{broken\n")
    with pytest.raises(DataError, match=r"new\.jsonl, line 2"):
        with_items(shops["amazon"], path)
    with pytest.raises(DataError, match="no such file"):
        with_items(shops["amazon"], tmp_path / "absent.jsonl")
    with pytest.raises(DataError):
        with_items(shops["amazon"], [{"thing": 1}])


def test_pictures_are_a_column_that_can_be_missing():
    catalog = Catalog(pl.DataFrame({"item": ["a"], "title": ["red"], "image": ["/a.jpg"], "price": [1.0]}), ["title"])
    columns = read_columns([make_encoder("tfidf"), make_encoder("efficientnet-lite0")], catalog)
    assert columns == ["title", "image"]
    found = extend(catalog, Catalog(pl.DataFrame({"item": ["b"], "title": ["blue"], "photo": ["b.jpg"]})), columns)
    assert "lack column image" in found.notes[0]
    assert "pictures come with --images FOLDER or --image-column COLUMN" in found.notes[0]
    assert read_columns([make_encoder("tfidf:template={title} costs {price}")], catalog) == ["title", "price"]


@pytest.mark.parametrize("how", ["column", "folder"])
def test_pictures_are_found_as_at_the_import_or_missed_aloud(tmp_path, how):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "n1.jpg").touch()
    options = {"image_column": "photo"} if how == "column" else {"images": tmp_path / "photos"}
    source = embrec.TableSource(interactions=tmp_path / "log.csv", items=tmp_path / "items.csv", **options)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "source.json").write_text(source.model_dump_json())
    run, new = RunFolder(tmp_path / "run"), tmp_path / "new.csv"
    new.write_text("item,title,photo\nn1,lamp,photos/n1.jpg\nn2,lamp,photos/n2.jpg\n")
    assert read_new_items(run, new).frame["image"].to_list() == [str(tmp_path / "photos" / "n1.jpg"), None]
    assert read_new_items(run, new, images=str(tmp_path / "photos")).frame["image"].null_count() == 1
    new.write_text("item,title,photo\nn2,lamp,photos/n2.jpg\n")
    if how == "column":
        with pytest.raises(DataError, match="none of the 1 image files of column 'photo' exists"):
            read_new_items(run, new)
    else:  # the folder of the import may have none of them: the encoder's column is missed then
        assert "image" not in read_new_items(run, new).frame.columns
    new.write_text("item,title\nn2,lamp\n")
    assert "image" not in read_new_items(run, new).frame.columns


def test_columns_of_another_type_become_those_of_the_catalog():
    catalog = Catalog(pl.DataFrame({"item": ["a"], "title": ["red"], "price": [1.5]}), ["title"])
    new = Catalog(pl.DataFrame({"item": ["b"], "title": [["blue", "lamp"]], "price": ["2.5"]}), ["price"])
    found = extend(catalog, new, ["title"])
    assert found.added.frame.rows() == [("b", "blue, lamp", 2.5)]


def test_vectors_come_by_id(shops):
    model = embrec.Recommender.load(shops["table"])
    everything = model.item_vectors()
    assert everything.shape == (30, model.item_matrix.shape[1])
    assert everything.dtype == np.float32
    np.testing.assert_array_equal(
        model.item_vectors(["B007", "B001"]), everything[model.catalog.rows(["B007", "B001"])]
    )
    with pytest.raises(DataError, match="no item 'x'"):
        model.item_vectors(["x"])
    with pytest.raises(DataError, match="list of ids"):
        model.item_vectors("B007")


def test_a_run_is_loaded_by_name(shops, monkeypatch):
    workspace = shops["folder"] / "workspace"
    assert embrec.Recommender.load("table/run", workspace).run.path == shops["table"].path
    monkeypatch.setenv("EMBREC_WORKSPACE", str(workspace))
    assert embrec.Recommender.load("amazon/run").run.path == shops["amazon"].path
    assert embrec.Recommender.load(str(shops["table"].path)).run.path == shops["table"].path
    with pytest.raises(RunError, match="no run 'table/other'"):
        embrec.Recommender.load("table/other")


def test_a_text_where_a_history_belongs_is_refused(shops):
    model = embrec.Recommender.load(shops["table"])
    with pytest.raises(DataError, match=r"wrap it in a list: recommend\(\['B001'\]\)"):
        model.recommend("B001")
    with pytest.raises(DataError, match=r"history 2 is the text 'B002'"):
        model.recommend([["B001"], "B002"])
    with pytest.raises(DataError, match="item ids are texts"):
        model.recommend([[1, 2]])
    with pytest.raises(DataError, match="no list of item ids"):
        model.recommend([1, 2])
    with pytest.raises(DataError, match="not a dict"):
        model.recommend({"ann": ["B001"]})
    with pytest.raises(ConfigError):
        model.recommend([["B001"]], k=0)


@pytest.mark.parametrize("given", [{"B001", "B002"}, [{"B001"}], [{"item": "B001"}], [["B001"], {"B002": 1}]])
def test_what_has_no_order_is_no_history(shops, given):
    model = embrec.Recommender.load(shops["table"])
    with pytest.raises(DataError, match=r"has no order|is a dict"):
        model.recommend(given)


@pytest.mark.parametrize("given", [5, {"B001", "B002"}, [["B001"]], [1], [None]])
def test_vectors_are_of_lists_of_ids(shops, given):
    with pytest.raises(DataError, match="the list of items"):
        embrec.Recommender.load(shops["table"]).item_vectors(given)


@pytest.mark.parametrize("given", [None, 5, ["shop/run"]])
def test_what_is_no_run_no_items_and_no_log_is_one_line(shops, given):
    with pytest.raises(RunError, match="is no run"):
        embrec.Recommender.load(given)
    model = embrec.Recommender.load(shops["table"])
    with pytest.raises(DataError):
        model.with_items(given)
    with pytest.raises(DataError):
        embrec.score_by_user(model, given)


def test_names_do_where_a_category_or_a_run_is_asked_for(shops, monkeypatch):
    monkeypatch.setenv("EMBREC_WORKSPACE", str(shops["folder"] / "workspace"))
    run = shops["table"]
    assert embrec.load_dataset("table").same_data(embrec.load_dataset(run.category))
    assert embrec.load_everyone("table").interactions.n_users == 25
    assert [report.encoded for report in embrec.build_features("table", "tfidf")] == [0]
    assert list(embrec.evaluate_runs("table/run")) == list(embrec.evaluate_runs([run])) == ["run"]
    assert list(embrec.evaluate_runs([run.path])) == ["run"]
    assert embrec.compare_runs(["table/run"], baselines=[]).reference == "run"
    assert embrec.default_encoders("table") == embrec.default_encoders(embrec.load_dataset("table").catalog)


def test_what_is_no_category_or_run_is_one_line(shops):
    for wrong in (None, 5, shops["table"]):
        for call in (embrec.load_dataset, embrec.load_everyone, embrec.build_features, embrec.plan_search):
            with pytest.raises(ConfigError, match="is not a category"):
                call(wrong)
    for wrong in (None, 5, [], [5]):
        for call in (embrec.evaluate_runs, embrec.compare_runs):
            with pytest.raises(ConfigError, match="no run"):
                call(wrong)
    with pytest.raises(ConfigError, match=r"'log\.csv' is not a source"):
        embrec.import_data(shops["table"].category, "log.csv")


def test_one_flat_history_has_one_flat_answer(shops):
    model = embrec.Recommender.load(shops["table"])
    (wrapped,) = model.recommend([["B001", "B002"]], k=3)
    assert model.recommend(["B001", "B002"], k=3) == wrapped
    for form in (("B001", "B002"), np.array(["B001", "B002"]), pl.Series(["B001", "B002"])):
        assert model.recommend(form, k=3) == wrapped
        assert model.recommend([form], k=3) == [wrapped]
    assert model.recommend([[]], k=3)[0]  # nothing is known of somebody: something is recommended all the same
