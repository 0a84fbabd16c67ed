from garner.document import Document, read_documents, write_documents


def test_documents_read_back_as_they_were_written(tmp_path):
    documents = [
        Document("a/b:x.py", "text \x00 ✓", ("Python",), "a/b", {"repository": "a/b", "commit": "1"}),
        Document("question 2", "", ("alpha", "beta"), "2"),
        Document("unknown", "no label"),
    ]
    assert write_documents(tmp_path / "d.parquet", documents) == 3
    assert list(read_documents(tmp_path / "d.parquet")) == documents


def test_the_order_of_the_origin_does_not_change_the_bytes(tmp_path):
    for name, origin in (("a", {"x": "1", "y": "2"}), ("b", {"y": "2", "x": "1"})):
        write_documents(tmp_path / name, [Document("1", "t", origin=origin)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
