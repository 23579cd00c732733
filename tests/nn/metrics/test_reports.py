import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.nn import accuracy_score, classification_report, confusion_matrix
from tinygrad_hw.nn.metrics import report_of_matrix

# The homework's own results, question 3: its confusion matrix, and the report printed beside it.
HOMEWORK = np.array(
    [
        [969, 0, 1, 1, 1, 1, 3, 2, 2, 0],
        [0, 1120, 4, 2, 0, 1, 3, 1, 4, 0],
        [2, 0, 1014, 5, 1, 0, 2, 5, 3, 0],
        [0, 0, 5, 996, 0, 1, 0, 3, 3, 2],
        [1, 0, 3, 0, 961, 0, 5, 2, 0, 10],
        [2, 0, 0, 17, 1, 859, 6, 2, 4, 1],
        [6, 2, 3, 1, 3, 1, 939, 0, 3, 0],
        [1, 3, 12, 4, 0, 0, 0, 1002, 3, 3],
        [3, 0, 5, 11, 4, 1, 1, 4, 942, 3],
        [1, 3, 0, 6, 7, 3, 0, 9, 1, 979],
    ]
)
PRINTED = """
0 0.98 0.99 0.99 980
1 0.99 0.99 0.99 1135
2 0.97 0.98 0.98 1032
3 0.95 0.99 0.97 1010
4 0.98 0.98 0.98 982
5 0.99 0.96 0.98 892
6 0.98 0.98 0.98 958
7 0.97 0.97 0.97 1028
8 0.98 0.97 0.97 974
9 0.98 0.97 0.98 1009
macro avg 0.98 0.98 0.98 10000
weighted avg 0.98 0.98 0.98 10000
"""
NO_CLASSES = {  # what is given in place of two class numbers, and how the message begins
    "strings": (["a", "b"], "a in it, of type str_; give class numbers from 0"),
    "objects": (np.array(["a", "b"], object), "a in it, of type str;"),
    "None": ([0, None], "None in it, of type NoneType"),
    "complex": ([1j, 0], "1j in it, of type complex128"),
    "a date": (np.array(["2020", "2021"], "datetime64[Y]"), "2020 in it, of type datetime64"),
    "nan": ([0, np.nan], "nan in it"),
    "inf": ([np.inf, 0], "inf in it"),
    "a probability": ([0, 0.2], r"0\.2 in it"),
    "below zero": ([-1, -1], "-1 in it"),
    "too large": ([0, 1e300], r"1e\+300 in it"),
    "a large uint64": (np.array([0, 2**64 - 1], np.uint64), f"{2**64 - 1} in it"),
}
COLUMNS = ["precision", "recall", "f1-score", "support"]
SETTINGS = settings(deadline=None, database=None, derandomize=True, max_examples=100)


def labels_of(matrix):
    """Two lists of classes with these counts, in random order."""
    true, predicted = (
        np.repeat(index.ravel(), matrix.ravel()) for index in np.indices(matrix.shape)
    )
    order = np.random.default_rng(0).permutation(len(true))
    return true[order], predicted[order]


