"""What was found, and what rules of detection point at: lists, and single ones, whose opening is an entry in the public log."""
