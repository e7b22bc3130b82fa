#!/usr/bin/env bash
# Polars 2.1.0: in JSON lines, a column of lists on some lines and texts on others becomes text, and the lists become JSON source.
#
# Guess: a column whose values have different types is an error, or the odd ones are null.
# Seen: `read_ndjson` makes every value text, and of the list ["oak", "steel"] the text `["oak", "steel"]` with its brackets and
# quotes. Product metadata do this: the description of one product is a list of paragraphs, that of the next one paragraph (Amazon's of
# 2018 and 2023, many shops' exports). An encoder then reads brackets, and the same words as a list and as a text get different
# vectors.
# Here: lists are told apart value by value and written as text in one way (embrec/data/readers/), with a test.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install polars==2.1.0
cat >"$folder/run.py" <<'PYTHON'
import io

import polars as pl

print("polars", pl.__version__)
for lines in (
    ['{"description": ["oak", "steel"]}', '{"description": ["glass"]}'],
    ['{"description": ["oak", "steel"]}', '{"description": "glass"}'],
):
    frame = pl.read_ndjson(io.BytesIO("\n".join(lines).encode()))
    print(frame.schema["description"], frame["description"].to_list())
PYTHON
"$python" "$folder/run.py" | expect "polars 2.1.0
List(String) [['oak', 'steel'], ['glass']]
String ['[\"oak\", \"steel\"]', 'glass']"
