"""CSV files in chunks; what is wrong with a file is tested with `commands.csv_files`."""

from keras_meta.episodes import csv_chunks


def test_chunks_are_of_bounded_size_and_know_their_lines(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text('a,b\n1,x\n\n2,"two\nlines"\n3,z\n')
    chunks = list(csv_chunks.read(file, ["b"], size=2))
    assert chunks == [([2, 5], {"b": ["x", "two\nlines"]}), ([6], {"b": ["z"]})]
    ((lines, columns),) = csv_chunks.read(file)
    assert lines == [2, 5, 6] and columns["a"] == ["1", "2", "3"] and len(columns) == 2
