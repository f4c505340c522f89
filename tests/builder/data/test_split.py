"""The split: a partition, stratified, decided by content alone."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import numpy as np
from hypothesis import given, strategies as st

from builder.data.split import split

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=8)
FRACTIONS = st.tuples(st.floats(0, 0.6), st.floats(0, 0.39))


def digests(n: int) -> list[bytes]:
    return [blake2b(str(k).encode(), digest_size=16).digest() for k in range(n)]


@given(sizes=SIZES, fractions=FRACTIONS, seed=st.integers(0, 2**31 - 1))
def test_it_is_a_partition_and_every_class_gets_its_share(sizes, fractions, seed):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    parts = split(digests(len(classes)), classes, *fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(classes)))
    assert all(np.all(np.diff(part) > 0) for part in parts)
    for part, fraction in ((parts[1], fractions[0]), (parts[2], fractions[1])):
        counts = np.bincount(classes[part], minlength=len(sizes))
        assert np.all(np.abs(counts - np.array(sizes) * fraction) <= 1)
        assert (fraction > 0 and len(classes) >= 3) or len(part) == round(len(classes) * fraction) or len(part) <= 1


@given(n=st.integers(1, 80), seed=st.integers(0, 1000), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(n, seed, shuffle):
    found = digests(n)
    order = list(range(n))
    shuffle.shuffle(order)
    one = split(found, None, 0.2, 0.2, seed)
    two = split([found[k] for k in order], None, 0.2, 0.2, seed)
    assert [sorted(p.tolist()) for p in one] == [sorted(order[k] for k in p) for p in two]


def test_other_seeds_give_other_parts():
    tests = {tuple(split(digests(50), None, 0.1, 0.2, seed)[2].tolist()) for seed in range(20)}
    assert len(tests) == 20


SCRIPT = """
from hashlib import blake2b
from builder.data.split import split
d = [blake2b(str(k).encode(), digest_size=16).digest() for k in range(40)]
print([p.tolist() for p in split(d, None, 0.1, 0.2, 7)])
"""


def test_threads_and_processes_agree(pytestconfig):
    here = [p.tolist() for p in split(digests(40), None, 0.1, 0.2, 7)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [p.tolist() for p in split(digests(40), None, 0.1, 0.2, 7)], range(8)))
    assert found == [here] * 8
    other = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=pytestconfig.rootpath
    )
    assert other.stdout.strip() == str(here)
    # These numbers stay for ever: another split under the same seed would mix a saved run's test into its training.
    assert here[2] == WANTED


WANTED = [3, 8, 18, 22, 24, 31, 37, 38]
