"""SavedModels with the published signatures of TensorFlow Hub's ELMo and Wiki-words-250, and small random weights."""

from pathlib import Path

import numpy as np

WORDS, LAYER = 512, 1024
BUCKETS = 200


def _random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def export_elmo(
    folder: Path, seed: int = 0, signatures: tuple[str, ...] = ("default", "tokens"), **renamed: str
) -> None:
    """Export a two-layer bidirectional language model: hashed words, and a cell that mixes a word with its left or right.

    Args:
        folder: to write.
        seed: of the weights.
        signatures: which of the published ones it has.
        renamed: published name of an output -> the name that it has instead.
    """
    import tensorflow as tf

    class Elmo(tf.Module):
        def __init__(self):
            super().__init__()
            self.words = tf.Variable(_random(BUCKETS, WORDS, seed=seed))
            self.gates = tf.Variable(_random(2, 2, 2, WORDS, seed=seed + 1))  # layer, direction, (input, state)

        def _layer(self, layer, forward, backward, lengths):
            def run(states, gate):
                steps = tf.transpose(states, [1, 0, 2])
                mixed = tf.scan(lambda state, word: tf.tanh(gate[0] * word + gate[1] * state), steps, steps[0] * 0)
                return tf.transpose(mixed, [1, 0, 2])

            turned = run(tf.reverse_sequence(backward, lengths, seq_axis=1), self.gates[layer, 1])
            return run(forward, self.gates[layer, 0]), tf.reverse_sequence(turned, lengths, seq_axis=1)

        def _outputs(self, tokens, lengths):
            words = tf.gather(self.words, tf.strings.to_hash_bucket_fast(tokens, BUCKETS))
            first = self._layer(0, words, words, lengths)
            second = self._layer(1, *first, lengths)
            one, two = (tf.concat(pair, axis=2) for pair in (first, second))
            elmo = (tf.concat([words, words], axis=2) + one + two) / 3
            mask = tf.sequence_mask(lengths, tf.shape(tokens)[1], tf.float32)[:, :, None]
            mean = tf.reduce_sum(elmo * mask, axis=1) / tf.cast(lengths, tf.float32)[:, None]
            named = {"word_emb": words, "lstm_outputs1": one, "lstm_outputs2": two, "elmo": elmo, "default": mean}
            return {renamed.get(name, name): value for name, value in named.items()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="strings")])
        def default(self, strings):
            tokens = tf.strings.split(strings, " ")
            return self._outputs(tokens.to_tensor(""), tf.cast(tokens.row_lengths(), tf.int32))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.string, name="tokens"),
                tf.TensorSpec([None], tf.int32, name="sequence_len"),
            ]
        )
        def tokens(self, tokens, sequence_len):
            return self._outputs(tokens, sequence_len)

    module = Elmo()
    tf.saved_model.save(module, str(folder), signatures={name: getattr(module, name) for name in signatures})


def export_old_elmo(folder: Path) -> None:
    """Export ELMo's signature in the format of TensorFlow 1 in which elmo/2 is published: words without context."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        table = v1.get_variable("words", initializer=_random(BUCKETS, LAYER))
        tokens, lengths = v1.placeholder(tf.string, [None, None]), v1.placeholder(tf.int32, [None])
        elmo = tf.gather(table, tf.strings.to_hash_bucket_fast(tokens, BUCKETS))
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"tokens": tokens, "sequence_len": lengths}, {"elmo": elmo})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, [], {"tokens": signature})
        builder.save()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")


def export_text_module(folder: Path, dim: int = 250) -> None:
    """Export a callable that splits on spaces and gives the sum of the words' vectors over the root of their number."""
    import tensorflow as tf

    class Words(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.Variable(_random(BUCKETS, dim))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, sentences):
            tokens = tf.strings.split(sentences, " ")
            found = tf.gather(self.table, tf.strings.to_hash_bucket_fast(tokens.flat_values, BUCKETS))
            sums = tf.math.segment_sum(found, tokens.value_rowids())
            count = tf.cast(tokens.row_lengths(), tf.float32)[:, None]
            return tf.math.divide_no_nan(sums, tf.sqrt(count))

    tf.saved_model.save(Words(), str(folder))
