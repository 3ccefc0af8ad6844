"""Networks: from what is known of a molecule to ΔF, and how exchange and correlation respond.

Read `base` first (what every network is), then `block` (ours, which turns with the molecule), and
`paper` (the paper's) for comparison. `response_net` is a part of `block`, `orbital_inputs` of
`paper`.
"""
