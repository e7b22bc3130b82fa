"""The transformer against torch's own attention, and what any sequence encoder must promise."""

import pytest
import torch
from support.toys import of_lengths
from torch import nn
from torch.nn import functional as F

from embrec.models.encoders.transformer import CausalTransformer, TransformerLayer


def transformer(**options):
    torch.manual_seed(0)
    model = CausalTransformer(**({"dim": 8, "max_length": 6, "layers": 2, "heads": 2} | options)).double()
    for parameter in model.parameters():  # biases and norms too, which start as if they were not there
        nn.init.normal_(parameter, std=0.5)
    return model.eval()


def events(size=2, steps=5, seed=1):
    return torch.randn(size, steps, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("positions", ["start", "end"])
def test_later_events_change_no_earlier_output(positions):
    model = transformer(positions=positions)
    x, lengths = events(), of_lengths(5, 5)
    changed = torch.cat([x[:, :3], events(seed=2)[:, 3:]], dim=1)
    one, other = model(x, lengths), model(changed, lengths)
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert ((one - other).abs().amax(dim=2)[:, 3:] > 1e-3).all()


@pytest.mark.parametrize("positions", ["start", "end"])
def test_outputs_do_not_depend_on_batch_mates_or_padding(positions):
    model = transformer(positions=positions)
    x = events(3)
    alone = model(x[:1, :3], of_lengths(3))
    in_company = model(x, of_lengths(3, 5, 1))
    torch.testing.assert_close(in_company[:1, :3], alone)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_a_layer_is_torchs_attention_between_its_norms(heads):
    torch.manual_seed(0)
    layer = TransformerLayer(8, heads, feed_forward=12, dropout=0.3).double().eval()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    attention = nn.MultiheadAttention(8, heads, batch_first=True, dtype=torch.float64)
    weights = {"in_proj": layer.attention, "out_proj.": layer.attention_out}
    attention.load_state_dict(
        {
            f"{name}{'_' if name == 'in_proj' else ''}{kind}": getattr(linear, kind)
            for name, linear in weights.items()
            for kind in ("weight", "bias")
        }
    )
    x = events()
    normalised = layer.attention_norm(x)
    mixed, _ = attention(normalised, normalised, normalised, attn_mask=torch.ones(5, 5).triu(1).bool())
    expected = x + mixed
    hidden = F.relu(layer.first(layer.feed_forward_norm(expected)))
    torch.testing.assert_close(layer(x), expected + layer.second(hidden))


def test_attention_is_one_fused_causal_call(monkeypatch):
    calls = []
    attend = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda *a, **k: calls.append(k) or attend(*a, **k))
    transformer(layers=3)(events(), of_lengths(5, 5))
    assert [(call["is_causal"], call["dropout_p"]) for call in calls] == [(True, 0.0)] * 3


def test_positions_are_counted_from_the_start_or_back_from_each_end():
    lengths = of_lengths(5, 2)
    places = {"start": [[0, 1, 2, 3, 4]] * 2, "end": [[4, 3, 2, 1, 0], [1, 0, 0, 0, 0]]}
    for positions, expected in places.items():
        model = transformer(positions=positions, layers=1, scale=3.0)
        model.layers = nn.ModuleList()
        x = events()
        torch.testing.assert_close(model(x, lengths), model.norm(3 * x + model.position[torch.tensor(expected)]))


def test_a_history_longer_than_the_positions_is_refused():
    model = transformer(max_length=4)
    model(events(steps=4), of_lengths(4, 4))
    with pytest.raises(ValueError, match="5 events are longer than the 4 positions"):
        model(events(), of_lengths(5, 5))


def test_dropout_is_off_outside_training():
    model, x, lengths = transformer(dropout=0.5), events(), of_lengths(5, 5)
    assert not torch.equal(model.train()(x, lengths), model(x, lengths))
    assert torch.equal(model.eval()(x, lengths), model(x, lengths))


def test_stepping_through_a_history_gives_the_same_outputs():
    model, x = transformer(scale=2.0), events()
    whole = model(x, of_lengths(5, 5))
    state = model.init_state(2, x)
    for step in range(5):
        output, state = model.step(x[:, step], state)
        torch.testing.assert_close(output, whole[:, step])


def test_stepping_ends_where_the_positions_do():
    model, x = transformer(max_length=2), events()
    state = model.init_state(2, x)
    for step in range(2):
        _, state = model.step(x[:, step], state)
    with pytest.raises(ValueError, match="all 2 positions are taken"):
        model.step(x[:, 2], state)


def test_positions_from_the_end_cannot_be_stepped_through():
    model, x = transformer(positions="end"), events()
    with pytest.raises(TypeError, match="move with every event"):
        model.step(x[:, 0], model.init_state(2, x))


def test_before_the_first_event_the_output_is_zero():
    assert torch.equal(transformer().empty(3, events()), torch.zeros(3, 8, dtype=torch.float64))
