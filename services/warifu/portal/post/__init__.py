"""The citizen's post: what is sent to institutions and to the supervisor waits here until they fetch it, and what they answer comes back.

`service` is the face towards them; `applications` and `letters` are the two kinds of post behind it. The portal calls no addressee.
"""
