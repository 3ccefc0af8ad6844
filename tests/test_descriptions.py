"""A model file that says anything at all of its network: one sentence, and never a crash."""

import json

import pytest
from hostile import DEEP, HUGE, RUN, at, described, is_refused, model_file, without

import qptlab as ql
from qptlab.errors import InputError
from qptlab.qpt.networks.base import from_json, to_json
from qptlab.qpt.networks.paper import PaperQPT
from qptlab.qpt.runs.models import about_model, load

MODELS = {
    "a pair track that no memory holds": (at("sizes.pair", HUGE), "sizes must be"),
    "a wider one than its weights": (at("sizes.pair", 2**13), "another shape"),
    "the widest of all": (at("sizes.token", 2**14), "another shape"),
    "endless layers": (at("sizes.layers", HUGE), "sizes must be"),
    "as many layers as are allowed": (at("sizes.layers", 2**14), "another shape"),
    "layers of a hundred digits": (at("sizes.layers", 10**100), "layers is 1000"),
    "half a layer": (at("sizes.layers", 1.5), "layers is 1.5"),
    "a true layer": (at("sizes.layers", True), "layers is True"),
    "layers in words": (at("sizes.layers", "x" * 10**6), "layers is 'xxx"),
    "no response": (at("sizes.response", -1), "sizes must be"),
    "another field": (at("sizes.depth", 3), "sizes has no 'depth'"),
    "sizes in words": (at("sizes", "large"), "expected sizes to be a JSON object"),
    "no sizes": (without("sizes"), "expected sizes to be a JSON object"),
    "elements in words": (at("elements", "HO"), "elements are 'HO'"),
    "elements of no table": (at("elements", ["H", "Qq"]), "elements are"),
    "an element that is a list": (at("elements", [["H"]]), "elements are"),
    "no elements": (at("elements", []), "elements are"),
    "no theory": (without("theory"), "expected theory to be"),
    "a theory in words": (at("theory", "pbe/sto-3g"), "expected theory to be"),
    "half a theory": (without("theory.basis"), "theory lacks basis"),
    "a functional that is a list": (at("theory.xc", ["pbe"]), "xc is"),
    "a numbered basis": (at("theory.basis", 7), "basis is 7"),
    "a true grid": (at("theory.grid", True), "grid is True"),
    "a listed kind": (at("kind", ["block"]), "kind is"),
    "no kind": (without("kind"), "kind is None"),
    "an unknown kind": (at("kind", "<b>"), "unknown kind of network '<b>'"),
    "another version": (at("version", "x" * 10**6), "version 'xxx"),
}


@pytest.mark.parametrize("change, words", MODELS.values(), ids=MODELS)
def test_a_description_that_no_network_has_is_one_sentence(tmp_path, change, words):
    path = model_file(tmp_path / "a.safetensors", json.dumps(change(described())))
    is_refused(lambda: load(path), path, words)


@pytest.mark.parametrize(
    "text, words",
    [
        (DEEP, "nested too deeply"),
        ('{"a":' * 10**5 + "1" + "}" * 10**5, "nested too deeply"),
        ("[1]", "expected it to be a JSON object"),
        ("{", "it is no JSON"),
        ("\ufffd" * 10**6, "it is no JSON"),
        ('{"kind": ' + "9" * 5000 + "}", "it is no JSON"),
    ],
)
def test_a_description_that_is_none_is_one_sentence(tmp_path, text, words):
    path = model_file(tmp_path / "a.safetensors", text)
    is_refused(lambda: load(path), path, words)


def test_the_same_file_with_its_own_description_is_read(tmp_path):
    path = model_file(tmp_path / "a.safetensors", json.dumps(described()))
    assert repr(load(path)) == repr(load(RUN))
    assert about_model(path) == {}


def test_weights_of_another_type_are_not_read(tmp_path):
    path = model_file(tmp_path / "a.safetensors", json.dumps(described()))
    data = path.read_bytes()
    assert b'"F32"' in data
    for kind in (b'"I32"', b'"U32"'):
        path.write_bytes(data.replace(b'"F32"', kind))
        is_refused(lambda: load(path), path, "another type")


def test_what_describes_the_papers_network_is_checked_too():
    network = PaperQPT.create(ql.molecule("water"), "lda/sto-3g")
    record = json.loads(json.dumps(to_json(network)))
    for change in (
        at("size", "endless"),
        at("size", ["tiny"]),
        at("flaws", "idle-layer"),
        at("flaws", [["idle-layer"]]),
        at("flaws", None),
        at("orbitals", [[8, HUGE]]),
        at("orbitals", [[8, -5], [1, 11]]),
        at("orbitals", [[8], [1]]),
        at("orbitals", "5"),
        without("orbitals"),
        at("orbitals", [[8, 5], [8, 1]]),
    ):
        with pytest.raises(InputError):
            from_json(change(json.loads(json.dumps(record))))
