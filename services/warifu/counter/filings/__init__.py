"""What the institution files with the supervisor: ordinance uses, leak reports, replies to measures."""
