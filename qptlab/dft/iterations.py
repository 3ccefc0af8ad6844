"""A scheme's iterations as one program: a fixed number of them, or as many as an array says."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from qptlab.dft.density import Filled, fill
from qptlab.dft.integrals import Integrals
from qptlab.dft.schemes import Build, Scheme, State, build


class Densities(eqx.Module):
    """The densities that an SCF passes through, index 0 being the one it starts from.

    Attributes:
        orbitals: (iterations + 1, ao, occ); filled by each density.
        energies, focks: (iterations,) in hartree and (iterations, ao, ao); of every density but
            the last, whose Fock matrix no iteration needs.
    """

    orbitals: Float[Array, "density ao occ"]
    energies: Float[Array, " iteration"]
    focks: Float[Array, "iteration ao ao"]


def iterate(
    first: Filled, scheme: Scheme[State], state: State, ints: Integrals, iterations: int
) -> Densities:
    """A fixed number of iterations in one program, through which JAX differentiates."""

    def advance(carry: tuple[Filled, State], _: None):
        filled, state = carry
        built = build(filled, ints)
        fock, state = scheme.step(built, state, ints)
        following = fill(fock, ints.overlap, ints.occupation)
        return (following, state), (following.orbitals, built.energy.total, built.fock)

    if not iterations:  # no program for what is never done
        none = jnp.zeros(0), jnp.zeros((0, *ints.overlap.shape))
        return Densities(first.orbitals[None], *none)
    _, (orbitals, *seen) = jax.lax.scan(advance, (first, state), None, length=iterations)
    return Densities(jnp.concatenate([first.orbitals[None], orbitals]), *seen)


def iterate_and_build(
    first: Filled,
    scheme: Scheme[State],
    state: State,
    ints: Integrals,
    iterations: int | Int[Array, ""],
    most: int,
) -> tuple[Build, Float[Array, " density"]]:
    """As `iterate`, and a Fock build of the last density, compiled once for all of them.

    Args:
        iterations: a number that is part of the program, or an array, through which JAX does not
            differentiate in reverse.
        most: iterations that there is room for.

    Returns:
        What the scheme ends with, and the energies (hartree) that 0, 1, … iterations end with;
        NaN for more iterations than there were.
    """

    def advance(k: Int[Array, ""], carry: tuple[Filled, State, Build, Array]):
        filled, state, _, energies = carry
        built = build(filled, ints)
        end = scheme.settle(built, state)

        def go_on() -> tuple[Filled, State]:
            fock, following = scheme.step(built, state, ints)
            return fill(fock, ints.overlap, ints.occupation), following

        def stay() -> tuple[Filled, State]:
            return filled, state

        never = isinstance(iterations, int) and not iterations
        following = stay() if never else jax.lax.cond(k < iterations, go_on, stay)
        return (*following, end, energies.at[k].set(end.energy.total))

    none = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(build, first, ints))
    start = first, state, none, jnp.full(most + 1, jnp.nan)
    _, _, end, energies = jax.lax.fori_loop(0, iterations + 1, advance, start)
    return end, energies
