"""The record of where a training stands: sums of an epoch, and what older checkpoints hold."""

from __future__ import annotations

import json

import pytest

from builder.training.state import State
from schemas.errors import DataError


def test_sums_become_means_and_are_emptied_after_the_epoch():
    state = State()
    state.add(2.0, (3.0, 4.0), 4)
    state.add_losses(2.9, {"main": 2.0, "aux": 3.0}, 4)
    state.add(1.0, (2.0, 1.5), 2)
    state.add_losses(1.3, {"main": 1.0, "aux": 1.0}, 2)
    assert state.means() == {
        "total_loss": pytest.approx((2.9 * 4 + 1.3 * 2) / 6),
        "losses": {"main": pytest.approx(10 / 6), "aux": pytest.approx(14 / 6)},
    }
    assert (state.hit_sum, state.hit_samples, state.samples) == (5.0, 5.5, 6)
    again = State.from_json(state.to_json())
    assert again == state
    state.next_epoch()
    assert state.means() == {} and state.hit_samples == 0


def test_a_checkpoint_from_before_several_losses_is_read():
    raw = json.loads(State(samples=7, hit_sum=3.0).to_json())
    for name in ("hit_samples", "total_sum", "losses"):
        del raw[name]
    state = State.from_json(json.dumps(raw))
    assert state.hit_samples == 7.0 and state.losses == {}


@pytest.mark.parametrize("text", ["[]", "{}", '{"epoch": 1}', "{"])
def test_another_record_is_refused(text):
    with pytest.raises(DataError):
        State.from_json(text)
