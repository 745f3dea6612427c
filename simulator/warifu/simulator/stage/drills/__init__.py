"""Incident drills on the stage: begun, followed task by task while trainees act in the other faces, graded, explained and printed."""
