"""Scenarios on the stage: played with live progress and checks, explained by a script for the trainer and a sheet for trainees."""
