"""Cases at the counter: a visitor's or an applicant's, the inquiries that their procedure allows, answers in the form's place."""
