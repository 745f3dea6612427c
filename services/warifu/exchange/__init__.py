"""What both ends of an exchange and the gateway must agree on: keys, sealing, permits, answers, records, the directory.

Pure: no sockets, no files but an institution's own keys, no database but the directory's memory.
"""
