"""What differs between MindSpore and torch for what a worker does with cells, tensors and random draws."""
