"""Adobe's Media Edge API: media events as XDM, sent to the Edge Network.

fields.py      what mediaCollection calls what the rest of mcmock knows by its Media Collection name
"""
