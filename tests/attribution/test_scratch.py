"""Trees that are thrown away: git must read in them what was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from byline._attribution.repository import Repository
from byline._attribution.scratch import FOLDER, Entry, scratch_objects


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_reads_what_was_written(new_repo, object_format):
    """
    A tree has the name and the content that git would give it, and is gone afterwards.
    """
    repo = new_repo("trees", object_format=object_format)
    repo.commit({"a.py": "1\n"})
    repository = Repository.open(repo.path)
    blob = repo.git("rev-parse", "HEAD:a.py")

    with scratch_objects(repository) as scratch:
        inner = scratch.write_tree([Entry(b"a.py", blob), Entry(b"\xff \n", blob)])
        tree = scratch.write_tree([Entry(b"folder", inner, FOLDER)])
        read = repository.run("ls-tree", "-r", "-z", tree, env=scratch.env)
        made = repository.run(
            "mktree", "-z", input=b"040000 tree %b\tfolder\0" % inner.encode(), env=scratch.env
        )

    entry = b"100644 blob %b\tfolder/" % blob.encode()
    assert entry + b"a.py\0" + entry + b"\xff \n\0" == read
    assert tree == made.decode().strip()
    assert not Path(scratch.folder).exists()
    with pytest.raises(AssertionError, match="cat-file"):
        repo.git("cat-file", "-e", tree)