class TestConfusionMatrix:
    def test_rows_are_true_and_columns_predicted(self):
        matrix = confusion_matrix([0, 0, 0, 1, 2, 2], [0, 1, 1, 1, 0, 2])
        np.testing.assert_array_equal(matrix, [[1, 2, 0], [0, 1, 0], [1, 0, 1]])
        assert matrix.dtype == np.int64

    def test_counts_the_homeworks_ten_thousand(self):
        np.testing.assert_array_equal(confusion_matrix(*labels_of(HOMEWORK)), HOMEWORK)

    def test_has_a_row_for_every_class_up_to_the_largest_on_either_side(self):
        np.testing.assert_array_equal(confusion_matrix([0], [2]), [[0, 0, 1], [0, 0, 0], [0, 0, 0]])
        np.testing.assert_array_equal(confusion_matrix([2], [0]), [[0, 0, 0], [0, 0, 0], [1, 0, 0]])

    def test_as_many_classes_as_asked_for(self):
        assert confusion_matrix([0, 1], [1, 1], classes=10).shape == (10, 10)

    def test_of_nothing(self):
        assert confusion_matrix([], []).shape == (0, 0)
        np.testing.assert_array_equal(confusion_matrix([], [], classes=2), np.zeros((2, 2)))

    @given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=40))
    @SETTINGS
    def test_is_a_count_of_pairs(self, pairs):
        matrix = confusion_matrix([t for t, _ in pairs], [p for _, p in pairs], classes=5)
        assert all(matrix[i, j] == pairs.count((i, j)) for i in range(5) for j in range(5))

    @pytest.mark.parametrize(
        ("true", "predicted"),
        [([0, 1], [0]), ([[0, 1], [1, 0]], [[0, 1], [1, 0]]), ([0, 1], [[0, 1]]), (0, 0)],
    )
    def test_refuses_what_is_not_two_equal_lists(self, true, predicted):
        with pytest.raises(ValueError, match="expected two equal lists of classes"):
            confusion_matrix(true, predicted)

    def test_takes_the_rounded_probabilities_of_the_homework(self):
        rounded = np.round(np.array([0.2, 0.7, 0.9], np.float32))
        np.testing.assert_array_equal(confusion_matrix([0, 1, 0], rounded), [[1, 1], [0, 1]])
        column = rounded.reshape(-1, 1)  # as predict() gives them
        np.testing.assert_array_equal(confusion_matrix([0, 1, 0], column), [[1, 1], [0, 1]])

    @pytest.mark.parametrize("kind", "?bBhHiIlLqQefdg")
    def test_every_dtype_of_labels_counts_alike(self, kind):
        true = np.array([0, 1, 1, 0, 1], kind)
        for other in "?bBhHiIlLqQefdg":
            predicted = np.array([1, 1, 0, 0, 1], other)
            np.testing.assert_array_equal(confusion_matrix(true, predicted), [[1, 1], [1, 2]])
            assert accuracy_score(true, predicted) == 3 / 5

    def test_objects_that_are_numbers_count(self):
        mixed = np.array([0, np.int8(1), 1.0, True], object)
        np.testing.assert_array_equal(confusion_matrix(mixed, [0, 1, 0, 1]), [[1, 0], [1, 2]])

    def test_labels_reach_the_largest_of_their_dtype(self):
        assert confusion_matrix(np.uint8([255]), np.int8([-1]).view(np.uint8))[255, 255] == 1
        assert confusion_matrix(np.int8([127]), np.uint8([200]))[127, 200] == 1

    @pytest.mark.parametrize(("bad", "words"), NO_CLASSES.values(), ids=NO_CLASSES)
    @pytest.mark.parametrize("report", [confusion_matrix, accuracy_score])
    def test_says_in_one_line_what_is_no_class(self, report, bad, words):
        for name, pair in (("true", (bad, [0, 0])), ("predicted", ([0, 0], bad))):
            with pytest.raises(ValueError, match=f"^{name} has {words}") as refused:
                report(*pair)
            assert "give class numbers" in str(refused.value)
            assert "\n" not in str(refused.value)

    def test_refuses_a_class_beyond_those_asked_for(self):
        with pytest.raises(ValueError, match="got class 3 and classes=3; give 4 classes or more"):
            confusion_matrix([0, 3], [0, 1], classes=3)


class TestAccuracyScore:
    def test_is_the_homeworks(self):
        assert accuracy_score(*labels_of(HOMEWORK)) == 0.9781

    def test_takes_rounded_probabilities_as_predict_gives_them(self):
        assert accuracy_score([0, 1, 0], np.round([[0.2], [0.7], [0.9]])) == 2 / 3

    def test_there_is_none_of_nothing(self):
        with pytest.raises(ValueError, match="accuracy_score got no examples"):
            accuracy_score([], [])


