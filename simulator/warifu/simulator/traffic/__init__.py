"""Traffic: a day, a peak hour or a year of inquiries as institutions make them, some of them misuse, made on a running network (docs/TRAFFIC.md).

`mix` is what is asked when (data in mix.toml), `crowd` whom it can be asked about, `plan` what is going to be asked, with its ground truth,
`misuse` ten ways of asking wrongly; `drive` asks, `detectors` reads what the rules of detection pointed at, `report` tells.
"""
