"""Reads infra/template.yaml and converts CloudFormation's short forms (!Ref, !Sub, ...) to their
long ones."""

from pathlib import Path

import yaml


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """A separate safe loader, so that no other loader knows these tags. In C where PyYAML has it:
    a quarter of the two seconds."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if name == "Fn::GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


def load(path: Path) -> dict:
    return yaml.load(path.read_text(), Loader=_Loader)
