"""Every option once: its default, its range, and where it is taken from."""

import doctest
import inspect
import math

import pytest

from wct import Options, Stylizer, options
from wct.batch.arguments import arguments, options_of
from wct.options import OPTIONS, level_strengths


def test_examples_of_the_docstring_run():
    assert doctest.testmod(options).attempted == 2 and doctest.testmod(options).failed == 0


def test_stylise_takes_every_option_with_its_default():
    parameters = inspect.signature(Stylizer.stylise).parameters
    for name, option in OPTIONS.items():
        assert parameters[name].default == option.default == getattr(Options(), name)
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
    texture, render = (inspect.signature(method).parameters for method in (Stylizer.texture, Stylizer.render))
    assert {name for name in OPTIONS if name in texture} == {"size"} | {
        name for name, option in OPTIONS.items() if not option.needs_photo}
    assert {name for name in OPTIONS if name not in render} == {"size", "stroke", "labels", "tile"}  # of files
    assert all(found[name].default == OPTIONS[name].default for found in (texture, render) for name in OPTIONS
               if name in found and name != "size")


def test_the_command_line_takes_every_option_with_its_default():
    _, args = arguments(["photo", "painting", "--output", "out"])
    assert options_of(args) == {name: option.default for name, option in OPTIONS.items()}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_cannot_be_is_refused_by_name_in_python_and_in_the_shell(name, capsys):
    option = OPTIONS[name]
    bad = {"levels": [0.5, 2]}.get(name, "neither" if option.choices else math.nan)
    with pytest.raises(ValueError, match=name):
        Options(**{name: bad})
    if option.kind is bool:
        return
    for text in ("x,y", *(["-1"] if not option.choices else [])):
        with pytest.raises(SystemExit) as stopped:
            arguments(["photo", "painting", "--output", "out", f"{option.flag}={text}"])
        told = capsys.readouterr().err
        assert stopped.value.code == 2 and option.flag in told and "Traceback" not in told


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.least is not None])
def test_the_ends_of_the_range_are_in_it(name):
    option = OPTIONS[name]
    for value in filter(None, (option.least, option.most)):
        value = value if name in ("size", "tile", "levels") else float(value)
        assert getattr(Options(**{name: value}), name) == value


def test_options_cannot_be_changed():
    with pytest.raises(AttributeError):
        Options().strength = 0.5


def test_levels():
    assert level_strengths(None, 5) == [1] * 4 and level_strengths([0, 0.5, 0], 4) == [0, 0.5]
    with pytest.raises(ValueError, match="levels must be 1 to 4"):
        level_strengths(5, 4)
