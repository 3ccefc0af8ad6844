"""The training loop: geometries in, a stream of `StepLog`s out.

Read `config` (settings and what is logged), `run` (`Training`, the loop), `step` (one gradient
step) and `state` (what it changes). Around them: `geometries` and `pool` (prepared in the
background, as many as fit), `validation` (errors beside the baselines), `timer`, and `estimate`
(said before anything runs).
"""
