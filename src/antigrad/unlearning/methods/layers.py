"""The last layers of a network: what is trained when all before them is frozen."""

from __future__ import annotations

from torch import nn

from antigrad.core.errors import InputValueError


def last_layers(module: nn.Module, count: int) -> list[str]:
    """Name the parameters of the last layers.

    Of a transformer these are the last blocks with all that comes after them (norm, head); of other networks the last
    children with parameters, as stages of a ResNet, sequences being opened where there are too few.

    Args:
        module: The network.
        count: How many.

    Returns:
        Names of parameters.

    Raises:
        InputValueError: There are not more layers than that: nothing would stay frozen.

    Example:
        >>> last_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.Linear(2, 2)), 2)
        ['2.weight', '2.bias', '3.weight', '3.bias']
    """
    blocks = transformer_blocks(module)
    units = blocks or _children(module, "", count)
    if count < 1 or len(units) <= count:
        raise InputValueError(
            f"the last {count} of {len(units)} layers ({', '.join(units[:4])} …)", "some layers before them", "lower k"
        )
    names = [name for name, _ in module.named_parameters()]
    if blocks:
        of_blocks = [place for place, name in enumerate(names) if name.startswith(units[-count] + ".")]
        return names[of_blocks[0] :]
    return [name for name in names if any(name == unit or name.startswith(f"{unit}.") for unit in units[-count:])]


def transformer_blocks(module: nn.Module) -> list[str]:
    """Find the blocks of a transformer: the longest list of children that all hold attention.

    Args:
        module: The network.

    Returns:
        Their dotted names, in order; empty where there are none.
    """
    best: list[str] = []
    for name, container in module.named_modules():
        children = list(container.named_children())
        alike = len({type(child) for _, child in children}) == 1
        if len(children) > max(1, len(best)) and alike and all(_attends(child) for _, child in children):
            best = [f"{name}.{child}".lstrip(".") for child, _ in children]
    return best


def _attends(module: nn.Module) -> bool:
    return any("attention" in type(part).__name__.lower() for part in module.modules())


def _children(module: nn.Module, prefix: str, count: int) -> list[str]:
    # Children with parameters, the last container opened while there are not more than asked for.
    units = {
        f"{prefix}{name}": child for name, child in module.named_children() if any(True for _ in child.parameters())
    }
    while len(units) <= count:
        inner = next((name for name in reversed(units) if _opened(units[name])), None)
        if inner is None:
            break
        opened = {f"{inner}.{name}": part for name, part in _opened(units[inner]).items()}
        units = {
            new: part
            for name, child in units.items()
            for new, part in (opened.items() if name == inner else ((name, child),))
        }
    return list(units)


def _opened(module: nn.Module) -> dict[str, nn.Module]:
    return {name: child for name, child in module.named_children() if any(True for _ in child.parameters())}
