"""Citizens' letters about exchanges: each is answered once, with a correcting entry where the record is wrong."""
