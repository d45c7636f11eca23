"""Places of keys in the sections of a configuration: which keys a section has, and where else a key lives.

A word of other programs, such as `lr`, is answered with our key for it.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from lstmzoo.errors import did_you_mean, nearest

Path = tuple[str | int, ...]
MAX_HOMES = 3  # of a key that lives in many sections


TAGS = ("kind", "name")  # keys whose value selects among several sections
_TABLE = """
batch_size: batch batchsize bs minibatch mini_batch minibatch_size mini_batch_size train_batch_size lanes num_lanes
depth: layers num_layers n_layers nlayers num_layer n_layer layer_count
dropout: dropout_rate dropout_prob dropout_p drop_rate drop_prob
embedding_dim: embedding embedding_size embed_dim embed_size emb_dim emb_size emsize n_embd
epochs: epoch num_epochs n_epochs nepochs max_epochs num_train_epochs
epsilon: eps
fraction: validation_split validation_fraction val_split val_fraction val_frac test_size
grad_clip_norm: clip grad_clip clip_grad clip_norm max_grad_norm gradient_clip gradient_clip_norm gradient_clip_val
grad_clip_value: clip_value gradient_clip_value clip_grad_value clip_gradient_value
keep: max_to_keep save_total_limit
learning_rate: lr eta base_lr init_lr initial_lr initial_learning_rate
patience: early_stopping early_stopping_patience
schedule: scheduler lr_schedule lr_scheduler learning_rate_schedule lr_decay
seed: random_seed random_state manual_seed rng_seed
seq_length: seq_len seqlen sequence_length bptt bptt_len unroll time_steps timesteps block_size context_length
steps: max_steps n_steps num_train_steps train_steps total_steps iterations iters max_iters num_iterations
temperature: temp
text: data_file data_path dataset text_file input_file file
time_budget: max_time time_limit max_seconds
units: hidden hidden_size hidden_dim hidden_units n_hidden num_hidden num_units n_units rnn_size rnn_units lstm_units
weight_decay: wd l2
"""  # our keys, and the words of other programs for them
OURS = {
    word: ours for ours, words in (line.split(": ") for line in _TABLE.strip().splitlines()) for word in words.split()
}


class Home(NamedTuple):
    """A place of a key: its section's path, and the kind or name, such as "kind char", with which it exists."""

    path: Path
    tag: str


def hint(path: Path, root: type[BaseModel], location: Path) -> str:
    """Return the nearest legal name of an unknown key's section, or where the key lives, or the legal names.

    `path`: of the key; `root`: the section that holds all; `location`: pydantic's path, where a tag such as "adam"
    selects among several sections.
    """
    homes = [] if path[-1] in TAGS else list(_homes(root, str(path[-1])))
    here = dict.fromkeys(home.tag for home in homes if home.path == path[:-1] and home.tag)
    if here:
        return f"; it belongs to {' or '.join(here)}"
    legal = legal_keys(path[:-1], root, location)
    ours = None if homes else OURS.get(str(path[-1]).lower())
    if ours in legal:
        return f"; did you mean {ours}?"
    if ours and any(_homes(root, ours)):
        return f"; did you mean {ours} ({hint((*path[:-1], ours), root, location)[2:]})?"
    elsewhere = " or ".join(
        list(dict.fromkeys(".".join(map(str, (*home.path, path[-1]))) for home in homes))[:MAX_HOMES]
    )
    if near := nearest(path[-1], legal):
        return near + (f" ({elsewhere} exists too)" if elsewhere else "")
    return f"; its place is {elsewhere}" if elsewhere else did_you_mean(path[-1], legal)


def _homes(section: type[BaseModel], key: str, path: Path = (), tag: str = "") -> Iterator[Home]:
    for name, field in section.model_fields.items():
        below = field.alias or name
        if below == key:
            yield Home(path, tag)
        found = sections_in(field.annotation)
        for inner in found:
            yield from _homes(inner, key, (*path, below), " ".join(_tag(inner)) if len(found) > 1 else "")


def legal_keys(path: Path, section: type[BaseModel], location: Path) -> set[str]:
    """Return the keys of the section at a path; a tag in pydantic's location, such as "adam", selects among several."""
    for key in path:
        found = {field.alias or name: field for name, field in section.model_fields.items()}
        sections = sections_in(found[str(key)].annotation)
        section = next((each for each in sections if _tag(each)[-1:] in [(part,) for part in location]), sections[0])
    return {field.alias or name for name, field in section.model_fields.items()}


def sections_in(annotation: object) -> list[type[BaseModel]]:
    """Collect the sections that an annotation names, such as those of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]


def _tag(section: type[BaseModel]) -> tuple[str, ...]:
    """Return the key and the value that select a section, such as ("name", "adam"); () for a section without them."""
    for key in TAGS:
        field = section.model_fields.get(key)
        if field and get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            return key, str(get_args(field.annotation)[0])
    return ()
