"""Terminals that one person uses after another: short time-outs, nothing left behind."""
