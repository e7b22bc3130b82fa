"""Training: its configuration, its objectives and its loop. It knows no evaluation."""
