"""What citizens send through the portal: fetched by the institution, kept in its own tables, answered through an outbox.

`applications` and `letters` are read and written by whoever works on them (the cases); `progress` is what an applicant is told; `fetch` and
`tell` are the jobs that go to the portal, which never calls here.
"""
