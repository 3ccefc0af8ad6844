"""qptlab: the Kohn–Sham energy is a loss function."""

import jax

# Everything that enters an energy is float64: float32 energies carry 40 µHa of noise.
jax.config.update("jax_enable_x64", True)
