"""What the portal tells a citizen: an answer came, a form went on. Other features add notices; this one keeps and shows them."""
