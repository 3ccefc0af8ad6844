"""What is kept on disk: run folders, model files, and the networks that ship.

Read `folder` (a training as files), `models` (a network as one file: `ql.load`), `request` (what a
training is asked to be), `shipped` (networks that come with qptlab), `weights` (arrays by name).
"""
