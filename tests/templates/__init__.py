"""Real chat templates with which rendering is tested."""
