import pytest

from embrec.data.readers.columns import CATALOG_ITEMS, ITEMS, TIMES, USERS, IdNames, find_column, plain_name
from embrec.errors import DataError


def find(role, columns, given=None):
    remarks = []
    return find_column(columns, role, given, "log.csv", remarks), remarks


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (USERS, "user user_id UserID user-id CUSTOMER_ID customer visitorid uid reviewerID session_id user_id:token"),
        (ITEMS, "item item_id itemId article_id Product-ID parent_asin asin sku movieId book_id item_id:token"),
        (CATALOG_ITEMS, "item item_id id ASIN sku"),
        (TIMES, "timestamp Timestamp time datetime date t_dat event_time created_at ts unixReviewTime timestamp:float"),
    ],
)
def test_columns_are_found_by_common_names_and_that_is_said(role, names):
    for name in names.split():
        found, remarks = find(role, ["rating", name, "quantity"])
        assert found == name
        assert remarks == (
            [] if name == role.usual else [f"{role.parameter.removesuffix('_column').replace('_', ' ')} column: {name}"]
        )


def test_a_name_with_blanks_is_found():
    assert find(USERS, [" User ID ", "x"])[0] == " User ID "


def test_the_usual_name_goes_before_common_ones_and_these_before_makeshifts():
    assert find(USERS, ["user_id", "user"]) == ("user", [])
    assert find(USERS, ["session_id", "user_id"])[0] == "user_id"
    assert find(ITEMS, ["asin", "parent_asin"])[0] == "parent_asin"
    assert find(TIMES, ["date", "event_time"])[0] == "event_time"
    assert find(CATALOG_ITEMS, ["id", "sku"])[0] == "sku"


@pytest.mark.parametrize(
    ("role", "columns", "message"),
    [
        (
            USERS,
            ["user_id", "customer_id"],
            r"'user_id' and 'customer_id' could both hold the user ids; say which with `user_",
        ),
        (USERS, ["User", "USER"], r"'User' and 'USER' could both hold the user ids"),
        (TIMES, ["date", "time"], r"'date' and 'time' could both hold the times; say which with `time_column`"),
        (
            ITEMS,
            ["shop", "when"],
            r"no column 'item' and none whose name is common for item ids; it has: shop, when; name it with `item_column`",
        ),
        (USERS, ["usr", "x"], r"it has: usr, x; did you mean `user_column='usr'`\?"),
        (TIMES, ["user", "state"], r"it has: user, state; name it with `time_column`"),
        (TIMES, ["user", "state", "Position"], r"did you mean `time_column='Position'`\?"),
    ],
)
def test_where_nothing_or_too_much_fits_the_columns_are_listed(role, columns, message):
    with pytest.raises(DataError, match=rf"^log\.csv.*{message}"):
        find(role, columns)


def test_a_given_column_is_taken_or_missed():
    assert find(USERS, ["user", "buyer"], "buyer") == ("buyer", [])
    with pytest.raises(
        DataError,
        match=r"^log\.csv has no column 'custmer' \(given by `user_column`\); it has: customer, x; did you mean 'customer'\?$",
    ):
        find(USERS, ["customer", "x"], "custmer")


def test_ids_are_kept_as_text_under_given_and_common_names():
    names = IdNames(["cust", None], (USERS, ITEMS), ["session_id"])
    assert all(name in names for name in ("cust", "user", "User ID", "movieId", "item_id:token"))
    assert not any(name in names for name in ("session_id", "rating", "timestamp", None))


def test_types_behind_names_do_not_count():
    assert plain_name("User-ID") == plain_name("user_id:token") == "userid"
    assert plain_name("a:b") == "a:b"


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["u1", "a", "1600000000"], "its first line looks like a row: put one before it that names the columns"),
        (["196", "242", "3.5"], "its first line looks like a row"),
        (["user item time"], "fields must be separated by commas, semicolons, tabs or |, not by blanks"),
    ],
)
def test_a_first_line_that_names_no_columns_is_told(columns, told):
    with pytest.raises(DataError) as error:
        find_column(columns, ITEMS, None, "log.csv", [])
    assert told in str(error.value)
