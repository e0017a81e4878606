"""Read pages on a Ray cluster (https://docs.ray.io): a stage for Ray Data.

    from isotrope.ray import read_pages

    files = ray.data.read_binary_files("s3://scans/1911/", include_paths=True)
    read_pages(files, actors=64).write_parquet("s3://texts/1911/")

A worker that dies is started again and its files are read again. Reading is deterministic, so each
page is in the result once.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from isotrope.io.errors import ImageError
from isotrope.io.sheets import PageImage, page_images, page_name
from isotrope.ocr.document import Page
from isotrope.ocr.document_json import page_to_json
from isotrope.ocr.pages.stream import with_origin
from isotrope.ocr.reader import Reader

if TYPE_CHECKING:
    from ray.data import Dataset

FILES = 8
"""Files of a task, which are read again if their worker dies."""

ADDED = ("page", "text", "orientation", "json", "error")
"""The columns that reading adds."""

Batch = Mapping[str, np.ndarray]
"""The columns of some rows."""


class ReadPages:
    """Reads the pages of files, a row a page: a callable class for `Dataset.map_batches`.

    Rows have a column `path`, `bytes` (the content of a file), or both; then `path` is the name.
    Any file that `page_images` takes will do: an image, a TIFF of several pages, a PDF. The rows
    that come out have every column that went in except `bytes`, and

    - `page`: the page's number in its file, from 1;
    - `text`: its text in reading order;
    - `orientation`: the turn of the page from upright, in degrees counter-clockwise;
    - `json`: all that is known of it, as JSON; see `page_to_json`;
    - `error`: why the page, or the whole file, cannot be read, in one line; empty if it was read.

    `read_pages` sets what Ray needs to know. Without it, keep the blocks small:

        files.repartition(target_num_rows_per_block=8).map_batches(ReadPages, compute=...)

    Args:
        threads: Number of CPU threads.
        batch_size: Number of lines of one size per pass through a model.
        options: Of `Reader.from_pretrained`: `adapter="..."`, `engine="..."` and so on. Paths must
            exist on every machine.

    Raises:
        ValueError: As in `Reader.from_pretrained`, or `batch_size` is below 1.
    """

    def __init__(self, threads: int = 1, batch_size: int = 32, **options: Any) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.batch_size = batch_size
        self.reader = Reader.from_pretrained(threads=threads, **options)

    def __call__(self, batch: Batch) -> Iterator[dict[str, np.ndarray]]:
        """Read the files of a batch, one page at a time.

        Args:
            batch: Columns as arrays, as Ray gives them by default (`batch_format="numpy"`).

        Yields:
            A batch of one row for each page.

        Raises:
            TypeError: The batch is a table of another format.
            ValueError: A column is missing, or has a name that the result needs.
        """
        files = _files(batch)
        kept = {name: values for name, values in batch.items() if name != "bytes"}
        for row, (path, content) in enumerate(files):
            for number, page in enumerate(self._read(path, content), start=1):
                same = {name: values[row : row + 1] for name, values in kept.items()}
                yield same | _columns(page, number)

    def _read(self, path: str | None, content: bytes | None) -> Iterator[Page | ImageError]:
        """Each page of a file, or an error in its place."""
        if content is None and path is not None and "://" in path:
            yield ImageError(
                "not a file of this machine; get the content of remote files by "
                "ray.data.read_binary_files(..., include_paths=True)",
                path,
            )
            return
        source = path if content is None else content
        for image in page_images(cast("str | bytes", source), name=path):
            yield image if isinstance(image, ImageError) else self._page(image, path)

    def _page(self, image: PageImage, path: str | None) -> Page | ImageError:
        [page] = self.reader.read_pages(image.pixels, self.batch_size, on_error="return")
        if isinstance(page, ImageError):
            name = page_name(path, image.number, image.count) if path else None
            return ImageError(page.problem, name)
        return with_origin(page, image, path)


def read_pages(
    files: Dataset,
    actors: int | None = None,
    num_cpus: int = 1,
    files_per_task: int = FILES,
    remote_args: Mapping[str, Any] | None = None,
    **options: Any,
) -> Dataset:
    """Read the pages of a dataset of files by a pool of actors.

    Args:
        files: Rows with a column `path` or `bytes`; see `ReadPages`.
        actors: Number of processes that read. They must leave a CPU of the cluster to the tasks
            that hand out the files. None: all CPUs but one.
        num_cpus: CPUs, and so threads, of each. Processes of one thread read the most pages a
            second; more threads give a page sooner.
        files_per_task: Number of files that are read again if their worker dies.
        remote_args: More arguments of `Dataset.map_batches`, such as `memory=2**30`, or
            `max_task_retries=3`: then a file that kills its worker ends the job, and is not tried
            for ever.
        options: Of `ReadPages`.

    Returns:
        A dataset of a row for each page. It is read when it is used.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ValueError: A number is below 1.
    """
    import ray
    from ray.data import ActorPoolStrategy

    numbers = {"num_cpus": num_cpus, "files_per_task": files_per_task, "actors": actors}
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} must be at least 1")
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if actors is None:
        actors = max(1, (cpus - 1) // num_cpus)
    elif actors * num_cpus >= cpus:
        warnings.warn(
            f"actors={actors} of num_cpus={num_cpus} take all {cpus} CPUs of the cluster, and the "
            "job waits for ever for one that hands out the files; leave one free, or let the "
            "cluster grow",
            stacklevel=2,
        )
    blocks = files.repartition(target_num_rows_per_block=files_per_task)
    return blocks.map_batches(
        ReadPages,
        compute=ActorPoolStrategy(size=actors),
        batch_size=files_per_task,
        num_cpus=num_cpus,
        fn_constructor_kwargs={"threads": num_cpus, **options},
        **(remote_args or {}),
    )


def _files(batch: Batch) -> list[tuple[str | None, bytes | None]]:
    """The path and the content of each file; None where there is no such column.

    Raises:
        TypeError: The batch has another format.
        ValueError: There is neither, or a column has a name that the result needs.
    """
    if not isinstance(batch, Mapping):
        raise TypeError(f"the batch is a {type(batch).__name__}; use batch_format='numpy'")
    if taken := [name for name in ADDED if name in batch]:
        raise ValueError(f"column {taken[0]!r} is one that reading adds; rename it")
    paths, contents = batch.get("path"), batch.get("bytes")
    if paths is None and contents is None:
        raise ValueError(f"columns {', '.join(batch)}: name the one of files `path` or `bytes`")
    names = repeat(None) if paths is None else map(str, paths)
    contained = repeat(None) if contents is None else (bytes(each or b"") for each in contents)
    return list(zip(names, contained, strict=False))  # one may be endless


def _columns(page: Page | ImageError, number: int) -> dict[str, np.ndarray]:
    """The row of a page: texts are never null, so that all blocks have one schema."""
    error = str(page) if isinstance(page, ImageError) else ""
    text, orientation, whole = "", 0, ""
    if isinstance(page, Page):
        text, orientation = page.text, page.orientation
        whole = json.dumps(page_to_json(page), ensure_ascii=False)
    values = {"text": text, "json": whole, "error": error}
    columns = {name: np.array([value], dtype=object) for name, value in values.items()}
    columns |= {"page": np.array([number]), "orientation": np.array([orientation])}
    return {name: columns[name] for name in ADDED}
