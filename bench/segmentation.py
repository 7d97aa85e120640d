"""Does underthesea's word segmentation help BM25? hit@1 over the demo's answers, every other phrasing known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import tantivy
from underthesea import word_tokenize

from library.text import fold, tokens
from retrieval.answer_files import read_answers

Cut = Callable[[str], Sequence[str]]


def syllables(text: str) -> list[str]:
    return [token.folded for token in tokens(text)]


def pairs(text: str) -> list[str]:
    words = syllables(text)
    return [*words, *(f"{one}_{other}" for one, other in pairwise(words))]


def segmented(text: str) -> list[str]:
    return ["_".join(fold(word).split()) for word in word_tokenize(text)]


def hit_at_1(cut: Cut) -> float:
    """Return how often an asked phrasing finds its answer first when texts are cut into terms this way."""
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("text", tokenizer_name="whitespace")
    schema.add_text_field("key", stored=True, tokenizer_name="raw")
    index = tantivy.Index(schema.build())
    writer = index.writer()
    answers = read_answers(Path("demo/answers"))
    for answer in answers:
        known = " ".join([answer.question, *answer.phrasings[::2]])
        writer.add_document(tantivy.Document(key=[answer.key], text=[" ".join(cut(known))]))
    writer.commit()
    index.reload()
    searcher = index.searcher()
    right = asked = 0
    for answer in answers:
        for phrasing in answer.phrasings[1::2]:
            terms = [tantivy.Query.term_query(index.schema, "text", term) for term in cut(phrasing)]
            query = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
            found = searcher.search(query, 1).hits
            right += bool(found) and searcher.doc(found[0][1])["key"] == [answer.key]
            asked += 1
    return right / asked


def main() -> None:
    for cut in (syllables, pairs, segmented):
        print(json.dumps({"figure": "segmentation", "by": cut.__name__, "hit@1": round(hit_at_1(cut), 3)}), flush=True)


if __name__ == "__main__":
    main()
