"""What every web face is made of, whatever it shows: guard, languages, frame, look, static files.

A face is a folder with `templates/`, `static/` and `locale/`, laid over the folders of the same names here: `Pages.of(folder, domain)`,
then `application(face, pages, routes)`. Nothing is loaded from outside, no page may run a script unless its face says so, and nothing
here knows a party or keeps a state.
"""
