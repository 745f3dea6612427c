"""The trainer's face: plays scenarios, moves the clock, plants faults, and leads into every other face.

It belongs to no party. The launcher serves it, since that process has what a trainer needs: the list of the network's doors and the control
sockets. It knows only what those tell; whatever it shows of an exchange is read through `view`.
"""
