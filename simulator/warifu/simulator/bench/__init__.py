"""Measurements as ratios: two things under the same load, by turns, in one run on one machine.

`ratios` says what a ratio is; `network` is the network that is measured, `children` are its processes; `log` is the cost of the public log.
"""
