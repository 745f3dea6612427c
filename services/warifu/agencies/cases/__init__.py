"""Cases: what a clerk works on, which inquiries it justifies, and what came of them.

`forms` says what each procedure's form looks like and what fills it; `procedures` which inquiries it allows today; `kept` is the only place that
reads and writes the tables; `desk` opens, shows, fills and decides; `asking` binds an inquiry to its case before it leaves; `told` lets an
applicant know. What an inquiry was answered stays with the interim server and goes with its term: here stands only that it was made.
"""
