"""What happened to an account: logins, exports, letters, acts of a proxy. Other features note acts; this one keeps and shows them."""
