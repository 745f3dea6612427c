"""The card service: demo persons' cards with real keys and certificates, PINs that lock, and the web face on which one is chosen.

It stands for the card in a person's hand, the reader and the driver. It is the simulator's, and no party trusts it: the portal believes
a signature under a certificate of the card authority, nothing else.
"""
