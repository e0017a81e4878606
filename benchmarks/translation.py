"""Translators of lines against the cascade: chrF and BLEU on unseen sentences in unseen fonts.

    python benchmarks/tatoeba.py fr=fra-eng.zip de=deu-eng.zip --out PAIRS
    python benchmarks/translation.py --run runs/to-english --pairs PAIRS --lines 300

Each test sentence is rendered in a font of the validation families, which neither training saw, and
read at four turns. `one` is the translator; `cascade` reads with the shipped recognizer, then
translates the text with a model of the same size that was trained on the same pairs: `--train-text`
continues the stage `text` of the run on text for --text-examples sentences, or as many as the
stages after it saw; `text` gives that model the true text. All write with four beams. sacrebleu
scores against all references.

Translations are kept in RUN/benchmark and made once, so that an interrupted run goes on. Writes
benchmarks/results/translation-DATE.csv.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from isotrope.data.parallel import Pairs, load_pairs
from isotrope.groups import TURNS
from isotrope.io.files import replacing
from isotrope.io.resize import turn
from isotrope.ocr.reader import Reader
from isotrope.ocr.translation.files import load_arrays
from isotrope.ocr.translation.network import Network
from isotrope.ocr.translation.pieces import gathered
from isotrope.training.engine import Engine
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.translation import by_rank, chrf
from isotrope.training.tasks.translation_recipe import TranslationRecipe
from isotrope.training.translation.rendering import RenderedSentences
from isotrope.training.translation.samples import FeatureBank
from isotrope.training.translator import Translation
from measuring import write_csv

SEED = 7
CHUNK = 20
"""Lines between two writes of the results."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path("recipes/translate.toml"))
    parser.add_argument("--lines", type=int, default=300, help="of each language")
    parser.add_argument("--train-text", action="store_true")
    parser.add_argument("--text-examples", type=int, help="fewer sentences for --train-text")
    given = parser.parse_args()
    recipe = load_recipe(TranslationRecipe, given.config)
    made = Translation(recipe, given.pairs / "train.tsv", given.run)
    made.read()
    text = given.run / "cascade"
    if given.train_text:
        train_text(made, text, given.text_examples)
    rows = []
    for path in sorted(given.pairs.glob("test-*.tsv")):
        language, pairs = path.stem.removeprefix("test-"), load_pairs(path)
        rows += measured(given.run, text / "model", made.bank, language, pairs, given.lines)
    write_csv("translation", rows)


def train_text(made: Translation, out: Path, examples: int | None) -> None:
    """Continue the stage `text` on plain text, as long as the stages after it unless told."""
    after = [name for name in made.stages if name != "text"]
    examples = examples or sum(made.engine(name).examples for name in after)
    stage = {"minutes": None, "examples": examples}
    rate = made.recipe.columns.learning_rate
    columns = made.recipe.columns.model_copy(update={**stage, "learning_rate": rate})
    recipe = made.recipe.model_copy(update={"columns": columns})
    task = made.task("columns", plain=True)
    task.model = made.before("columns")
    task.share = 0.0
    Engine(task, recipe.stage("columns"), out).fit()


def measured(
    run: Path, text: Path, bank: FeatureBank, language: str, pairs: Pairs, count: int
) -> list[dict]:
    """The scores of one language."""
    sentences = [list(pairs)[n] for n in np.random.default_rng(SEED).permutation(len(pairs))]
    rendered = RenderedSentences(sentences, "valid", SEED)
    images, shown = [], []
    for number, sentence in enumerate(sentences):
        if len(images) == count:
            break
        try:
            images.append(rendered.image(number, sentence))
            shown.append(sentence)
        except (ValueError, FileNotFoundError):
            continue
    one = Reader.from_pretrained(adapter=run, threads=1)
    plain = Reader.from_pretrained(threads=1)
    config, _, arrays = load_arrays(text)
    network = Network(config, arrays)

    def written(line: str) -> str:
        pieces = gathered(bank.mean(line), line)[: config.most_pieces].astype(np.float32)
        return config.text(network.translate(pieces).tokens) if len(pieces) else ""

    def cascade(image: np.ndarray) -> str:
        return written(plain.read(image)[0].text)

    systems: dict[str, Callable[[int], list[str]]] = {
        "one": lambda n: [r.text for r in one.read([turn(images[n], d) for d in TURNS])],
        "cascade": lambda n: [cascade(turn(images[n], d)) for d in TURNS],
        "text": lambda n: [written(shown[n])] * len(TURNS),
    }
    references = [pairs[sentence] for sentence in shown]
    rows = []
    for name, system in systems.items():
        said = resumed(run / "benchmark" / f"{language}-{name}.json", len(shown), system)
        same = sum(len(set(turns)) == 1 for turns in said)
        for place, degrees in enumerate(TURNS):
            texts = [turns[place] for turns in said]
            rows.append(
                {
                    **{"language": language, "system": name, "turn": degrees, "lines": len(texts)},
                    "chrf": round(chrf(texts, references), 2),
                    "bleu": round(BLEU().corpus_score(texts, by_rank(references)).score, 2),
                    "same_at_four_turns": same,
                }
            )
        print(rows[-1], flush=True)
    return rows


def resumed(path: Path, count: int, system: Callable[[int], list[str]]) -> list[list[str]]:
    """The translations of all lines at all turns, continued from what `path` has."""
    said = json.loads(path.read_text(encoding="utf-8"))[:count] if path.is_file() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    while len(said) < count:
        said += [system(n) for n in range(len(said), min(len(said) + CHUNK, count))]
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        print(f"{path.stem}: {len(said)} of {count}", flush=True)
    return said


if __name__ == "__main__":
    main()
