"""What people see: the style of every figure, live plots, latent maps."""