class TestClassificationReport:
    @pytest.mark.parametrize("row", PRINTED.strip().splitlines())
    def test_is_the_one_printed_in_the_homework(self, row):
        name, *printed = row.rsplit(maxsplit=4)
        found = report_of_matrix(HOMEWORK)[name]
        assert [f"{found[column]:.2f}" for column in COLUMNS[:3]] == printed[:3]
        assert found["support"] == int(printed[3])

    def test_accuracies_are_those_printed_in_the_homework(self):
        assert report_of_matrix(HOMEWORK)["accuracy"] == 0.9781
        two_classes = report_of_matrix([[1009, 1], [1, 957]])
        assert two_classes["accuracy"] == pytest.approx(0.9989837408065796, rel=1e-7)

    def test_has_scikit_learns_keys_in_its_order(self):
        report = report_of_matrix([[3, 1], [0, 2]])
        assert list(report) == ["0", "1", "accuracy", "macro avg", "weighted avg"]
        assert all(list(report[name]) == COLUMNS for name in report if name != "accuracy")

    def test_by_hand(self):
        """precision 3/3, 2/3; recall 3/4, 2/2; f1 = 2pr/(p + r) = 6/7, 4/5."""
        report = report_of_matrix([[3, 1], [0, 2]])
        expected = {
            "0": (1, 3 / 4, 6 / 7, 4),
            "1": (2 / 3, 1, 4 / 5, 2),
            "macro avg": (5 / 6, 7 / 8, 29 / 35, 6),
            "weighted avg": (8 / 9, 5 / 6, (4 * 6 / 7 + 2 * 4 / 5) / 6, 6),
        }
        for name, row in expected.items():
            assert [report[name][column] for column in COLUMNS] == pytest.approx(row)
        assert report["accuracy"] == pytest.approx(5 / 6)

    def test_zero_division_gives_zero_and_no_warning(self):
        """Class 1 is never predicted, class 2 never true: scikit-learn's zero_division=0."""
        report = report_of_matrix([[2, 0, 1], [1, 0, 0], [0, 0, 0]])
        assert report["1"] == {"precision": 0, "recall": 0, "f1-score": 0, "support": 1}
        assert report["2"] == {"precision": 0, "recall": 0, "f1-score": 0, "support": 0}
        assert report["macro avg"]["precision"] == pytest.approx(2 / 9)
        assert report["weighted avg"]["recall"] == pytest.approx(2 / 4)

    def test_of_no_examples_is_all_zero(self):
        report = report_of_matrix(np.zeros((2, 2)))
        assert report["accuracy"] == 0
        for name in ("0", "macro avg", "weighted avg"):
            assert set(report[name].values()) == {0}

    @given(st.lists(st.integers(0, 5), min_size=9, max_size=9).filter(any))
    @SETTINGS
    def test_weighted_recall_is_accuracy_and_f1_the_harmonic_mean(self, counts):
        report = report_of_matrix(np.reshape(counts, (3, 3)))
        assert report["weighted avg"]["recall"] == pytest.approx(report["accuracy"])
        for name in "012":
            p, r = report[name]["precision"], report[name]["recall"]
            assert report[name]["f1-score"] == pytest.approx(2 * p * r / (p + r) if p + r else 0)


class TestReportAsText:
    """The layout is scikit-learn's; the numbers are those printed in the homework."""

    def test_of_the_homework(self):
        lines = classification_report(*labels_of(HOMEWORK)).splitlines()
        assert lines[0] == "              precision    recall  f1-score   support"
        assert lines[2] == "           0       0.98      0.99      0.99       980"
        assert lines[-3:] == [
            "    accuracy                           0.98     10000",
            "   macro avg       0.98      0.98      0.98     10000",
            "weighted avg       0.98      0.98      0.98     10000",
        ]
        found = [" ".join(line.split()) for line in lines]
        assert all(row in found for row in PRINTED.strip().splitlines())

    def test_names_digits_and_a_dict(self):
        true, predicted = [0, 0, 1], [0, 1, 1]
        text = classification_report(true, predicted, target_names=["three", "six"], digits=3)
        assert "       three      1.000     0.500     0.667         2" in text.splitlines()
        expected = report_of_matrix(confusion_matrix(true, predicted))
        assert classification_report(true, predicted, output_dict=True) == expected
        with pytest.raises(ValueError, match="target_names has 1 names for 2 classes"):
            classification_report(true, predicted, target_names=["three"])
