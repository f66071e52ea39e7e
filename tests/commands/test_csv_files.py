"""Columns of CSV files."""

import pytest

from keras_meta.commands import csv_files


def read(tmp_path, content, columns=("text", "label"), **kwargs):
    file = tmp_path / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return csv_files.read(file, list(columns), **kwargs)


EXPECTED = {"text": ["one, two", 'say "three"'], "label": ["a", "b"]}


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"one, two",a\n"say ""three""",b\n',
        'text,label\r\n"one, two",a\r\n"say ""three""",b',
        '\ufefftext,label\n"one, two",a\n\n"say ""three""",b\n\n',
        'label,number, text \na,1,"one, two "\n b,2,"say ""three"""\n',
    ],
)
def test_rows(tmp_path, content):
    assert read(tmp_path, content) == EXPECTED


def test_other_alphabets_and_line_breaks_in_a_field(tmp_path):
    found = read(tmp_path, 'text,label\n"日本\n語",ä\n')
    assert found == {"text": ["日本\n語"], "label": ["ä"]}


def test_optional_columns_and_empty_fields(tmp_path):
    content = "text,split\n,test\n"
    found = read(tmp_path, content, ["text"], optional=["split", "other"], may_be_empty=["text"])
    assert found == {"text": [""], "split": ["test"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "at least one row. Received: .*data.csv with 0 lines"),
        ("text,label\n", "at least one row. Received: .*data.csv with 1 lines"),
        ("sentence,label\na,b\n", "lacks a column. .*columns .'sentence', 'label'., where 'text'"),
        ("text;label\na;b\n", "'text;label'.*separated by commas"),
        ("text,label,text\na,b,c\n", "has a column twice"),
        ("text,label\na,b\nc\n", "line 3 with 1 fields instead of 2"),
        ("text,label\na, really,b\n", "put quotes around.*line 2 with 3 fields instead of 2"),
        ("text,label\na,b\n ,c\n", "needs a text.*line 3 with an empty field 'text'"),
        ("text,label\n\na,\n", "needs a label.*line 3 with an empty field 'label'"),
        ('text,label\n"a,b\nc,d\n', "Quotes around a field must be closed.*line 3"),
        ('text,label\n"a"b,c\n', "cannot be read as CSV.*line 2"),
        ("text,label\nä,b\n".encode("latin-1"), "must be in UTF-8.*with byte 0xe4"),
        ("text,label\na,b\n".encode("utf-16"), "must be in UTF-8.*with byte 0xff"),
        ("text,label\n" + "a" * 200_000 + ",b\n", "line 2: field larger than field limit"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="nothing.csv: No such file"):
        csv_files.read(tmp_path / "nothing.csv", ["text"])
    with pytest.raises(ValueError, match="Is a directory"):
        csv_files.read(tmp_path, ["text"])
