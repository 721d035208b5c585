"""What one training run costs, emits and reaches, before it is trained."""
