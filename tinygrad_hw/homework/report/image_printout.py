"""The print-out of an image in Question 2, beside the same rows of our image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data import Dataset
from tinygrad_hw.formatting import Html, element, escaped, join, paragraph, row, table
from tinygrad_hw.homework.report import original_figures
from tinygrad_hw.homework.report.page_elements import figure_box, picture

DECIMALS = 8  # as NumPy prints arrays
FIRST_PIXEL = 28  # the byte in MNIST's image where the print-out begins


def print_out(data: Dataset) -> Html:
    """Build the table of the printed rows of the first 3 or 6, beside the same rows of ours."""
    image = first_image(data)
    if image is None or image.shape != original_figures.PIXEL_SHAPE:
        lines = element("pre", original_figures.PIXELS)
        return join(
            [paragraph("These images have no such rows to set beside the print-out:"), lines]
        )
    rows = [
        row(
            f"{r}, {columns.start}–{columns.stop - 1}",
            _values(theirs.split()),
            _values([_as_numpy_prints(value / 255) for value in image[r, columns].tolist()]),
            remark,
        )
        for r, columns, theirs, remark in _lines(image)
    ]
    heads = ["Row, columns", "Homework", "Ours", "Compared"]
    explained = [
        paragraph(
            "The homework prints the first of its training images, divided by 255; its text keeps "
            "the end of row 13 and rows 14 to 16. NumPy prints a row of 28 in lines of five and a "
            "last one of three. The scan has six zeros in each line of zeros, so they cannot be "
            "counted; the other values can be compared, in order."
        ),
        paragraph(_on_the_first_value(image)),
    ]
    return join(
        [
            element("div", element("div", *explained), _framed(image), class_="with-image"),
            table("Its lines, beside the same rows and columns here", heads, rows, class_="pixels"),
        ]
    )


def _on_the_first_value(image: npt.NDArray[np.uint8]) -> str:
    """Explain why the first printed value is no pixel, and its origin in the same image."""
    no_pixel = (
        "The first value, 0.1039803932, is no multiple of 1/255 (it is 26.515/255), so it cannot "
        "be a pixel."
    )
    row, line = original_figures.PIXEL_FIRST_LINE
    if image[row, line * original_figures.PIXELS_A_LINE] != FIRST_PIXEL:
        return no_pixel
    return (
        f"{no_pixel} Ours in that place is {FIRST_PIXEL}/255 = "
        f"{_as_numpy_prints(FIRST_PIXEL / 255)}: digits have changed places. And the scan has read "
        "one line twice."
    )


def _as_numpy_prints(value: float) -> str:
    return f"{value:.{DECIMALS}f}".rstrip("0")


def first_image(data: Dataset) -> npt.NDArray[np.uint8] | None:
    """Return the first training image of a 3 or a 6; None where there is none."""
    found = np.flatnonzero(np.isin(data.y_train, original_figures.DIGITS))
    return data.x_train[found[0]] if found.size else None


def _lines(image: npt.NDArray[np.uint8]) -> Iterator[tuple[int, slice, str, Html]]:
    """Yield row, columns, text and remark of each printed line."""
    width = original_figures.PIXEL_SHAPE[1]
    lines_per_row = -(-width // original_figures.PIXELS_A_LINE)
    row, first_line = original_figures.PIXEL_FIRST_LINE
    texts = original_figures.PIXELS.splitlines()
    for i, text in enumerate(texts):
        down, line = divmod(first_line + i, lines_per_row)
        start = line * original_figures.PIXELS_A_LINE
        columns = slice(start, min(start + original_figures.PIXELS_A_LINE, width))
        theirs = [float(word) for word in text.split()]
        values = (image[row + down, columns] / 255).tolist()
        next_line = texts[i + 1].split() if i + 1 < len(texts) else []
        yield row + down, columns, text, _remark(theirs, values, text.split() == next_line)


def _remark(theirs: list[float], values: list[float], read_twice: bool) -> Html:
    """Say whether a printed line has our values; zeros are not compared."""
    if _nonzero(theirs) == _nonzero(values):
        return element("span", "same", class_="same")
    if read_twice and not any(values):
        return element("span", "≠ next line, read twice", class_="differs")
    if all(_is_pixel(value) for value in theirs):
        return element("span", "≠ another image", class_="differs")
    return element("span", "≠ no multiple of 1/255", class_="differs")


def _nonzero(values: list[float]) -> list[float]:
    return [round(value, DECIMALS) for value in values if value]


def _is_pixel(value: float) -> bool:
    return abs(value * 255 - round(value * 255)) < 1e-4


def _values(words: list[str]) -> Html:
    return join((_value(word) for word in words), " ")


def _value(word: str) -> Html:
    """Write a value; a zero fainter, so that the others stand out."""
    return element("span", word, class_="zero") if float(word) == 0 else escaped(word)


def _framed(image: npt.NDArray[np.uint8]) -> Html:
    frame = element("span", class_="frame", aria_hidden="true")
    return figure_box(
        element(
            "div", picture(image, "The first training image of a 3 or a 6"), frame, class_="framed"
        ),
        "The image; the frame shows the rows printed.",
    )
