"""What a provider must do, one function a requirement; none needs another, and what each is about its requirement says."""
