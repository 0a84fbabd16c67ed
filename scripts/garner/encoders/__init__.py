"""What the kinds with a pretrained encoder need at every stage from dictionary to predict."""
