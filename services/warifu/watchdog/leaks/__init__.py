"""Leak reports (漏えい等報告, art. 29-4): preliminary and final, with their terms; overdue ones are shown."""
