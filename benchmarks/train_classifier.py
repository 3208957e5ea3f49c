"""Trains the offline model's classifier from the sets of phrasings and writes its weights.

    uv run python -m benchmarks.train_classifier

The blind sets are left out: they measure it. It prints how often it is right in cross-validation.
"""

import json

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from benchmarks.phrasing_sets import SETS, phrasings
from exponential.assistant.offline.language import classifier
from exponential.assistant.offline.language.normalization import normalise

SMALLEST = 0.12  # weights below this are left out
RAREST = 2  # features of fewer messages are left out


def main() -> None:
    texts, labels = examples()
    counts: dict[str, int] = {}
    bags = [dict.fromkeys(classifier.features(text), 1) for text in texts]
    for bag in bags:
        for feature in bag:
            counts[feature] = counts.get(feature, 0) + 1
    bags = [{feature: 1 for feature in bag if counts[feature] >= RAREST} for bag in bags]
    vectorizer = DictVectorizer()
    vectors = vectorizer.fit_transform(bags)
    model = LogisticRegression(C=1.0, max_iter=400)
    print(
        f"{len(texts)} messages, {cross_val_score(model, vectors, labels, cv=5).mean():.1%} right in cross-validation"
    )
    model.fit(vectors, labels)
    weights = {}
    for feature, column in zip(vectorizer.get_feature_names_out(), model.coef_.T, strict=True):
        rounded = [round(float(weight), 2) if abs(weight) >= SMALLEST else 0 for weight in column]
        if any(rounded):
            weights[str(feature)] = rounded
    found = {
        "labels": [str(label) for label in model.classes_],
        "bias": [round(float(one), 2) for one in model.intercept_],
    }
    body = ",\n".join(
        f"{json.dumps(feature)}:{json.dumps(row, separators=(',', ':'))}" for feature, row in weights.items()
    )
    head = json.dumps(found)[:-1]
    classifier.WEIGHTS.write_text(f'{head}, "weights": {{\n{body}\n}}}}\n', encoding="utf-8")
    print(f"{len(weights)} features, {classifier.WEIGHTS.stat().st_size // 1024} KiB in {classifier.WEIGHTS.name}")


def examples() -> tuple[list[str], list[str]]:
    """Messages that ask for one thing or for nothing, normalised, and the tool of each."""
    texts, labels = [], []
    for name in SETS:
        for phrasing in phrasings(name):
            calls = phrasing.accepted[0]
            if len({tool for tool, _ in calls}) < 2:
                texts.append(normalise(phrasing.text).request)
                labels.append(calls[0][0] if calls else classifier.NONE)
    return texts, labels


if __name__ == "__main__":
    main()
